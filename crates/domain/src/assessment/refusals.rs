//! Which step may be taken in which state, and the code with which it is refused in the others.

use super::consequences::StepRefused;
use super::{AssessmentState, AssessmentStep};
use crate::agency::coded;

coded! {
    /// Which step, without what it says.
    AssessmentStepKind {
        /// [`AssessmentStep::RecordFacts`].
        RecordFacts = "RECORD_FACTS",
        /// [`AssessmentStep::TellOfConsidering`].
        TellOfConsidering = "TELL_OF_CONSIDERING",
        /// [`AssessmentStep::RecordFamilyAsk`].
        RecordFamilyAsk = "RECORD_FAMILY_ASK",
        /// [`AssessmentStep::RequestAdvice`].
        RequestAdvice = "REQUEST_ADVICE",
        /// [`AssessmentStep::AcknowledgeRequest`].
        AcknowledgeRequest = "ACKNOWLEDGE_REQUEST",
        /// [`AssessmentStep::ClaimException`].
        ClaimException = "CLAIM_EXCEPTION",
        /// [`AssessmentStep::SayNotKnown`].
        SayNotKnown = "SAY_NOT_KNOWN",
        /// [`AssessmentStep::AskClarification`].
        AskClarification = "ASK_CLARIFICATION",
        /// [`AssessmentStep::Clarify`].
        Clarify = "CLARIFY",
        /// [`AssessmentStep::ReturnAdvice`].
        ReturnAdvice = "RETURN_ADVICE",
        /// [`AssessmentStep::AcceptAdvice`].
        AcceptAdvice = "ACCEPT_ADVICE",
        /// [`AssessmentStep::SendBack`].
        SendBack = "SEND_BACK",
        /// [`AssessmentStep::WithdrawRequest`].
        WithdrawRequest = "WITHDRAW_REQUEST",
        /// [`AssessmentStep::TakeExistingAdvice`].
        TakeExistingAdvice = "TAKE_EXISTING_ADVICE",
        /// [`AssessmentStep::DecideToAssess`].
        DecideToAssess = "DECIDE_TO_ASSESS",
        /// [`AssessmentStep::NotifyOfAssessment`].
        NotifyOfAssessment = "NOTIFY_OF_ASSESSMENT",
        /// [`AssessmentStep::DecideNoPlan`].
        DecideNoPlan = "DECIDE_NO_PLAN",
        /// [`AssessmentStep::ServeDraft`].
        ServeDraft = "SERVE_DRAFT",
        /// [`AssessmentStep::CompleteRepresentations`].
        CompleteRepresentations = "COMPLETE_REPRESENTATIONS",
        /// [`AssessmentStep::Consult`].
        Consult = "CONSULT",
        /// [`AssessmentStep::ReplyToConsultation`].
        ReplyToConsultation = "REPLY_TO_CONSULTATION",
        /// [`AssessmentStep::NameInstitution`].
        NameInstitution = "NAME_INSTITUTION",
        /// [`AssessmentStep::SendFinalPlan`].
        SendFinalPlan = "SEND_FINAL_PLAN",
        /// [`AssessmentStep::RegisterAppeal`].
        RegisterAppeal = "REGISTER_APPEAL",
        /// [`AssessmentStep::EndAppeal`].
        EndAppeal = "END_APPEAL",
        /// [`AssessmentStep::RecordOrder`].
        RecordOrder = "RECORD_ORDER",
        /// [`AssessmentStep::ConcedeAppeal`].
        ConcedeAppeal = "CONCEDE_APPEAL",
        /// [`AssessmentStep::RequestMediation`].
        RequestMediation = "REQUEST_MEDIATION",
        /// [`AssessmentStep::TellCommissioner`].
        TellCommissioner = "TELL_COMMISSIONER",
        /// [`AssessmentStep::EndMediation`].
        EndMediation = "END_MEDIATION",
        /// [`AssessmentStep::RecordCertificate`].
        RecordCertificate = "RECORD_CERTIFICATE",
        /// [`AssessmentStep::RequestReassessment`].
        RequestReassessment = "REQUEST_REASSESSMENT",
        /// [`AssessmentStep::DecideToReassess`].
        DecideToReassess = "DECIDE_TO_REASSESS",
        /// [`AssessmentStep::ConsultOnCeasing`].
        ConsultOnCeasing = "CONSULT_ON_CEASING",
        /// [`AssessmentStep::DecideToCease`].
        DecideToCease = "DECIDE_TO_CEASE",
        /// [`AssessmentStep::EndPlan`].
        EndPlan = "END_PLAN",
        /// [`AssessmentStep::ReportMove`].
        ReportMove = "REPORT_MOVE",
        /// [`AssessmentStep::TransferPlan`].
        TransferPlan = "TRANSFER_PLAN",
        /// [`AssessmentStep::TellOfTransfer`].
        TellOfTransfer = "TELL_OF_TRANSFER",
        /// [`AssessmentStep::TellNewCommissioner`].
        TellNewCommissioner = "TELL_NEW_COMMISSIONER",
    }
}

impl AssessmentStep {
    /// Which step it is.
    #[must_use]
    pub const fn kind(&self) -> AssessmentStepKind {
        use AssessmentStepKind as Kind;
        match self {
            Self::RecordFacts { .. } => Kind::RecordFacts,
            Self::TellOfConsidering => Kind::TellOfConsidering,
            Self::RecordFamilyAsk(_) => Kind::RecordFamilyAsk,
            Self::RequestAdvice { .. } => Kind::RequestAdvice,
            Self::AcknowledgeRequest { .. } => Kind::AcknowledgeRequest,
            Self::ClaimException { .. } => Kind::ClaimException,
            Self::SayNotKnown { .. } => Kind::SayNotKnown,
            Self::AskClarification { .. } => Kind::AskClarification,
            Self::Clarify { .. } => Kind::Clarify,
            Self::ReturnAdvice { .. } => Kind::ReturnAdvice,
            Self::AcceptAdvice { .. } => Kind::AcceptAdvice,
            Self::SendBack { .. } => Kind::SendBack,
            Self::WithdrawRequest { .. } => Kind::WithdrawRequest,
            Self::TakeExistingAdvice { .. } => Kind::TakeExistingAdvice,
            Self::DecideToAssess { .. } => Kind::DecideToAssess,
            Self::NotifyOfAssessment => Kind::NotifyOfAssessment,
            Self::DecideNoPlan => Kind::DecideNoPlan,
            Self::ServeDraft { .. } => Kind::ServeDraft,
            Self::CompleteRepresentations => Kind::CompleteRepresentations,
            Self::Consult { .. } => Kind::Consult,
            Self::ReplyToConsultation { .. } => Kind::ReplyToConsultation,
            Self::NameInstitution(_) => Kind::NameInstitution,
            Self::SendFinalPlan => Kind::SendFinalPlan,
            Self::RegisterAppeal => Kind::RegisterAppeal,
            Self::EndAppeal => Kind::EndAppeal,
            Self::RecordOrder { .. } => Kind::RecordOrder,
            Self::ConcedeAppeal { .. } => Kind::ConcedeAppeal,
            Self::RequestMediation { .. } => Kind::RequestMediation,
            Self::TellCommissioner => Kind::TellCommissioner,
            Self::EndMediation { .. } => Kind::EndMediation,
            Self::RecordCertificate { .. } => Kind::RecordCertificate,
            Self::RequestReassessment { .. } => Kind::RequestReassessment,
            Self::DecideToReassess { .. } => Kind::DecideToReassess,
            Self::ConsultOnCeasing { .. } => Kind::ConsultOnCeasing,
            Self::DecideToCease { .. } => Kind::DecideToCease,
            Self::EndPlan => Kind::EndPlan,
            Self::ReportMove { .. } => Kind::ReportMove,
            Self::TransferPlan { .. } => Kind::TransferPlan,
            Self::TellOfTransfer => Kind::TellOfTransfer,
            Self::TellNewCommissioner => Kind::TellNewCommissioner,
        }
    }
}

/// The states in which a step may be taken.
const fn states_of(step: AssessmentStepKind) -> &'static [AssessmentState] {
    use AssessmentState as S;
    use AssessmentStepKind as K;
    match step {
        // Asking and giving advice. Early, while the authority still considers: its functions under s.36 are functions
        // for which s.31 lets it ask. With a draft out, late advice still counts.
        K::RecordFacts
        | K::RecordFamilyAsk
        | K::RequestAdvice
        | K::AcknowledgeRequest
        | K::ClaimException
        | K::SayNotKnown
        | K::AskClarification
        | K::Clarify
        | K::ReturnAdvice
        | K::AcceptAdvice
        | K::SendBack
        | K::WithdrawRequest
        | K::TakeExistingAdvice => &[
            S::Requested,
            S::Assessing,
            S::PlanOrdered,
            S::DraftServed,
            S::ReassessmentRequested,
            S::Reassessing,
        ],
        K::DecideToAssess => &[S::Requested, S::ReassessmentRequested],
        K::TellOfConsidering => &[S::Requested],
        K::NotifyOfAssessment => &[S::Assessing, S::Reassessing],
        K::DecideNoPlan => &[S::Assessing],
        K::ServeDraft => &[S::Assessing, S::PlanOrdered, S::DraftServed, S::Reassessing],
        K::CompleteRepresentations => &[S::DraftServed],
        // With a plan in force, after an order or a concession to amend it: the step itself looks for one.
        K::Consult | K::NameInstitution | K::SendFinalPlan => &[
            S::DraftServed,
            S::PlanFinal,
            S::ReassessmentRequested,
            S::Reassessing,
            S::CeaseProposed,
        ],
        K::ReplyToConsultation => &[
            S::DraftServed,
            S::PlanFinal,
            S::ReassessmentRequested,
            S::Reassessing,
            S::CeaseProposed,
            S::CeaseNotified,
        ],
        K::RegisterAppeal
        | K::EndAppeal
        | K::RecordOrder
        | K::ConcedeAppeal
        | K::RequestMediation
        | K::TellCommissioner
        | K::EndMediation
        | K::RecordCertificate => &[
            S::NotAssessing,
            S::NoPlan,
            S::PlanFinal,
            S::ReassessmentRequested,
            S::Reassessing,
            S::CeaseProposed,
            S::CeaseNotified,
        ],
        K::RequestReassessment | K::ConsultOnCeasing => &[S::PlanFinal],
        K::DecideToReassess => &[S::ReassessmentRequested],
        K::DecideToCease => &[S::CeaseProposed],
        K::EndPlan => &[S::CeaseNotified],
        K::ReportMove | K::TransferPlan | K::TellOfTransfer | K::TellNewCommissioner => &[
            S::PlanFinal,
            S::ReassessmentRequested,
            S::Reassessing,
            S::CeaseProposed,
            S::CeaseNotified,
        ],
    }
}

/// Whether a step may be taken in a state.
///
/// # Errors
/// [`StepRefused`] with one of `CASE_ENDED`, `NOT_DECIDED_TO_ASSESS`, `DECIDED_NOT_TO_ASSESS`, `NO_PLAN_NEEDED`,
/// `ALREADY_DECIDED`, `NO_DRAFT_SERVED`, `NOTHING_TO_APPEAL`, `NO_PLAN_IN_FORCE`, `ASSESSMENT_OVER`,
/// `NO_REASSESSMENT_REQUESTED`, `CEASE_NOT_PROPOSED`, `CEASE_NOT_DECIDED`, `STEP_IN_HAND`.
pub fn step_allowed(state: AssessmentState, step: AssessmentStepKind) -> Result<(), StepRefused> {
    if states_of(step).contains(&state) {
        return Ok(());
    }
    let (reason, provision, remedy) = why_not(state, step);
    Err(StepRefused::new(
        reason,
        format!("{step} is not a step of a case in state {state}"),
        provision,
        remedy,
    ))
}

/// The code, the provision and the remedy for a step out of its place.
const fn why_not(
    state: AssessmentState,
    step: AssessmentStepKind,
) -> (&'static str, &'static str, &'static str) {
    use AssessmentState as S;
    use AssessmentStepKind as K;
    match (state, step) {
        (S::Ceased, _) => (
            "CASE_ENDED",
            "Children and Families Act 2014 s.45",
            "open a new case with a new request to assess",
        ),
        (S::Requested, K::DecideNoPlan | K::ServeDraft) => (
            "NOT_DECIDED_TO_ASSESS",
            "SEND Regulations 2014 reg 5(1)",
            "decide to assess first",
        ),
        (
            S::Requested | S::PlanOrdered | S::DraftServed | S::ReassessmentRequested | S::PlanFinal,
            K::NotifyOfAssessment,
        ) => (
            "NOTHING_TO_NOTIFY",
            "SEND Regulations 2014 regs 44(2), 45",
            "nothing is needed",
        ),
        (_, K::DecideToAssess | K::TellOfConsidering) => (
            "ALREADY_DECIDED",
            "SEND Regulations 2014 reg 5(1)",
            "ask for a re-assessment, or open a new case",
        ),
        (
            S::Requested | S::Assessing | S::PlanOrdered | S::Reassessing,
            K::CompleteRepresentations
            | K::Consult
            | K::NameInstitution
            | K::SendFinalPlan
            | K::ReplyToConsultation,
        ) => (
            "NO_DRAFT_SERVED",
            "SEND Regulations 2014 reg 13(1); Children and Families Act 2014 s.38",
            "serve a draft first",
        ),
        (
            S::Requested | S::Assessing | S::PlanOrdered | S::DraftServed,
            K::RegisterAppeal
            | K::EndAppeal
            | K::RecordOrder
            | K::ConcedeAppeal
            | K::RequestMediation
            | K::TellCommissioner
            | K::EndMediation
            | K::RecordCertificate,
        ) => (
            "NOTHING_TO_APPEAL",
            "Children and Families Act 2014 s.51(2)",
            "wait for a decision that carries a right of appeal",
        ),
        (S::NotAssessing, _) => (
            "DECIDED_NOT_TO_ASSESS",
            "SEND Regulations 2014 reg 5(3); Children and Families Act 2014 s.51(2)(a)",
            "record the Tribunal's order, concede the appeal, or open a new case",
        ),
        (S::NoPlan, _) => (
            "NO_PLAN_NEEDED",
            "SEND Regulations 2014 reg 10(3); Children and Families Act 2014 s.51(2)(b)",
            "record the Tribunal's order, concede the appeal, or open a new case",
        ),
        (S::PlanOrdered, K::DecideNoPlan) => (
            "PLAN_ORDERED",
            "SEND Regulations 2014 regs 44(2), 45",
            "serve the draft",
        ),
        (S::DraftServed | S::Reassessing | S::ReassessmentRequested, K::DecideNoPlan) => (
            "PLAN_ALREADY_DECIDED",
            "SEND Regulations 2014 reg 10(1); Children and Families Act 2014 s.37(1)",
            "send the plan, or consult on ceasing it",
        ),
        (S::Requested | S::Assessing | S::PlanOrdered | S::DraftServed, _) => (
            "NO_PLAN_IN_FORCE",
            "Children and Families Act 2014 ss.37, 44, 45",
            "send the final plan first",
        ),
        (S::PlanFinal, K::ServeDraft | K::CompleteRepresentations) => (
            "AMEND_THROUGH_REVIEW",
            "SEND Regulations 2014 regs 22, 28",
            "amend through a review, or after a re-assessment",
        ),
        (S::PlanFinal, K::DecideToReassess) => (
            "NO_REASSESSMENT_REQUESTED",
            "Children and Families Act 2014 s.44(2)",
            "record the request first",
        ),
        (S::PlanFinal, K::DecideToCease) => (
            "CEASE_NOT_PROPOSED",
            "SEND Regulations 2014 reg 31",
            "inform and consult the family and the institution first",
        ),
        (S::PlanFinal | S::CeaseProposed | S::ReassessmentRequested | S::Reassessing, K::EndPlan) => (
            "CEASE_NOT_DECIDED",
            "Children and Families Act 2014 s.45; SEND Regulations 2014 reg 31",
            "consult, then decide to cease",
        ),
        (S::PlanFinal | S::CeaseProposed | S::CeaseNotified, _) => (
            "ASSESSMENT_OVER",
            "Children and Families Act 2014 ss.36, 44(2)",
            "ask for a re-assessment, or take it to the next review",
        ),
        (S::ReassessmentRequested | S::Reassessing, _) => (
            "STEP_IN_HAND",
            "SEND Regulations 2014 reg 27",
            "finish the re-assessment first",
        ),
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    /// The refusals of the table below, by letter.
    const CODES: &[(char, &str)] = &[
        ('N', "NOT_DECIDED_TO_ASSESS"),
        ('D', "DECIDED_NOT_TO_ASSESS"),
        ('P', "NO_PLAN_NEEDED"),
        ('A', "ALREADY_DECIDED"),
        ('O', "ASSESSMENT_OVER"),
        ('E', "CASE_ENDED"),
        ('T', "NOTHING_TO_NOTIFY"),
        ('R', "PLAN_ORDERED"),
        ('L', "PLAN_ALREADY_DECIDED"),
        ('W', "AMEND_THROUGH_REVIEW"),
        ('H', "STEP_IN_HAND"),
        ('S', "NO_DRAFT_SERVED"),
        ('B', "NOTHING_TO_APPEAL"),
        ('F', "NO_PLAN_IN_FORCE"),
        ('Q', "NO_REASSESSMENT_REQUESTED"),
        ('C', "CEASE_NOT_PROPOSED"),
        ('I', "CEASE_NOT_DECIDED"),
    ];

    /// One letter a state, in the order of declaration; a dot where the step may be taken.
    const TABLE: &str = "
RECORD_FACTS              .D.P..O..OOE
TELL_OF_CONSIDERING       .AAAAAAAAAAE
RECORD_FAMILY_ASK         .D.P..O..OOE
REQUEST_ADVICE            .D.P..O..OOE
ACKNOWLEDGE_REQUEST       .D.P..O..OOE
CLAIM_EXCEPTION           .D.P..O..OOE
SAY_NOT_KNOWN             .D.P..O..OOE
ASK_CLARIFICATION         .D.P..O..OOE
CLARIFY                   .D.P..O..OOE
RETURN_ADVICE             .D.P..O..OOE
ACCEPT_ADVICE             .D.P..O..OOE
SEND_BACK                 .D.P..O..OOE
WITHDRAW_REQUEST          .D.P..O..OOE
TAKE_EXISTING_ADVICE      .D.P..O..OOE
DECIDE_TO_ASSESS          .AAAAAA.AAAE
NOTIFY_OF_ASSESSMENT      TD.PTTTT.OOE
DECIDE_NO_PLAN            ND.PRLOLLOOE
SERVE_DRAFT               ND.P..WH.OOE
COMPLETE_REPRESENTATIONS  SDSPS.WHSOOE
CONSULT                   SDSPS.....OE
REPLY_TO_CONSULTATION     SDSPS......E
NAME_INSTITUTION          SDSPS.....OE
SEND_FINAL_PLAN           SDSPS.....OE
REGISTER_APPEAL           B.B.BB.....E
END_APPEAL                B.B.BB.....E
RECORD_ORDER              B.B.BB.....E
CONCEDE_APPEAL            B.B.BB.....E
REQUEST_MEDIATION         B.B.BB.....E
TELL_COMMISSIONER         B.B.BB.....E
END_MEDIATION             B.B.BB.....E
RECORD_CERTIFICATE        B.B.BB.....E
REQUEST_REASSESSMENT      FDFPFF.HHOOE
DECIDE_TO_REASSESS        FDFPFFQ.HOOE
CONSULT_ON_CEASING        FDFPFF.HHOOE
DECIDE_TO_CEASE           FDFPFFCHH.OE
END_PLAN                  FDFPFFIIII.E
REPORT_MOVE               FDFPFF.....E
TRANSFER_PLAN             FDFPFF.....E
TELL_OF_TRANSFER          FDFPFF.....E
TELL_NEW_COMMISSIONER     FDFPFF.....E
";

    #[test]
    fn every_step_in_every_state() {
        let mut rows = 0;
        for line in TABLE.lines().filter(|line| !line.is_empty()) {
            let (step, row) = line.split_once(' ').unwrap();
            let step = AssessmentStepKind::from_code(step).unwrap();
            let row = row.trim();
            assert_eq!(row.len(), AssessmentState::ALL.len(), "{step}");
            for (state, letter) in AssessmentState::ALL.iter().zip(row.chars()) {
                let expected = CODES
                    .iter()
                    .find(|(code, _)| *code == letter)
                    .map(|(_, reason)| *reason);
                let refused = step_allowed(*state, step).err().map(|refusal| refusal.reason);
                assert_eq!(refused, expected, "{step} in {state}");
            }
            rows += 1;
        }
        assert_eq!(rows, AssessmentStepKind::ALL.len());
    }

    #[test]
    fn a_refusal_says_what_to_do_and_where_it_stands() {
        for step in AssessmentStepKind::ALL {
            for state in AssessmentState::ALL {
                let Err(refusal) = step_allowed(*state, *step) else {
                    continue;
                };
                assert!(!refusal.remedy.is_empty() && refusal.message.contains(step.code()));
                assert!(refusal.provision.contains("20"), "{step} in {state}");
            }
        }
    }
}
