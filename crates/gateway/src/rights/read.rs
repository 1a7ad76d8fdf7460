//! The records about a person's rights: opened, and put into the domain's words.

use std::collections::HashMap;

use jiff::civil::Date;
use prost::Message;
use sendhub_contracts::disclosure;
use sendhub_contracts::rights::v1 as wire;
use sendhub_contracts::types::v1::{AgencyReference, Answer};
use sendhub_domain::age::{SchoolYearStart, anniversary, last_friday_in_june};
use sendhub_domain::disclosure::Item;
use sendhub_domain::exchange::RightsRecordId;
use sendhub_domain::person::{SubjectId, comparable_name};
use sendhub_domain::plan_limit::Provision;
use sendhub_domain::rights::{
    AgeDetermination, CapacityFinding, CapacityOutcome, Consent, ConsentDecision, CopyPreference, Covers,
    DecisionKind, Exclusion, Giver, LaOpinion, Parent, ParentAuthority, ParentStanding, PartyRef, Person,
    PlanContinuation, Reach, Recipients, RecordHead, Representative, RepresentativeKind, RequestKind,
    Restriction, RestrictionKind, RightsFacts, SubjectRequest, Understanding, Validity,
};
use sendhub_store::seal::{DataKey, SealPurpose};
use sendhub_store::{Directory, StoreError};

use super::kept::{Kept, Record, RightsHeld};
use crate::assessment::steps::{agency, day};
use crate::hub::{Hub, day_in_england};

impl Hub {
    /// Reads and opens everything that is recorded of a person's rights.
    pub(crate) async fn rights_of(
        &self,
        subject: SubjectId,
        key: &DataKey,
        born: Date,
    ) -> Result<RightsHeld, StoreError> {
        let held = self.store.rights(subject).await?;
        let mut opened = Vec::with_capacity(held.records.len());
        for row in &held.records {
            let text = key.open(SealPurpose::Rights(row.record), subject, &row.sealed)?;
            opened.push(Record {
                id: row.record,
                recorded_by: row.recorded_by.clone(),
                recorded_at: row.recorded_at,
                kept: Kept::decode(text.as_slice()).map_err(|_| StoreError::Corrupt("rights record"))?,
            });
        }
        Ok(RightsHeld {
            facts: facts(&opened, born, &self.directory.load()),
            revision: held.revision,
            records: opened.iter().map(|one| one.id).collect(),
            opened,
        })
    }
}

/// Every record in the domain's words.
pub(crate) fn facts(records: &[Record], born: Date, directory: &Directory) -> RightsFacts {
    let mut facts = RightsFacts::new(born, SchoolYearStart::Unknown);
    let ends = ends(records);
    for record in records {
        let head = RecordHead {
            id: record.id,
            recorded_by: record.recorded_by.clone(),
            recorded_on: day_in_england(record.recorded_at),
            superseded_on: superseded_on(record.id, records),
        };
        let ended = ends.get(&record.id).copied();
        let ended_on = ended.map(|(on, _)| on);
        if let Some(consent) = &record.kept.consent {
            take_consent(&mut facts, consent, &head, ended, directory);
        }
        if let Some(fact) = &record.kept.fact {
            // A fact that was withdrawn no longer stands from that day on.
            let head = RecordHead {
                superseded_on: earliest(head.superseded_on, ended_on),
                ..head
            };
            take_fact(&mut facts, fact, &head, directory);
        }
    }
    imply_parents(&mut facts);
    facts
}

fn earliest(one: Option<Date>, other: Option<Date>) -> Option<Date> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// From which day each ended record no longer counts, and the latest record that says so.
fn ends(records: &[Record]) -> HashMap<RightsRecordId, (Date, RightsRecordId)> {
    let mut ends: HashMap<RightsRecordId, (Date, RightsRecordId)> = HashMap::new();
    for record in records {
        let Some(ended) = &record.kept.ended else {
            continue;
        };
        let id = uuid::Uuid::try_parse(&ended.record).map(RightsRecordId);
        if let (Ok(id), Ok(on)) = (id, ended.on.parse::<Date>()) {
            ends.entry(id)
                .and_modify(|known| *known = (known.0.min(on), known.1.max(record.id)))
                .or_insert((on, record.id));
        }
    }
    ends
}

/// The day on which another record took a record's place.
pub(crate) fn superseded_on(id: RightsRecordId, records: &[Record]) -> Option<Date> {
    let named = |name: &str| name.rsplit('/').next().is_some_and(|text| text == id.to_string());
    records
        .iter()
        .filter(|other| {
            let consent = other.kept.consent.as_ref().map(|one| one.supersedes.as_str());
            let fact = other.kept.fact.as_ref().map(|one| one.supersedes.as_str());
            consent.or(fact).is_some_and(named)
        })
        .map(|other| day_in_england(other.recorded_at))
        .min()
}

/// A parent or representative as records name them: compared like names, and never shown.
fn party(name: &str) -> PartyRef {
    PartyRef::new(&comparable_name(name))
}

fn items(wire: impl Iterator<Item = sendhub_contracts::types::v1::Item>) -> Covers<Item> {
    let listed: Vec<Item> = wire.filter_map(disclosure::item).collect();
    if listed.is_empty() {
        Covers::Any
    } else {
        Covers::Only(listed)
    }
}

fn recipients(named: &[AgencyReference], any: bool, directory: &Directory) -> Recipients {
    if any {
        return Recipients::Any;
    }
    Recipients::Named {
        agencies: named
            .iter()
            .filter_map(|one| agency(Some(one), directory))
            .collect(),
        roles: Vec::new(),
    }
}

fn take_consent(
    facts: &mut RightsFacts,
    wire: &wire::Consent,
    head: &RecordHead,
    ended: Option<(Date, RightsRecordId)>,
    directory: &Directory,
) {
    use wire::GiverKind as Kind;
    let giver = match wire.giver() {
        Kind::Child | Kind::YoungPerson => Giver::Subject,
        Kind::Representative | Kind::ParentsRepresentative => Giver::Representative(party(&wire.giver_name)),
        Kind::Parent
        | Kind::AuthorisedParent
        | Kind::AlternativePerson
        | Kind::CorporateParent
        | Kind::Unspecified => Giver::Parent(party(&wire.giver_name)),
    };
    let given_on = day(wire.given_on.as_ref()).unwrap_or(head.recorded_on);
    let reach = Reach {
        items: items(wire.items()),
        recipients: recipients(&wire.recipients, wire.any_recipient, directory),
        purposes: if wire.purposes.is_empty() {
            Covers::Any
        } else {
            Covers::Only(wire.purposes.clone())
        },
    };
    if !wire.excluded_recipients.is_empty() {
        facts.exclusions.push(Exclusion {
            head: head.clone(),
            reach: Reach {
                recipients: recipients(&wire.excluded_recipients, false, directory),
                ..Reach::ANY
            },
            valid: Validity::from(given_on),
        });
    }
    facts.consents.push(Consent {
        head: head.clone(),
        giver,
        decision: match wire.decision() {
            wire::ConsentDecision::Granted => ConsentDecision::Granted,
            // What is not said is not a grant.
            wire::ConsentDecision::Refused | wire::ConsentDecision::Unspecified => ConsentDecision::Refused,
        },
        given_on,
        reach,
        valid: Validity {
            from: day(wire.valid_from.as_ref()).unwrap_or(given_on),
            until: day(wire.valid_until.as_ref()),
        },
        withdrawn_on: ended.map(|(on, _)| on),
        withdrawn_by: ended.map(|(_, by)| by),
    });
}

/// The decision that a finding or power speaks of: a code of the domain, or an item's, which then means the consent
/// to disclose it.
pub(crate) fn decision(code: &str) -> Option<(DecisionKind, Reach)> {
    if let Some(kind) = DecisionKind::from_code(code) {
        return Some((kind, Reach::ANY));
    }
    let item = Item::from_code(code)?;
    let reach = Reach {
        items: Covers::Only(vec![item]),
        ..Reach::ANY
    };
    Some((DecisionKind::ConsentToDisclosure, reach))
}

/// The decisions that an authority or appointment names and, for consents to disclosure, for which items. What names
/// items alone is none for others; what names nothing known covers nothing.
fn decisions(codes: &[String]) -> (Covers<DecisionKind>, Reach) {
    let named: Vec<(DecisionKind, Reach)> = codes.iter().filter_map(|code| decision(code)).collect();
    let disclosures = || {
        named
            .iter()
            .filter(|(kind, _)| *kind == DecisionKind::ConsentToDisclosure)
            .map(|(_, reach)| &reach.items)
    };
    let items = if disclosures().any(|items| *items == Covers::Any) {
        Covers::Any
    } else {
        let listed = disclosures().filter_map(|items| match items {
            Covers::Only(listed) => Some(listed.clone()),
            Covers::Any => None,
        });
        Covers::Only(listed.flatten().collect())
    };
    let kinds = named.iter().map(|(kind, _)| *kind).collect();
    (Covers::Only(kinds), Reach { items, ..Reach::ANY })
}

fn person(of: wire::CapacityOf, name: &str) -> Person {
    match of {
        wire::CapacityOf::Parent => Person::Parent(party(name)),
        wire::CapacityOf::YoungPerson | wire::CapacityOf::Unspecified => Person::Subject,
    }
}

fn take_fact(facts: &mut RightsFacts, wire: &wire::RightsFact, head: &RecordHead, directory: &Directory) {
    use wire::rights_fact::Fact;
    let valid = Validity {
        from: day(wire.valid_from.as_ref()).unwrap_or(head.recorded_on),
        until: day(wire.valid_until.as_ref()),
    };
    let head = head.clone();
    match &wire.fact {
        Some(Fact::UnderstandingFinding(found)) => {
            // Only a definite answer is a finding: "not known" neither gives the child the say nor takes it away.
            let sufficient = match found.understands() {
                Answer::Yes => true,
                Answer::No => false,
                Answer::Unspecified | Answer::Unknown | Answer::Refused => return,
            };
            // Without a decision it is found for sharing a plan, appendices included (reg 17(2), (5)); for another
            // decision it says nothing about sharing.
            let reach = match decision(&found.decision) {
                Some((DecisionKind::ConsentToDisclosure, reach)) => reach,
                Some(_) => return,
                None => Reach {
                    items: Covers::Only(vec![Item::EhcPlan, Item::EhcAppendixAdvice]),
                    ..Reach::ANY
                },
            };
            facts.understandings.push(Understanding {
                reach,
                sufficient,
                assessed_on: day(found.assessed_on.as_ref()).unwrap_or(head.recorded_on),
                review_by: day(found.review_by.as_ref()),
                head,
            });
        }
        Some(Fact::CapacityFinding(found)) => {
            let (Some((kind, reach)), Some(review_by)) =
                (decision(&found.decision), day(found.review_by.as_ref()))
            else {
                return;
            };
            let outcome = match found.outcome() {
                wire::CapacityOutcome::LacksCapacity => CapacityOutcome::LacksCapacity,
                wire::CapacityOutcome::HasCapacity => CapacityOutcome::HasCapacity,
                wire::CapacityOutcome::Unspecified => return,
            };
            facts.capacity.push(CapacityFinding {
                of: person(found.of(), &found.parent_name),
                decision: kind,
                reach,
                outcome,
                assessed_by: found.assessed_by_role.clone(),
                assessed_on: day(found.assessed_on.as_ref()).unwrap_or(head.recorded_on),
                review_by,
                head,
            });
        }
        Some(Fact::Representative(one)) => {
            let (decisions, reach) = decisions(&one.decisions);
            facts.representatives.push(Representative {
                of: person(one.of(), &one.parent_name),
                party: party(&one.name),
                kind: match one.kind() {
                    wire::RepresentativeKind::LastingPower => RepresentativeKind::LastingPower,
                    wire::RepresentativeKind::EnduringPower => RepresentativeKind::EnduringPower,
                    _ => RepresentativeKind::Deputy,
                },
                decisions,
                reach,
                valid,
                head,
            });
        }
        Some(Fact::AuthorityForParent(one)) => {
            let (decisions, reach) = decisions(&one.decisions);
            facts.authorities.push(ParentAuthority {
                party: party(&one.parent_name),
                decisions,
                reach,
                valid,
                revoked_on: head.superseded_on,
                head,
            });
        }
        Some(Fact::Exclusion(one)) => facts.exclusions.push(Exclusion {
            reach: Reach {
                items: items(one.items()),
                recipients: Recipients::Named {
                    agencies: agency(one.agency.as_ref(), directory).into_iter().collect(),
                    roles: Vec::new(),
                },
                purposes: Covers::Any,
            },
            valid,
            head,
        }),
        Some(Fact::CopyPreference(one)) => facts.copies.push(CopyPreference {
            party: party(&one.copies_to),
            items: items(one.items()),
            wanted: one.wanted() == Answer::Yes,
            valid,
            head,
        }),
        Some(Fact::AuthorityOpinion(one)) => facts.opinions.push(LaOpinion {
            officer: format!("{} {}", one.officer_name, one.officer_role),
            reason: one.reason.clone(),
            reach: Reach {
                items: items(one.items()),
                recipients: Recipients::Named {
                    agencies: agency(one.recipient.as_ref(), directory).into_iter().collect(),
                    roles: Vec::new(),
                },
                purposes: Covers::Any,
            },
            valid: Validity {
                from: day(one.from.as_ref()).unwrap_or(valid.from),
                until: day(one.until.as_ref()).or(valid.until),
            },
            head,
        }),
        Some(Fact::AgeDetermination(one)) => {
            if let Some(last_day_of_csa) = ruled_last_day(one, facts.born) {
                facts.determinations.push(AgeDetermination {
                    ruled_on: day(one.ruled_on.as_ref()).unwrap_or(head.recorded_on),
                    last_day_of_csa,
                    head,
                });
            }
        }
        Some(Fact::PlanContinuation(one)) => {
            let Some(ends_on) = day(one.until.as_ref()) else {
                return;
            };
            if head.superseded_on.is_none() {
                facts.continuation = Some(PlanContinuation {
                    provision: match one.kind() {
                        wire::ContinuationKind::Apprenticeship => Provision::Apprenticeship,
                        wire::ContinuationKind::OtherTraining => Provision::OtherTraining,
                        _ => Provision::FurtherEducation,
                    },
                    training_finishes: day(one.training_ends_on.as_ref()),
                    ends_on,
                    head,
                });
            }
        }
        Some(Fact::ParentalResponsibility(one)) => facts.parents.push(Parent {
            party: party(&one.holder_name),
            standing: match one.has() {
                Answer::Yes => ParentStanding::ParentalResponsibility,
                _ => ParentStanding::Neither,
            },
            valid,
            head,
        }),
        Some(Fact::AccessRestriction(one)) => facts.restrictions.push(Restriction {
            party: party(&one.person_name),
            kind: if one.no_contact() == Answer::Yes {
                RestrictionKind::NoContact
            } else {
                RestrictionKind::AccessRestriction
            },
            valid: Validity {
                from: day(one.from.as_ref()).unwrap_or(valid.from),
                until: day(one.until.as_ref()).or(valid.until),
            },
            head,
        }),
        Some(Fact::RequestOnFile(one)) => facts.requests.push(SubjectRequest {
            kind: match one.kind() {
                wire::RequestKind::HigherEducation => RequestKind::HigherEducation,
                _ => RequestKind::Dsa,
            },
            by: Giver::Subject,
            // A recipient whom the directory does not know is nobody here, never everybody.
            recipients: Recipients::Named {
                agencies: agency(one.recipient.as_ref(), directory).into_iter().collect(),
                roles: Vec::new(),
            },
            made_on: day(one.made_on.as_ref()).unwrap_or(head.recorded_on),
            until: valid.until,
            withdrawn_on: head.superseded_on,
            head,
        }),
        Some(Fact::ServiceFamily(one)) if head.superseded_on.is_none() => {
            facts.serving_parent = crate::assessment::steps::known(one.serving());
        }
        Some(Fact::SchoolYearStart(one)) => {
            if let (Some(first), true) = (day(one.first_day.as_ref()), head.superseded_on.is_none()) {
                facts.school_year = SchoolYearStart::Confirmed(first);
            }
        }
        // Nothing, or what was withdrawn.
        Some(Fact::ServiceFamily(_)) | None => {}
    }
}

/// The last day of compulsory school age that a ruling means.
pub(crate) fn ruled_last_day(one: &wire::AgeDetermination, born: Date) -> Option<Date> {
    let year = anniversary(born, 16).year();
    match one.status() {
        wire::AgeStatus::ChildBelowCsa | wire::AgeStatus::ChildOfCsa => {
            Some(last_friday_in_june(year.saturating_add(1)))
        }
        wire::AgeStatus::Unspecified | wire::AgeStatus::NeedsDetermination => None,
        _ => day(one.from.as_ref()).and_then(|from| from.yesterday().ok()),
    }
}

/// Who gives a consent as a parent is, by the recorder's own word, a parent: the record of the consent says with what
/// evidence. What is recorded to the contrary, and every restriction, goes before it.
fn imply_parents(facts: &mut RightsFacts) {
    let given: Vec<(PartyRef, RecordHead, Date)> = facts
        .consents
        .iter()
        .filter_map(|consent| match &consent.giver {
            Giver::Parent(party) => Some((party.clone(), consent.head.clone(), consent.given_on)),
            _ => None,
        })
        .collect();
    for (party, head, from) in given {
        if !facts.parents.iter().any(|parent| parent.party == party) {
            facts.parents.push(Parent {
                head,
                party,
                standing: ParentStanding::ParentalResponsibility,
                valid: Validity::from(from),
            });
        }
    }
}
