//! The records about a person's rights, as agencies hand them in: plain values, never changed by the rules.
//!
//! A record counts on a day when it had been recorded by then and was not yet superseded: so a decision can be
//! worked out again years later with what was known on its day.

use std::sync::Arc;

use jiff::civil::Date;

use super::reach::{Covers, Reach, Recipients, Validity};
use crate::age;
use crate::agency::{AgencyId, coded};
use crate::exchange::RightsRecordId;
use crate::plan_limit::Provision;

/// What every record carries: its name, who handed it in and when, and when another took its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordHead {
    /// The record's name. Names are ordered by time.
    pub id: RightsRecordId,
    /// The agency that recorded it.
    pub recorded_by: AgencyId,
    /// The day on which it was recorded.
    pub recorded_on: Date,
    /// The first day on which it no longer counts, because another record corrects it.
    pub superseded_on: Option<Date>,
}

impl RecordHead {
    /// Whether the record was known on this day and not superseded.
    #[must_use]
    pub fn stands_on(&self, day: Date) -> bool {
        self.recorded_on <= day && self.superseded_on.is_none_or(|over| day < over)
    }
}

/// Names a parent or representative within the records of one child or young person: an opaque reference, not a
/// person's name. `Debug` hides it all the same.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartyRef(pub Arc<str>);

impl PartyRef {
    /// The reference as a record gives it.
    #[must_use]
    pub fn new(reference: &str) -> Self {
        Self(Arc::from(reference))
    }
}

impl std::fmt::Debug for PartyRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PartyRef(..)")
    }
}

/// Whom a finding or an appointment is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    /// The child or young person.
    Subject,
    /// This parent.
    Parent(PartyRef),
}

/// Who gave a consent, a refusal or a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Giver {
    /// The child or young person.
    Subject,
    /// A parent.
    Parent(PartyRef),
    /// A representative: of the young person or of a parent, as the appointments say.
    Representative(PartyRef),
}

coded! {
    /// The decisions of Part 3 and the SEND Regulations 2014 for which capacity is asked one by one.
    DecisionKind {
        /// Consent to a disclosure (SEND Regulations 2014 reg 17).
        ConsentToDisclosure = "CONSENT_TO_DISCLOSURE",
        /// To ask for an assessment (CFA 2014 s.36(1)).
        RequestAssessment = "REQUEST_ASSESSMENT",
        /// To ask for a reassessment (CFA 2014 s.44(2)(a)).
        RequestReassessment = "REQUEST_REASSESSMENT",
        /// To agree that advice already there is enough (SEND Regulations 2014 reg 6(4)).
        AgreeExistingAdvice = "AGREE_EXISTING_ADVICE",
        /// To make representations on a draft and ask for an institution (CFA 2014 s.38(2)).
        RepresentOnDraft = "REPRESENT_ON_DRAFT",
        /// To ask for a personal budget (CFA 2014 s.49).
        PersonalBudget = "PERSONAL_BUDGET",
        /// To be invited to and take part in a review (SEND Regulations 2014 reg 20(2)(a)).
        TakePartInReview = "TAKE_PART_IN_REVIEW",
        /// To appeal, and to pursue mediation before it (CFA 2014 ss.51 to 57).
        Appeal = "APPEAL",
        /// To ask that the plan be sent for a disabled students' allowance or to a higher-education institution
        /// (SEND Regulations 2014 regs 17(1)(j), (k), 47).
        RequestPlanSent = "REQUEST_PLAN_SENT",
        /// To give views, wishes and feelings (CFA 2014 s.19; SEND Regulations 2014 reg 19(a)).
        GiveViews = "GIVE_VIEWS",
    }
}

coded! {
    /// Whether a consent record says yes or no.
    ConsentDecision {
        /// Given.
        Granted = "GRANTED",
        /// Refused.
        Refused = "REFUSED",
    }
}

/// A consent to a disclosure, or its refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// What every record carries.
    pub head: RecordHead,
    /// Who gave or refused it.
    pub giver: Giver,
    /// Yes or no.
    pub decision: ConsentDecision,
    /// The day on which it was said.
    pub given_on: Date,
    /// For what it speaks.
    pub reach: Reach,
    /// The days on which it has effect.
    pub valid: Validity,
    /// The day from which it no longer counts, because it was withdrawn.
    pub withdrawn_on: Option<Date>,
    /// The record of the withdrawal: its name says what had been recorded before it, and what after.
    pub withdrawn_by: Option<RightsRecordId>,
}

/// What an agency records of a child's age and understanding for a decision (SEND Regulations 2014 reg 17(2), (3)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Understanding {
    /// What every record carries.
    pub head: RecordHead,
    /// The disclosures it speaks of.
    pub reach: Reach,
    /// Whether the child understands enough to decide.
    pub sufficient: bool,
    /// The day on which it was judged.
    pub assessed_on: Date,
    /// The last day on which it is relied on; `None` when no review is set.
    pub review_by: Option<Date>,
}

coded! {
    /// What a finding about capacity says. Capacity is presumed (Mental Capacity Act 2005 s.1(2)).
    CapacityOutcome {
        /// Has capacity for the decision.
        HasCapacity = "HAS_CAPACITY",
        /// Lacks capacity for the decision.
        LacksCapacity = "LACKS_CAPACITY",
    }
}

/// A finding about capacity for one decision: never a flag for a whole person (CFA 2014 s.80(4)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapacityFinding {
    /// What every record carries.
    pub head: RecordHead,
    /// Whose capacity.
    pub of: Person,
    /// For which decision.
    pub decision: DecisionKind,
    /// For a consent to disclosure, the disclosures it speaks of. Not looked at for other decisions.
    pub reach: Reach,
    /// What was found.
    pub outcome: CapacityOutcome,
    /// The office that assessed.
    pub assessed_by: String,
    /// The day of the assessment.
    pub assessed_on: Date,
    /// The last day on which it is relied on.
    pub review_by: Date,
}

coded! {
    /// What makes somebody a representative (CFA 2014 s.80(6)).
    RepresentativeKind {
        /// A deputy appointed by the Court of Protection.
        Deputy = "DEPUTY",
        /// The donee of a lasting power of attorney: one can be made from 18 only (MCA 2005 s.9(2)(c)).
        LastingPower = "LASTING_POWER",
        /// The attorney under a registered enduring power.
        EnduringPower = "ENDURING_POWER",
    }
}

/// A representative's appointment, with authority for the decisions it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Representative {
    /// What every record carries.
    pub head: RecordHead,
    /// Whom the representative acts for.
    pub of: Person,
    /// Who the representative is.
    pub party: PartyRef,
    /// By what appointment.
    pub kind: RepresentativeKind,
    /// For which decisions.
    pub decisions: Covers<DecisionKind>,
    /// For consents to disclosure, in which disclosures. Not looked at for other decisions.
    pub reach: Reach,
    /// The days on which the appointment has effect.
    pub valid: Validity,
}

coded! {
    /// What makes somebody a parent (Education Act 1996 s.576), or that nothing does.
    ParentStanding {
        /// Has parental responsibility. For an authority with a care order too (Children Act 1989 s.33).
        ParentalResponsibility = "PARENTAL_RESPONSIBILITY",
        /// Has care of the child, as a foster carer may.
        Care = "CARE",
        /// Neither: a contact in the school's records who is not a parent in law.
        Neither = "NEITHER",
    }
}

/// A parent as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// What every record carries.
    pub head: RecordHead,
    /// Who it is.
    pub party: PartyRef,
    /// By what the person is a parent.
    pub standing: ParentStanding,
    /// The days on which it is so.
    pub valid: Validity,
}

coded! {
    /// What keeps a parent from acting.
    RestrictionKind {
        /// Parental responsibility was taken away or limited.
        ParentalResponsibility = "PARENTAL_RESPONSIBILITY",
        /// The parent may not have information about the child.
        AccessRestriction = "ACCESS_RESTRICTION",
        /// The parent may have no contact with the child.
        NoContact = "NO_CONTACT",
    }
}

/// A restriction on a parent, by an order or a recorded decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restriction {
    /// What every record carries.
    pub head: RecordHead,
    /// On whom.
    pub party: PartyRef,
    /// What it takes away.
    pub kind: RestrictionKind,
    /// The days on which it has effect.
    pub valid: Validity,
}

/// A young person's authority for a parent to act: scoped, dated, revocable, never a default (Code 8.14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentAuthority {
    /// What every record carries.
    pub head: RecordHead,
    /// The parent who may act.
    pub party: PartyRef,
    /// In which decisions.
    pub decisions: Covers<DecisionKind>,
    /// For consents to disclosure, in which disclosures. Not looked at for other decisions.
    pub reach: Reach,
    /// The days on which it has effect; it is given on the first.
    pub valid: Validity,
    /// The day from which it no longer counts, because it was revoked.
    pub revoked_on: Option<Date>,
}

/// One whom the young person does not want to have information.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// What every record carries.
    pub head: RecordHead,
    /// Who must not have it, and what.
    pub reach: Reach,
    /// The days on which it has effect.
    pub valid: Validity,
}

/// Whether a parent is to be copied in: the young person's choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyPreference {
    /// What every record carries.
    pub head: RecordHead,
    /// Which parent.
    pub party: PartyRef,
    /// Of which items.
    pub items: Covers<crate::disclosure::Item>,
    /// Whether copies are wanted.
    pub wanted: bool,
    /// The days on which it has effect.
    pub valid: Validity,
}

/// A local authority's opinion that disclosure to these persons is necessary in the child's or young person's
/// interests (SEND Regulations 2014 reg 17(1)(a)). Only the authority can hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaOpinion {
    /// What every record carries; `recorded_by` is the authority.
    pub head: RecordHead,
    /// The officer, by office.
    pub officer: String,
    /// Why it is necessary.
    pub reason: String,
    /// What, to whom, for what.
    pub reach: Reach,
    /// The days on which it has effect.
    pub valid: Validity,
}

/// A local authority's ruling on the last day of a pupil's compulsory school age, where the school's own calendar
/// decides and is not known (Education Act 1996 s.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgeDetermination {
    /// What every record carries; `recorded_by` is the authority.
    pub head: RecordHead,
    /// The day of the ruling; it counts from then on.
    pub ruled_on: Date,
    /// The last day of compulsory school age that it gives.
    pub last_day_of_csa: Date,
}

impl AgeDetermination {
    /// Whether the law knows such a last day for this date of birth: the last Friday in June of the year of the
    /// sixteenth birthday or of the next. A ruling with another day is not heeded.
    #[must_use]
    pub fn is_possible(&self, born: Date) -> bool {
        let year = age::anniversary(born, 16).year();
        [year, year.saturating_add(1)]
            .into_iter()
            .any(|year| age::last_friday_in_june(year) == self.last_day_of_csa)
    }
}

/// A local authority's decision to keep a plan running after the 25th birthday (CFA 2014 s.46).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanContinuation {
    /// What every record carries; `recorded_by` is the authority.
    pub head: RecordHead,
    /// Where the young person learns or trains.
    pub provision: Provision,
    /// When apprenticeship or course ends, if it has such an end.
    pub training_finishes: Option<Date>,
    /// The last day on which the authority keeps the plan.
    pub ends_on: Date,
}

coded! {
    /// What a young person has asked for.
    RequestKind {
        /// The plan for a disabled students' allowance (SEND Regulations 2014 regs 17(1)(j), 47).
        Dsa = "DSA",
        /// The plan to the principal of an intended higher-education institution (reg 17(1)(k)).
        HigherEducation = "HIGHER_EDUCATION",
    }
}

/// A young person's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectRequest {
    /// What every record carries.
    pub head: RecordHead,
    /// What is asked.
    pub kind: RequestKind,
    /// Who asked.
    pub by: Giver,
    /// For which recipients.
    pub recipients: Recipients,
    /// The day on which it was made; it has effect from then on.
    pub made_on: Date,
    /// The last day on which it has effect; `None` when no end is set.
    pub until: Option<Date>,
    /// The day from which it no longer counts, because it was withdrawn.
    pub withdrawn_on: Option<Date>,
}
