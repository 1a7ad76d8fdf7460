//! What a record must be before it is kept: complete, the recorder's to state, and in the place of its like.

use jiff::civil::Date;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::rights::v1 as wire;
use sendhub_contracts::validate::Violation;
use sendhub_domain::agency::{AgencyId, AgencyKind};
use sendhub_domain::exchange::RightsRecordId;
use sendhub_domain::rights::RightsFacts;
use uuid::Uuid;

use super::read::{Kept, RightsHeld, decision, ruled_last_day};
use crate::assessment::steps::day;
use crate::exchange::parties::{named, wrong};
use crate::identity::Caller;

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

pub(super) fn consent_faults(consent: &wire::Consent, today: Date) -> Vec<Violation> {
    let mut out = Vec::new();
    if !consent.any_recipient && consent.recipients.is_empty() {
        out.push(wrong(
            "consent.recipients",
            "must name at least one, or any_recipient must be set",
        ));
    }
    if Uuid::try_parse(consent.supersedes.rsplit('/').next().unwrap_or_default()).is_err()
        && !consent.supersedes.is_empty()
    {
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

pub(super) fn fact_faults(fact: &wire::RightsFact, born: Option<Date>) -> Vec<Violation> {
    use wire::rights_fact::Fact;
    let mut out = Vec::new();
    match &fact.fact {
        Some(Fact::CapacityFinding(found)) => {
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
        Some(Fact::UnderstandingFinding(found))
            if !found.decision.is_empty() && decision(&found.decision).is_none() =>
        {
            out.push(wrong(
                "fact.understanding_finding.decision",
                "names no decision or item",
            ));
        }
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

/// What a record takes the place of must be recorded of the same person and be of the same kind.
pub(super) fn supersedes_its_like(held: &RightsHeld, kept: &Kept) -> Result<(), Refusal> {
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
    let replaced = named(collection, &name).map(RightsRecordId);
    let like = held
        .opened
        .iter()
        .any(|record| Some(record.id) == replaced && kind(&record.kept) == kind(kept));
    if like { Ok(()) } else { Err(not_found()) }
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
