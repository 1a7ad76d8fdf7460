//! What a record must be before it is kept: complete, the recorder's to state, and in the place of its like.

use jiff::civil::Date;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::rights::v1 as wire;
use sendhub_contracts::types::v1::{AgencyReference, Answer, Item};
use sendhub_contracts::validate::Violation;
use sendhub_domain::agency::{AgencyId, AgencyKind};
use sendhub_domain::exchange::RightsRecordId;
use sendhub_domain::rights::RightsFacts;
use sendhub_store::Directory;

use super::kept::{Ended, Kept, Record, RightsHeld};
use super::read::{decision, ruled_last_day};
use crate::assessment::steps::{agency, day};
use crate::exchange::parties::{named, wrong};
use crate::hub::day_in_england;
use crate::identity::Caller;
use crate::minimisation::GROUPS;

pub(super) fn not_found() -> Refusal {
    Refusal::new(
        Reason::RightsRecordNotFound,
        "there is no such record of consent or fact",
    )
}

/// Whether the same agency recorded the same request before.
pub(super) fn repeated(
    held: &RightsHeld,
    agency: &AgencyId,
    kept: &Kept,
) -> Result<Option<RightsRecordId>, Refusal> {
    let before = held.opened.iter().find(|record| {
        record.recorded_by == *agency
            && !kept.request_id.is_empty()
            && record.kept.request_id == kept.request_id
    });
    match before {
        None => Ok(None),
        Some(record) if record.kept.digest == kept.digest => Ok(Some(record.id)),
        Some(_) => Err(Refusal::new(
            Reason::RequestIdReused,
            "this request id was used for another request",
        )),
    }
}

/// Names every agency that the directory does not know: a record about a misspelt agency would let nobody in, or
/// keep nobody out, without a word.
fn unknown(field: &str, named: &[&AgencyReference], directory: &Directory) -> Vec<Violation> {
    named
        .iter()
        .enumerate()
        .filter(|(_, one)| agency(Some(one), directory).is_none())
        .map(|(at, _)| {
            let place = if field.ends_with('s') {
                format!("{field}[{at}]")
            } else {
                field.to_owned()
            };
            wrong(place, "is not in the directory")
        })
        .collect()
}

/// What a consent leaves out is taken out of pupil information as it is handed over. Other content has no such groups:
/// a consent that asks for it must be refused, not half kept.
fn group_faults(consent: &wire::Consent) -> Vec<Violation> {
    let mut out = Vec::new();
    for (at, group) in consent.excluded_groups.iter().enumerate() {
        if !GROUPS.contains(&group.as_str()) {
            out.push(wrong(
                format!("consent.excluded_groups[{at}]"),
                "is no group of pupil information",
            ));
        }
    }
    let only_pupil_information = consent.items().all(|item| item == Item::PupilInformation);
    if !consent.excluded_groups.is_empty() && !only_pupil_information {
        out.push(wrong(
            "consent.excluded_groups",
            "groups can be left out of PUPIL_INFORMATION alone: record the consent to other items without them",
        ));
    }
    out
}

pub(super) fn consent_faults(consent: &wire::Consent, today: Date, directory: &Directory) -> Vec<Violation> {
    let named: Vec<&AgencyReference> = consent.recipients.iter().collect();
    let mut out = unknown("consent.recipients", &named, directory);
    let kept_out: Vec<&AgencyReference> = consent.excluded_recipients.iter().collect();
    out.extend(unknown("consent.excluded_recipients", &kept_out, directory));
    out.extend(group_faults(consent));
    if !consent.any_recipient && consent.recipients.is_empty() {
        out.push(wrong(
            "consent.recipients",
            "must name at least one, or any_recipient must be set",
        ));
    }
    if !consent.supersedes.is_empty() && named_record("consents", &consent.supersedes).is_none() {
        out.push(wrong("consent.supersedes", "is not of the form consents/<uuid>"));
    }
    if day(consent.given_on.as_ref()).is_some_and(|given| given > today) {
        out.push(wrong("consent.given_on", "lies in the future"));
    }
    let parent = !matches!(
        consent.giver(),
        wire::GiverKind::Child | wire::GiverKind::YoungPerson
    );
    if parent && consent.giver_name.trim().is_empty() {
        out.push(wrong(
            "consent.giver_name",
            "is required of a parent or representative: the record must show who spoke",
        ));
    }
    if let (Some(from), Some(until)) = (
        day(consent.valid_from.as_ref()),
        day(consent.valid_until.as_ref()),
    ) && until < from
    {
        out.push(wrong("consent.valid_until", "is before valid_from"));
    }
    out
}

fn named_record(collection: &str, name: &str) -> Option<RightsRecordId> {
    named(collection, name).map(RightsRecordId)
}

pub(super) fn fact_faults(
    fact: &wire::RightsFact,
    born: Option<Date>,
    directory: &Directory,
) -> Vec<Violation> {
    use wire::rights_fact::Fact;
    let mut out = Vec::new();
    if !fact.supersedes.is_empty() && named_record("facts", &fact.supersedes).is_none() {
        out.push(wrong("fact.supersedes", "is not of the form facts/<uuid>"));
    }
    let about = match &fact.fact {
        Some(Fact::Exclusion(one)) => one.agency.as_ref().map(|one| ("fact.exclusion.agency", one)),
        Some(Fact::AuthorityOpinion(one)) => one
            .recipient
            .as_ref()
            .map(|one| ("fact.authority_opinion.recipient", one)),
        Some(Fact::RequestOnFile(one)) => one
            .recipient
            .as_ref()
            .map(|one| ("fact.request_on_file.recipient", one)),
        _ => None,
    };
    if let Some((field, one)) = about {
        out.extend(unknown(field, &[one], directory));
    }
    match &fact.fact {
        Some(Fact::CapacityFinding(found)) => {
            if found.outcome() == wire::CapacityOutcome::Unspecified {
                out.push(wrong("fact.capacity_finding.outcome", "must say what was found"));
            }
            if found.of() == wire::CapacityOf::Parent && found.parent_name.trim().is_empty() {
                out.push(wrong(
                    "fact.capacity_finding.parent_name",
                    "is required of a finding about a parent",
                ));
            }
            if decision(&found.decision).is_none() {
                out.push(wrong(
                    "fact.capacity_finding.decision",
                    "must name the decision: capacity is found for one decision, never as such (CFA 2014 s.80(4))",
                ));
            }
            if found.review_by.is_none() {
                out.push(wrong(
                    "fact.capacity_finding.review_by",
                    "is required: a finding does not hold for good",
                ));
            }
        }
        Some(Fact::UnderstandingFinding(found)) => {
            if !found.decision.is_empty() && decision(&found.decision).is_none() {
                out.push(wrong(
                    "fact.understanding_finding.decision",
                    "names no decision or item",
                ));
            }
            if !matches!(found.understands(), Answer::Yes | Answer::No) {
                out.push(wrong(
                    "fact.understanding_finding.understands",
                    "must be yes or no: what is not known is no finding",
                ));
            }
        }
        Some(Fact::Representative(one)) => {
            out.extend(decision_faults("fact.representative.decisions", &one.decisions));
            if one.of() == wire::CapacityOf::Parent && one.parent_name.trim().is_empty() {
                out.push(wrong(
                    "fact.representative.parent_name",
                    "is required of a parent's representative",
                ));
            }
        }
        Some(Fact::AuthorityForParent(one)) => out.extend(decision_faults(
            "fact.authority_for_parent.decisions",
            &one.decisions,
        )),
        Some(Fact::AgeDetermination(one)) => {
            let possible = born
                .and_then(|born| ruled_last_day(one, born).map(|last| (born, last)))
                .is_some_and(|(born, last)| {
                    let year = sendhub_domain::age::anniversary(born, 16).year();
                    [year, year.saturating_add(1)]
                        .into_iter()
                        .any(|year| sendhub_domain::age::last_friday_in_june(year) == last)
                });
            if !possible {
                out.push(wrong(
                    "fact.age_determination.from",
                    "must be the day after a last Friday in June on which the person can have left (EA 1996 s.8)",
                ));
            }
        }
        Some(Fact::Exclusion(one)) if one.agency.is_none() => out.push(wrong(
            "fact.exclusion.agency",
            "must name an agency: the hub can keep out only whom it knows",
        )),
        Some(Fact::AuthorityOpinion(one)) if one.recipient.is_none() => out.push(wrong(
            "fact.authority_opinion.recipient",
            "is required: an opinion under reg 17(1)(a) is about a recipient",
        )),
        _ => {}
    }
    out
}

fn decision_faults(field: &str, codes: &[String]) -> Vec<Violation> {
    codes
        .iter()
        .enumerate()
        .filter(|(_, code)| decision(code).is_none())
        .map(|(at, _)| wrong(format!("{field}[{at}]"), "names no decision or item"))
        .collect()
}

/// The kind of a fact, for rows and log, and whether it can take a basis away.
pub(super) const fn fact_kind(fact: &wire::RightsFact) -> (&'static str, bool) {
    use wire::rights_fact::Fact;
    match &fact.fact {
        Some(Fact::UnderstandingFinding(_)) => ("UNDERSTANDING_FINDING", true),
        Some(Fact::CapacityFinding(_)) => ("CAPACITY_FINDING", true),
        Some(Fact::Representative(_)) => ("REPRESENTATIVE", true),
        Some(Fact::AuthorityForParent(_)) => ("AUTHORITY_FOR_PARENT", false),
        Some(Fact::Exclusion(_)) => ("EXCLUSION", true),
        Some(Fact::CopyPreference(_)) => ("COPY_PREFERENCE", false),
        Some(Fact::AuthorityOpinion(_)) => ("AUTHORITY_OPINION", false),
        Some(Fact::AgeDetermination(_)) => ("AGE_DETERMINATION", true),
        Some(Fact::PlanContinuation(_)) => ("PLAN_CONTINUATION", false),
        Some(Fact::ParentalResponsibility(_)) => ("PARENTAL_RESPONSIBILITY", true),
        Some(Fact::AccessRestriction(_)) => ("ACCESS_RESTRICTION", true),
        Some(Fact::RequestOnFile(_)) => ("REQUEST_ON_FILE", false),
        Some(Fact::ServiceFamily(_)) => ("SERVICE_FAMILY", false),
        Some(Fact::SchoolYearStart(_)) => ("SCHOOL_YEAR_START", true),
        None => ("", false),
    }
}

/// Some facts are only the local authority's to state: its opinion, its ruling, that it keeps a plan.
pub(super) fn may_record(caller: &Caller, fact: &wire::RightsFact) -> Result<(), Refusal> {
    if !AUTHORITYS.contains(&fact_kind(fact).0) || caller.agency.kind == AgencyKind::LocalAuthority {
        return Ok(());
    }
    Err(authoritys_alone())
}

/// The kinds of fact that are only the local authority's to state, and to take back.
pub(super) const AUTHORITYS: [&str; 3] = ["AUTHORITY_OPINION", "AGE_DETERMINATION", "PLAN_CONTINUATION"];

pub(super) fn authoritys_alone() -> Refusal {
    let mut refusal = Refusal::new(
        Reason::RightsRecorderNotPermitted,
        "only the local authority can state this: its own opinion, ruling or decision",
    )
    .remedy("Ask the local authority to record it.");
    refusal.provision = Some("SEND Regulations 2014 reg 17(1)(a); CFA 2014 s.46".into());
    refusal
}

/// Under which names a record of this kind is known, if it is one that can be ended.
pub(super) fn collection_of(kind: &str) -> Option<&'static str> {
    match kind {
        "CONSENT_GRANTED" | "CONSENT_REFUSED" => Some("consents"),
        "CONSENT_WITHDRAWN" | "FACT_WITHDRAWN" | "REFERRAL_SIGNED" => None,
        _ => Some("facts"),
    }
}

/// Whose word, once recorded, only lets something pass. Ending one of these can but take disclosure away, so that the
/// family may tell any agency that knows the person; ending any other record (a refusal, an exclusion, a restriction, a
/// finding) can open what it kept shut.
const GIVES: [&str; 3] = ["CONSENT_GRANTED", "AUTHORITY_FOR_PARENT", "REQUEST_ON_FILE"];

/// Whether a record of this kind may be ended by an agency that neither recorded it nor is a local authority, if only it
/// has sent or received for the person: a withdrawal that protects must not be lost.
pub(super) fn any_party_may_end(kind: &str) -> bool {
    GIVES.contains(&kind)
}

/// The refusal of ending or replacing what another agency recorded.
pub(super) fn recorders_alone() -> Refusal {
    Refusal::new(
        Reason::RightsRecorderNotPermitted,
        "only the agency that recorded this, or a local authority, may end or replace it",
    )
    .remedy("Ask the agency that recorded it, or the local authority.")
}

/// A record cannot be ended before it was recorded or, where that is earlier, given.
pub(super) fn end_in_time(held: &RightsHeld, ended: &Ended) -> Result<(), Refusal> {
    let Some(record) = held
        .opened
        .iter()
        .find(|record| record.id.to_string() == ended.record)
    else {
        return Err(not_found());
    };
    let given = record
        .kept
        .consent
        .as_ref()
        .and_then(|one| day(one.given_on.as_ref()))
        .or_else(|| {
            let fact = record.kept.fact.as_ref()?;
            day(fact.valid_from.as_ref())
        });
    let recorded = day_in_england(record.recorded_at);
    let first = given.map_or(recorded, |given| given.min(recorded));
    if ended.on.parse::<Date>().is_ok_and(|on| on < first) {
        return Err(Refusal::fields(vec![wrong(
            "withdrawn_on",
            "lies before the day on which it was given or recorded",
        )]));
    }
    Ok(())
}

/// What a record takes the place of must be recorded of the same person, be of the same kind, and be the caller's own
/// unless the caller is a local authority.
pub(super) fn supersedes_its_like(caller: &Caller, held: &RightsHeld, kept: &Kept) -> Result<(), Refusal> {
    let named_by = |kept: &Kept| {
        let consent = kept
            .consent
            .as_ref()
            .map(|one| ("consents", one.supersedes.clone()));
        consent.or_else(|| kept.fact.as_ref().map(|one| ("facts", one.supersedes.clone())))
    };
    let kind = |kept: &Kept| match (&kept.consent, &kept.fact) {
        (Some(_), _) => Some("CONSENT"),
        (None, Some(fact)) => Some(fact_kind(fact).0),
        (None, None) => None,
    };
    let Some((collection, name)) = named_by(kept).filter(|(_, name)| !name.is_empty()) else {
        return Ok(());
    };
    let replaced = named_record(collection, &name);
    let like = |record: &&Record| Some(record.id) == replaced && kind(&record.kept) == kind(kept);
    let Some(record) = held.opened.iter().find(like) else {
        return Err(not_found());
    };
    if record.recorded_by == caller.agency.id || caller.agency.kind == AgencyKind::LocalAuthority {
        Ok(())
    } else {
        Err(recorders_alone())
    }
}

/// What the recorder should know at once: a consent that cannot count is worse than none.
pub(super) fn warnings(kept: &Kept, rights: &RightsFacts, today: Date) -> Vec<String> {
    let Some(consent) = &kept.consent else {
        return Vec::new();
    };
    let status = rights.status_on(today);
    let holder = status.right_holder();
    let parent = matches!(consent.giver(), wire::GiverKind::Parent);
    let mut out = Vec::new();
    if parent && holder == sendhub_domain::age::RightHolder::YoungPerson {
        out.push(
            "RIGHTS_HAVE_PASSED: the young person decides; a parent's consent does not count unless the young \
             person has authorised the parent (SEND Code of Practice 8.14)"
                .to_owned(),
        );
    }
    if holder == sendhub_domain::age::RightHolder::NeedsDetermination {
        out.push(
            "STATUS_NEEDS_DETERMINATION: both parent and pupil must agree until the local authority has ruled"
                .to_owned(),
        );
    }
    out
}
