//! The steps of a review, as values.

use jiff::civil::Date;

use super::call::{Invitee, InviteeRef};
use crate::agency::{AgencyId, coded};
use crate::assessment::ConsultationAnswer;
use crate::exchange::ExchangeId;

coded! {
    /// An answer to an invitation.
    InvitationAnswer {
        /// Comes.
        Accept = "ACCEPT",
        /// Does not come.
        Decline = "DECLINE",
        /// Sends somebody else.
        Substitute = "SUBSTITUTE",
        /// Does not come, and writes.
        WrittenAdviceOnly = "WRITTEN_ADVICE_ONLY",
    }
}

coded! {
    /// What a report recommends.
    Recommendation {
        /// Keep the plan as it is.
        Keep = "KEEP",
        /// Amend it.
        Amend = "AMEND",
        /// Cease it.
        Cease = "CEASE",
    }
}

/// What a report holds, as far as the Regulations ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportContents {
    /// What it recommends.
    pub recommendation: Recommendation,
    /// Whether it says what progress was made towards the outcomes (reg 20(5)).
    pub progress: bool,
    /// Whether it holds preparation for adulthood (reg 20(6)).
    pub adulthood: bool,
    /// Whether it says what was considered for a Service child.
    pub service_issues: bool,
    /// Whether it holds a plan for leaving.
    pub exit_plan: bool,
    /// How many differences of view it records (reg 20(8)).
    pub differences_of_view: usize,
}

/// The authority's decision after a review (reg 20(10)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReviewOutcome {
    /// Keep the plan as it is.
    Keep,
    /// Amend it: the notice goes out with the decision (reg 22(2)).
    Amend {
        /// Whether the notice holds the proposed changes.
        proposed_changes: bool,
        /// Whether it comes with the evidence for them.
        evidence: bool,
    },
    /// Cease it.
    Cease,
}

/// One step of a review. The day and the caller come beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReviewStep {
    /// An invitee answers. For the family, who are no agency, the one who runs the review records it.
    Respond {
        /// Who answers.
        invitee: InviteeRef,
        /// The answer.
        answer: InvitationAnswer,
    },
    /// An invitee gives advice and information (reg 20(4)).
    SubmitAdvice {
        /// Who gives it.
        invitee: InviteeRef,
    },
    /// The advice goes to all who are invited (reg 20(4)).
    CirculateAdvice {
        /// To whom.
        sent_to: Vec<InviteeRef>,
    },
    /// The meeting is moved: with new invitations to all.
    Rearrange {
        /// The new day.
        meeting_on: Date,
        /// The new invitations.
        invitees: Vec<Invitee>,
    },
    /// The meeting was held.
    HoldMeeting {
        /// The day.
        held_on: Date,
        /// Who came.
        attended: Vec<InviteeRef>,
    },
    /// The report goes out (reg 20(7) to (9)).
    SendReport {
        /// To whom.
        sent_to: Vec<InviteeRef>,
        /// What it holds.
        contents: ReportContents,
    },
    /// The authority informs and consults on ceasing the plan (reg 31).
    ConsultOnCeasing {
        /// Whether the child's parent or the young person is consulted.
        family: bool,
        /// Whether the named institution is consulted.
        institution: bool,
    },
    /// The authority decides, and tells the family and the institution (reg 20(10), (11)).
    Decide {
        /// What.
        outcome: ReviewOutcome,
    },
    /// The family has said all it wants to say on the proposed changes.
    CompleteRepresentations,
    /// The authority consults an institution on the amended plan (Children and Families Act 2014 ss.39(2), 40(3)).
    Consult {
        /// Which.
        institution: AgencyId,
    },
    /// It answers.
    ReplyToConsultation {
        /// The exchange by which it was consulted.
        consultation: ExchangeId,
        /// The answer.
        answer: ConsultationAnswer,
        /// Whether reasons are given.
        reasons: bool,
    },
    /// The authority sends the plan as amended (reg 22(3)).
    SendAmendedPlan,
    /// The authority decides not to amend after all (reg 22(4)).
    DecideNotToAmend,
}
