//! The review of an EHC plan, as a state machine: a case is what its call and its steps made it.
//!
//! Sources: Children and Families Act 2014 s.44; SEND Regulations 2014 (SI 2014/1530) regs 18 to 22, 31; R (L, M and P)
//! v Devon County Council \[2022\] EWHC 493 (Admin) for the twelve weeks from the meeting to the amended plan.

mod call;
pub mod clocks;
mod decision;
mod invitees;
mod step;
mod steps;

pub use self::call::{Invitee, InviteeRef, InviteeRole, PhaseTransfer, ReviewCall};
pub use self::step::{InvitationAnswer, Recommendation, ReportContents, ReviewOutcome, ReviewStep};
pub use self::steps::{ReviewStepKind, step_allowed};
pub use crate::assessment::{ClockEnd, ClockStart, Consequences, Owner, StepRefused, Warning};

use jiff::civil::Date;

use crate::agency::{AgencyId, coded};
use crate::assessment::{ConsultationState, Running};

coded! {
    /// Where a review stands.
    ReviewState {
        /// Called: the invitations are out.
        Called = "CALLED",
        /// The meeting was held.
        MeetingHeld = "MEETING_HELD",
        /// The report is out.
        ReportSent = "REPORT_SENT",
        /// The notice of amendment is out.
        Amending = "AMENDING",
        /// Ended: the plan stays as it is.
        Kept = "KEPT",
        /// Ended: the plan was amended.
        Amended = "AMENDED",
        /// Ended: the plan is to cease.
        CeaseNotified = "CEASE_NOTIFIED",
    }
}

/// One review. Compare two for equality to know that the same steps were taken.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviewCase {
    call: ReviewCall,
    state: ReviewState,
    answers: Vec<(InviteeRef, InvitationAnswer)>,
    advice_from: Vec<InviteeRef>,
    circulated_on: Option<Date>,
    held_on: Option<Date>,
    recommended: Option<Recommendation>,
    consulted_on_ceasing: bool,
    notice_on: Option<Date>,
    representations_complete: bool,
    consultations: Vec<ConsultationState>,
    running: Running,
}

impl ReviewCase {
    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> ReviewState {
        self.state
    }

    /// The authority.
    #[must_use]
    pub const fn authority(&self) -> &AgencyId {
        &self.call.authority
    }

    /// The call, with the day and the invitees of the last rearrangement.
    #[must_use]
    pub const fn facts(&self) -> &ReviewCall {
        &self.call
    }

    /// The answers to the invitations, the last of each invitee.
    #[must_use]
    pub fn answers(&self) -> &[(InviteeRef, InvitationAnswer)] {
        &self.answers
    }

    /// Who has given advice.
    #[must_use]
    pub fn advice_from(&self) -> &[InviteeRef] {
        &self.advice_from
    }

    /// Every consultation on the amended plan.
    #[must_use]
    pub fn consultations(&self) -> &[ConsultationState] {
        &self.consultations
    }

    /// Those whom the Regulations name and whose advice has not come: whom to chase (reg 20(4)).
    #[must_use]
    pub fn advice_owed(&self) -> Vec<&Invitee> {
        let owes = |invitee: &&Invitee| {
            self.call.is_required(invitee.who.role) && !self.advice_from.contains(&invitee.who)
        };
        self.call.invitees.iter().filter(owes).collect()
    }

    /// The agencies that have a part in the review: the authority, who runs it, the invitees, the consulted. Each
    /// once.
    #[must_use]
    pub fn parties(&self) -> Vec<&AgencyId> {
        let mut parties = vec![&self.call.authority, &self.call.run_by];
        parties.extend(
            self.call
                .invitees
                .iter()
                .filter_map(|invitee| invitee.who.agency.as_ref()),
        );
        parties.extend(self.consultations.iter().map(|asked| &asked.institution));
        parties.sort();
        parties.dedup();
        parties
    }

    /// The day of the meeting, once it was held.
    #[must_use]
    pub const fn held_on(&self) -> Option<Date> {
        self.held_on
    }

    /// What the report recommends, once it is out.
    #[must_use]
    pub const fn recommended(&self) -> Option<Recommendation> {
        self.recommended
    }
}

#[cfg(test)]
mod tests;
