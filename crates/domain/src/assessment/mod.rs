//! An EHC needs assessment and the plan that comes of it, as a state machine: a case is what its steps made it.
//!
//! Nothing here reads a clock or a store. The one who keeps a case keeps its opening and its steps, each with its
//! caller, its exchange and its day, and gets the case by taking them again in order.
//!
//! Sources: Children and Families Act 2014 Part 3; SEND Regulations 2014 (SI 2014/1530) regs 4 to 17, 27, 31, 39 to
//! 45 as amended. What was read only at second hand (reg 6(1)(b)(iv), (g); reg 27(1); parts of reg 44(2)) carries the
//! same citation: the dated policy data say so of each clock.

mod advice;
mod advisers;
pub mod clocks;
mod consequences;
mod draft;
mod opening;
mod plan;
mod refusals;
mod request;
mod step;
mod steps;

pub use self::advisers::{AdviserRequirement, AdviserStanding};
pub(crate) use self::consequences::Running;
pub use self::consequences::{ClockEnd, ClockLift, ClockStart, Consequences, Owner, StepRefused, Warning};
pub(crate) use self::draft::{answer_consultation, check_representations, consultation_clock};
pub use self::opening::{CaseOpening, FamilyAsk};
pub(crate) use self::plan::consulted_both;
pub use self::refusals::{AssessmentStepKind, step_allowed};
pub use self::request::{AdviceRequestState, AdviceStage, OutstandingAdvice};
pub(crate) use self::request::{after, days_from};
pub use self::step::{
    AdviserKind, AssessmentStep, ConsultationAnswer, ExceptionGround, SectionI, TribunalOrder,
};

use jiff::civil::Date;

use crate::agency::{AgencyId, coded};
use crate::exchange::ExchangeId;

coded! {
    /// Where an assessment stands.
    AssessmentState {
        /// The request is in; whether to assess is not decided.
        Requested = "REQUESTED",
        /// The authority decided not to assess.
        NotAssessing = "NOT_ASSESSING",
        /// It assesses.
        Assessing = "ASSESSING",
        /// It decided that no plan is needed.
        NoPlan = "NO_PLAN",
        /// A plan must be made: ordered or conceded on appeal.
        PlanOrdered = "PLAN_ORDERED",
        /// A draft is served.
        DraftServed = "DRAFT_SERVED",
        /// A plan is in force.
        PlanFinal = "PLAN_FINAL",
        /// In force, and a re-assessment is asked for.
        ReassessmentRequested = "REASSESSMENT_REQUESTED",
        /// In force, and re-assessed.
        Reassessing = "REASSESSING",
        /// In force, and the authority consults on ceasing it.
        CeaseProposed = "CEASE_PROPOSED",
        /// Kept only while an appeal against the decision to cease can be or is brought.
        CeaseNotified = "CEASE_NOTIFIED",
        /// Ended.
        Ceased = "CEASED",
    }
}

/// A draft that was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServedDraft {
    /// The day of service: the first of the fifteen.
    pub served_on: Date,
    /// Whether the family has said all it wants to say.
    pub representations_complete: bool,
}

/// A consultation and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsultationState {
    /// The exchange by which the institution was consulted.
    pub consultation: ExchangeId,
    /// Which institution.
    pub institution: AgencyId,
    /// The day on which it received it.
    pub received_on: Date,
    /// Its answer.
    pub answer: Option<ConsultationAnswer>,
}

/// How the last decision stands towards an appeal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AppealStanding {
    /// None was brought, and one can be while its time runs.
    CanBeBrought,
    /// One was registered.
    Open,
    /// It is over.
    Over,
}

/// One case. Compare two for equality to know that the same steps were taken.
#[derive(Debug, Clone, PartialEq)]
pub struct AssessmentCase {
    opening: CaseOpening,
    opened_by: AgencyId,
    authority: AgencyId,
    state: AssessmentState,
    requests: Vec<AdviceRequestState>,
    existing: Vec<(AdviserKind, Option<AgencyId>)>,
    draft: Option<ServedDraft>,
    consultations: Vec<ConsultationState>,
    named: Option<SectionI>,
    appeal: AppealStanding,
    decided_on: Option<Date>,
    certificate_on: Option<Date>,
    plan_made_on: Option<Date>,
    last_final_on: Option<Date>,
    round_from: usize,
    transferring_to: Option<(AgencyId, Date)>,
    commissioner: Option<AgencyId>,
    running: Running,
    noted: Vec<Warning>,
}

impl AssessmentCase {
    /// Whether an appeal is registered and not yet over.
    #[must_use]
    pub fn appeal_is_open(&self) -> bool {
        self.appeal == AppealStanding::Open
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> AssessmentState {
        self.state
    }

    /// The authority that is responsible now.
    #[must_use]
    pub const fn authority(&self) -> &AgencyId {
        &self.authority
    }

    /// Who opened it.
    #[must_use]
    pub const fn opened_by(&self) -> &AgencyId {
        &self.opened_by
    }

    /// What is known of the child and the family, with what was learned since the opening.
    #[must_use]
    pub const fn facts(&self) -> &CaseOpening {
        &self.opening
    }

    /// Every request for advice, in the order of asking.
    #[must_use]
    pub fn requests(&self) -> &[AdviceRequestState] {
        &self.requests
    }

    /// Earlier advice that is used in place of new (reg 6(4)): in which capacity, and whose when the directory has them.
    #[must_use]
    pub fn existing_advice(&self) -> &[(AdviserKind, Option<AgencyId>)] {
        &self.existing
    }

    /// The draft last served, while it is the one in hand.
    #[must_use]
    pub const fn draft(&self) -> Option<ServedDraft> {
        self.draft
    }

    /// Every consultation.
    #[must_use]
    pub fn consultations(&self) -> &[ConsultationState] {
        &self.consultations
    }

    /// Section I as it stands: of the plan in force, or of the one being made.
    #[must_use]
    pub const fn named(&self) -> Option<&SectionI> {
        self.named.as_ref()
    }

    /// The day on which the plan in force was made.
    #[must_use]
    pub const fn plan_made_on(&self) -> Option<Date> {
        self.plan_made_on
    }

    /// The agencies that have a part in the case: the authority, the advisers asked, the institutions consulted.
    /// Each once.
    #[must_use]
    pub fn parties(&self) -> Vec<&AgencyId> {
        let mut parties = vec![&self.authority, &self.opened_by];
        parties.extend(self.requests.iter().map(|request| &request.adviser));
        parties.extend(self.consultations.iter().map(|asked| &asked.institution));
        if let Some(SectionI::Institution(institution)) = &self.named {
            parties.push(institution);
        }
        parties.sort();
        parties.dedup();
        parties
    }
}

#[cfg(test)]
pub(crate) mod tests;
