//! What a careful clerk would keep beside the hub: the same records on paper, and the rules asked by hand.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use jiff::civil::Date;
use sendhub_contracts::assessment::v1 as assessment;
use sendhub_contracts::convert::wire_date;
use sendhub_contracts::rights::v1 as wire;
use sendhub_contracts::rights::v1::rights_fact::Fact;
use sendhub_contracts::types::v1 as types;
use sendhub_domain::age::SchoolYearStart;
use sendhub_domain::agency::{AgencyId, AgencyKind, AgencyStatus};
use sendhub_domain::disclosure::{
    AgreementStanding, BreakGlass, ConsentStanding, Ground, GroundProof, Item, RecipientRole,
    ReferralStanding,
};
use sendhub_domain::exchange::{DeliveryState, RightsRecordId};
use sendhub_domain::rights::{
    CapacityFinding, CapacityOutcome, Consent, ConsentDecision, Covers, DecisionKind, Exclusion, Giver,
    Parent, ParentAuthority, ParentStanding, PartyRef, Person, Reach, Recipients, RecordHead, Representative,
    RepresentativeKind, RightsFacts, Scope, Understanding, Validity,
};
use sendhub_policy::{
    AuthorityConsent, Continuation, Decision, DisclosureFacts, Effect as Outcome, Exclusion as KeptOut,
    ExistingAdvice, Facts, FamilyView, PolicySet, Question, RecipientParty, S23Steps, SchoolPlacement,
    ServingParent, Stage,
};
use uuid::Uuid;

use super::Step;
use crate::clock::{Clock as _, SystemClock};

/// Who may be sent the plan.
pub(super) const AGENCIES: [&str; 2] = ["college", "next-school"];
const KINDS: [AgencyKind; 2] = [AgencyKind::Post16, AgencyKind::Academy];
const PURPOSE: &str = "SUPPORT";
const PARENT: &str = "Invented Parent";

static POLICY: LazyLock<PolicySet> = LazyLock::new(|| PolicySet::built_in().unwrap());

/// One copy of a plan that was sent.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    pub(super) agency: usize,
    pub(super) exchange: String,
    pub(super) delivery: Option<String>,
    pub(super) state: DeliveryState,
    /// What named persons decided, each for a reason.
    pub(super) decided: Vec<(String, bool)>,
}

impl Copy {
    pub(super) fn new(agency: usize, receipt: &types::Receipt) -> Self {
        let one = &receipt.recipient_decisions[0];
        Self {
            agency,
            exchange: receipt.exchange.clone(),
            delivery: (!one.delivery_id.is_empty()).then(|| one.delivery_id.clone()),
            state: DeliveryState::Waiting,
            decided: Vec::new(),
        }
    }
}

/// Puts a recorded fact on paper, under the name that the hub gave it.
pub(super) type Take = Box<dyn FnOnce(&mut Model, &str)>;

pub(super) struct Model {
    number: u32,
    pub(super) facts: RightsFacts,
    pub(super) copies: Vec<Copy>,
    policy: &'static PolicySet,
    /// Facts that have not ended, by the hub's names.
    named: Vec<String>,
}

fn request_id() -> String {
    SystemClock.new_id().to_string()
}

fn id_of(name: &str) -> RightsRecordId {
    RightsRecordId(Uuid::parse_str(name.rsplit('/').next().unwrap()).unwrap())
}

fn head(name: &str, today: Date) -> RecordHead {
    RecordHead {
        id: id_of(name),
        recorded_by: AgencyId::parse("authority").unwrap(),
        recorded_on: today,
        superseded_on: None,
    }
}

fn reach(to: Option<usize>) -> Reach {
    Reach {
        items: Covers::Only(vec![Item::EhcPlan]),
        recipients: to.map_or(Recipients::Any, |to| Recipients::Named {
            agencies: vec![AgencyId::parse(AGENCIES[to]).unwrap()],
            roles: vec![],
        }),
        purposes: Covers::Any,
    }
}

fn reference(agency: usize) -> types::AgencyReference {
    types::AgencyReference {
        identifier: Some(types::agency_reference::Identifier::AgencyId(
            AGENCIES[agency].into(),
        )),
    }
}

fn parent() -> PartyRef {
    PartyRef::new("parent")
}

impl Model {
    pub(super) fn new(born: Date) -> Self {
        static NUMBERS: AtomicU32 = AtomicU32::new(1);
        Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            facts: RightsFacts::new(born, SchoolYearStart::Unknown),
            copies: Vec::new(),
            policy: &POLICY,
            named: Vec::new(),
        }
    }

    pub(super) fn person(&self) -> types::PersonReference {
        types::PersonReference {
            identifiers: vec![types::TypedIdentifier {
                system: types::IdentifierSystem::Upn.into(),
                value: upn(self.number),
                ..types::TypedIdentifier::default()
            }],
            surname: "Invented".into(),
            forename: "Pupil".into(),
            date_of_birth: Some(wire_date(self.facts.born)),
            ..types::PersonReference::default()
        }
    }

    /// What the built-in rules say of one copy on a day.
    pub(super) fn decide(
        &self,
        to: usize,
        stage: Stage,
        today: Date,
        decided: &[(String, bool)],
    ) -> Arc<Decision> {
        let recipient = AgencyId::parse(AGENCIES[to]).unwrap();
        let scope = Scope {
            item: Item::EhcPlan,
            recipient: &recipient,
            role: RecipientRole::ThirdParty,
            purpose: PURPOSE,
        };
        let consent = self.facts.consent_standing(&scope, today).standing;
        let ask = |referral| {
            self.policy.decide(&Question {
                on: today,
                facts: Facts::Disclosure(DisclosureFacts {
                    stage,
                    item: Item::EhcPlan,
                    sender_kind: AgencyKind::LocalAuthority,
                    sender_status: AgencyStatus::Active,
                    recipient: RecipientParty::Agency(KINDS[to], AgencyStatus::Active),
                    role: RecipientRole::ThirdParty,
                    ground: Ground::None,
                    proof: GroundProof::Proven,
                    status: self.facts.status_on(today),
                    ability: self.facts.ability_for(&scope, today),
                    consent,
                    family_view: match consent {
                        ConsentStanding::Refused | ConsentStanding::Withdrawn => FamilyView::Refuses,
                        _ => FamilyView::NotRecorded,
                    },
                    agreement: AgreementStanding::None,
                    referral,
                    break_glass: BreakGlass::No,
                    excluded: match self.facts.excluded(&scope, today) {
                        Some(_) => KeptOut::Excluded,
                        None => KeptOut::No,
                    },
                    plan_continuation: Continuation::None,
                    existing_advice: ExistingAdvice::NotClaimed,
                    s23_steps: S23Steps::NotNeeded,
                    school_placement: SchoolPlacement::Ordinary,
                    authority_consent: AuthorityConsent::NotRecorded,
                    serving_parent: ServingParent::NotKnown,
                }),
            })
        };
        let decision = ask(ReferralStanding::NotDecided);
        let word = decided.iter().find(|(reason, _)| *reason == decision.reason_code);
        match word {
            Some((_, true)) if decision.effect == Outcome::Refer => ask(ReferralStanding::Allowed),
            Some((_, false)) if decision.effect == Outcome::Refer => ask(ReferralStanding::Refused),
            _ => decision,
        }
    }

    /// Stops what waits and may no longer be had; how many.
    pub(super) fn stop(&mut self, today: Date) -> u32 {
        let denied: Vec<usize> = (0..self.copies.len())
            .filter(|&at| {
                let copy = &self.copies[at];
                let stage = Stage::Collect(DeliveryState::Waiting);
                copy.delivery.is_some()
                    && copy.state == DeliveryState::Waiting
                    && self.decide(copy.agency, stage, today, &copy.decided).effect == Outcome::Deny
            })
            .collect();
        for &at in &denied {
            self.copies[at].state = DeliveryState::Stopped;
        }
        u32::try_from(denied.len()).unwrap()
    }

    pub(super) fn plan(&self, to: usize) -> assessment::SendPlanRequest {
        assessment::SendPlanRequest {
            envelope: Some(types::Envelope {
                request_id: request_id(),
                subject: Some(self.person()),
                purpose: PURPOSE.into(),
                recipients: vec![types::Recipient {
                    agency: Some(reference(to)),
                    role: types::RecipientRole::ThirdParty.into(),
                }],
                ..types::Envelope::default()
            }),
            content: Some(assessment::PlanContent {
                stage: assessment::PlanStage::Shared.into(),
                ..assessment::PlanContent::default()
            }),
        }
    }

    pub(super) fn consent(
        &self,
        by_parent: bool,
        granted: bool,
        to: Option<usize>,
        today: Date,
        until: Option<Date>,
    ) -> wire::RecordConsentRequest {
        let (giver, giver_name) = if by_parent {
            (wire::GiverKind::Parent, PARENT.to_owned())
        } else {
            (wire::GiverKind::YoungPerson, String::new())
        };
        let decision = if granted {
            wire::ConsentDecision::Granted
        } else {
            wire::ConsentDecision::Refused
        };
        wire::RecordConsentRequest {
            request_id: request_id(),
            subject: Some(self.person()),
            consent: Some(wire::Consent {
                giver: giver.into(),
                giver_name,
                items: vec![types::Item::EhcPlan.into()],
                recipients: to.map(reference).into_iter().collect(),
                any_recipient: to.is_none(),
                purposes: vec![PURPOSE.into()],
                valid_from: Some(wire_date(today)),
                valid_until: until.map(wire_date),
                decision: decision.into(),
                method: wire::ConsentMethod::Written.into(),
                given_on: Some(wire_date(today)),
                ..wire::Consent::default()
            }),
        }
    }

    pub(super) fn take_consent(
        &mut self,
        name: &str,
        by_parent: bool,
        granted: bool,
        to: Option<usize>,
        today: Date,
        until: Option<Date>,
    ) {
        if by_parent && self.facts.parents.is_empty() {
            self.facts.parents.push(Parent {
                head: head(name, today),
                party: parent(),
                standing: ParentStanding::ParentalResponsibility,
                valid: Validity::from(today),
            });
        }
        self.facts.consents.push(Consent {
            head: head(name, today),
            giver: if by_parent {
                Giver::Parent(parent())
            } else {
                Giver::Subject
            },
            decision: if granted {
                ConsentDecision::Granted
            } else {
                ConsentDecision::Refused
            },
            given_on: today,
            reach: reach(to),
            valid: Validity { from: today, until },
            withdrawn_on: None,
            withdrawn_by: None,
        });
    }

    pub(super) fn withdrawal(&self, at: usize, today: Date) -> wire::WithdrawConsentRequest {
        wire::WithdrawConsentRequest {
            request_id: request_id(),
            consent: format!("consents/{}", self.facts.consents[at].head.id),
            withdrawn_by: wire::GiverKind::Parent.into(),
            withdrawn_on: Some(wire_date(today)),
            note: String::new(),
        }
    }

    /// The request that records a fact, and how it is put on paper.
    pub(super) fn fact(&self, step: &Step, today: Date) -> Option<(wire::RecordFactRequest, Take)> {
        let wire_item = "EHC_PLAN".to_owned();
        let on = Some(wire_date(today));
        let (fact, take): (Fact, Take) = match step.clone() {
            Step::Understanding(sufficient) => {
                let understands = if sufficient {
                    types::Answer::Yes
                } else {
                    types::Answer::No
                };
                let fact = Fact::UnderstandingFinding(wire::UnderstandingFinding {
                    understands: understands.into(),
                    decision: wire_item,
                    assessed_by_role: "SENCO".into(),
                    assessed_on: on,
                    ..wire::UnderstandingFinding::default()
                });
                let take: Take = Box::new(move |model, name| {
                    model.facts.understandings.push(Understanding {
                        head: head(name, today),
                        reach: reach(None),
                        sufficient,
                        assessed_on: today,
                        review_by: None,
                    });
                });
                (fact, take)
            }
            Step::Capacity { lacks, days } => {
                let review_by = today.saturating_add(jiff::Span::new().days(days));
                let (outcome, found) = if lacks {
                    (
                        wire::CapacityOutcome::LacksCapacity,
                        CapacityOutcome::LacksCapacity,
                    )
                } else {
                    (wire::CapacityOutcome::HasCapacity, CapacityOutcome::HasCapacity)
                };
                let fact = Fact::CapacityFinding(wire::CapacityFinding {
                    decision: wire_item,
                    outcome: outcome.into(),
                    assessed_by_role: "Psychologist".into(),
                    assessed_on: on,
                    review_by: Some(wire_date(review_by)),
                    ..wire::CapacityFinding::default()
                });
                let take: Take = Box::new(move |model, name| {
                    model.facts.capacity.push(CapacityFinding {
                        head: head(name, today),
                        of: Person::Subject,
                        decision: DecisionKind::ConsentToDisclosure,
                        reach: reach(None),
                        outcome: found,
                        assessed_by: "Psychologist".into(),
                        assessed_on: today,
                        review_by,
                    });
                });
                (fact, take)
            }
            Step::Deputy => {
                let fact = Fact::Representative(wire::Representative {
                    kind: wire::RepresentativeKind::Deputy.into(),
                    name: "Invented Deputy".into(),
                    decisions: vec!["CONSENT_TO_DISCLOSURE".into()],
                    ..wire::Representative::default()
                });
                let take: Take = Box::new(move |model, name| {
                    model.facts.representatives.push(Representative {
                        head: head(name, today),
                        of: Person::Subject,
                        party: PartyRef::new("deputy"),
                        kind: RepresentativeKind::Deputy,
                        decisions: Covers::Only(vec![DecisionKind::ConsentToDisclosure]),
                        reach: Reach::ANY,
                        valid: Validity::from(today),
                    });
                });
                (fact, take)
            }
            Step::Authority => {
                let fact = Fact::AuthorityForParent(wire::AuthorityForParent {
                    parent_name: PARENT.into(),
                    decisions: vec!["CONSENT_TO_DISCLOSURE".into()],
                    given_on: on,
                    method: wire::ConsentMethod::Written.into(),
                });
                let take: Take = Box::new(move |model, name| {
                    model.facts.authorities.push(ParentAuthority {
                        head: head(name, today),
                        party: parent(),
                        decisions: Covers::Only(vec![DecisionKind::ConsentToDisclosure]),
                        reach: Reach::ANY,
                        valid: Validity::from(today),
                        revoked_on: None,
                    });
                });
                (fact, take)
            }
            Step::Exclusion(agency) => {
                let fact = Fact::Exclusion(wire::Exclusion {
                    agency: Some(reference(agency)),
                    asked_by: wire::GiverKind::YoungPerson.into(),
                    ..wire::Exclusion::default()
                });
                let take: Take = Box::new(move |model, name| {
                    model.facts.exclusions.push(Exclusion {
                        head: head(name, today),
                        reach: Reach {
                            items: Covers::Any,
                            ..reach(Some(agency))
                        },
                        valid: Validity::from(today),
                    });
                });
                (fact, take)
            }
            _ => return None,
        };
        let request = wire::RecordFactRequest {
            request_id: request_id(),
            subject: Some(self.person()),
            fact: Some(wire::RightsFact {
                valid_from: on,
                fact: Some(fact),
                ..wire::RightsFact::default()
            }),
        };
        let named: Take = Box::new(move |model, name| {
            model.named.push(name.to_owned());
            take(model, name);
        });
        Some((request, named))
    }

    /// Facts that have not ended, with their places.
    pub(super) fn standing_facts(&self) -> Vec<(usize, String)> {
        self.named.iter().cloned().enumerate().collect()
    }

    pub(super) fn end_of(&self, fact: String, today: Date) -> wire::WithdrawFactRequest {
        wire::WithdrawFactRequest {
            request_id: request_id(),
            fact,
            withdrawn_on: Some(wire_date(today)),
            reason: "ended".into(),
        }
    }

    pub(super) fn end(&mut self, at: usize, today: Date) {
        let id = id_of(&self.named.remove(at));
        let facts = &mut self.facts;
        let heads = (facts.understandings.iter_mut().map(|one| &mut one.head))
            .chain(facts.capacity.iter_mut().map(|one| &mut one.head))
            .chain(facts.representatives.iter_mut().map(|one| &mut one.head))
            .chain(facts.exclusions.iter_mut().map(|one| &mut one.head))
            .chain(facts.authorities.iter_mut().map(|one| {
                if one.head.id == id {
                    one.revoked_on = Some(today);
                }
                &mut one.head
            }));
        for head in heads.filter(|head| head.id == id) {
            head.superseded_on = Some(today);
        }
    }
}

/// A UPN with its check letter.
fn upn(number: u32) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRTUVWXYZ";
    let body = format!("999{number:09}");
    let total: usize = body
        .bytes()
        .zip(2_usize..)
        .map(|(digit, place)| usize::from(digit - b'0') * place)
        .sum();
    format!("{}{body}", char::from(LETTERS[total % 23]))
}
