//! The names of the clocks: one code each, and the other spellings under which a code may be asked for.

use crate::agency::coded;

coded! {
    /// Which clock. What each counts, on what it rests and who owes it stands in [`super::Terms`].
    ClockRule {
        /// Those around the child are told that an assessment is considered: with the request.
        ConsideringTell = "EHCNA_CONSIDERING_TELL",
        /// Whether to assess is decided and told: 6 weeks from the request.
        EhcnaDecide = "EHCNA_DECIDE_6W",
        /// An adviser complies with a request for advice: 6 weeks from its receipt.
        AdviceReturn = "ADVICE_RETURN_6W",
        /// Notice that no plan is needed: 16 weeks from the request.
        NoPlanNotice = "NO_PLAN_NOTICE_16W",
        /// The last of the 15 days on which the family may answer a draft plan.
        DraftRepresentations = "DRAFT_REPS_LAST_DAY_15D",
        /// The first day on which a final plan may issue when the family has not answered in full.
        FinalPlanEarliest = "FINAL_PLAN_EARLIEST_15D",
        /// A school answers a consultation: 15 days from its receipt.
        ConsultReply = "SCHOOL_CONSULT_REPLY_15D",
        /// The final plan: 20 weeks from the request.
        FinalPlan = "FINAL_PLAN_20W",
        /// Whether to re-assess is decided and told: 15 days from the request.
        ReassessDecide = "REASSESS_DECIDE_15D",
        /// The last day on which a re-assessment may be refused because the last one is less than 6 months old.
        ReassessRefusalWindow = "REASSESS_REFUSAL_6M",
        /// The plan after a re-assessment: 14 weeks from the notice.
        ReassessFinal = "REASSESS_FINAL_14W",
        /// The plan passes to the new authority.
        LaTransfer = "LA_TRANSFER",
        /// The new authority tells the family what it will do: 6 weeks from the transfer.
        LaTransferInform = "LA_TRANSFER_INFORM_6W",
        /// The new authority reviews the plan.
        LaTransferReview = "LA_TRANSFER_REVIEW",
        /// The old commissioning body tells the new one.
        IcbChangeNotify = "ICB_CHANGE_NOTIFY_15WD",
        /// The new commissioning body that cannot arrange section G asks for an assessment or review.
        IcbSectionG = "ICB_SECTION_G_15WD",
        /// The plan is sent for a disabled students' allowance.
        DsaPlan = "DSA_PLAN_15WD",
        /// The review is over: the last day of the 12 months.
        AnnualReview = "ANNUAL_REVIEW_12M",
        /// Under five: a lighter review is considered, at the latest.
        UnderFiveReview = "UNDER5_REVIEW_6M",
        /// The term's list of reviews goes to heads and commissioning bodies: 2 weeks before the term.
        ReviewList = "REVIEW_LIST_2W",
        /// Invitations to a review meeting, at the latest.
        ReviewInvite = "REVIEW_INVITE_LATEST",
        /// Advice for a review meeting is circulated, at the latest.
        ReviewAdviceCirculate = "REVIEW_ADVICE_CIRCULATE_2W",
        /// The report of a review meeting: 2 weeks from it.
        ReviewReport = "REVIEW_REPORT_2W",
        /// The decision after a review meeting: 4 weeks from it, and within the 12 months.
        ReviewDecision = "REVIEW_DECISION_4W",
        /// The notice of amendment with the proposed changes: 4 weeks from the meeting.
        AmendNotice = "AMEND_NOTICE_4W",
        /// The last of the 15 days on which the family may answer a notice of amendment.
        AmendRepresentations = "AMEND_REPS_LAST_DAY_15D",
        /// The amended plan: 8 weeks from the notice.
        AmendFinal = "AMEND_FINAL_8W",
        /// The decision not to amend after all: 8 weeks from the notice.
        NotAmendNotice = "NOT_AMEND_NOTICE_8W",
        /// The amended plan: 12 weeks from the meeting at the very latest.
        AmendFinalLongstop = "AMEND_FINAL_LONGSTOP_12W",
        /// The plan is reviewed and amended before a transfer between phases.
        PhaseTransfer = "PHASE_TRANSFER",
        /// The same before a move between post-16 institutions at another time of the year.
        Post16Transfer = "POST16_TO_POST16_5M",
        /// After a tribunal's order to assess: notice that an assessment begins.
        TribunalAssessNotify = "TRIB_ASSESS_NOTIFY_2W",
        /// After a tribunal's order to assess: notice that no plan is needed.
        TribunalAssessNoPlan = "TRIB_ASSESS_NO_PLAN_10W",
        /// After a tribunal's order to assess: the final plan.
        TribunalAssessFinal = "TRIB_ASSESS_FINAL_14W",
        /// After a tribunal's order to make a plan: the draft.
        TribunalMakeDraft = "TRIB_MAKE_PLAN_DRAFT_5W",
        /// After a tribunal's order to make a plan: the final plan.
        TribunalMakeFinal = "TRIB_MAKE_PLAN_FINAL_11W",
        /// After a tribunal's order to amend: the amended plan.
        TribunalAmend = "TRIB_AMEND_5W",
        /// After a tribunal's order to name a school: the plan that names it.
        TribunalNameSchool = "TRIB_NAME_SCHOOL_2W",
        /// An appeal against ceasing is dismissed: the plan ends at once.
        TribunalCeaseDismissed = "TRIB_CEASE_DISMISSED",
        /// An appeal for an assessment is not opposed: notice that an assessment begins.
        UnopposedAssessNotify = "UNOPPOSED_ASSESS_NOTIFY_2W",
        /// An appeal for an assessment is not opposed: notice that no plan is needed.
        UnopposedNoPlan = "UNOPPOSED_NO_PLAN_10W",
        /// An appeal for an assessment is not opposed: the final plan.
        UnopposedFinal = "UNOPPOSED_FINAL_14W",
        /// An appeal for a plan is not opposed: the draft.
        UnopposedMakeDraft = "UNOPPOSED_MAKE_PLAN_DRAFT_5W",
        /// An appeal for a plan is not opposed: the final plan.
        UnopposedMakeFinal = "UNOPPOSED_MAKE_PLAN_FINAL_11W",
        /// An appeal about a plan's content is not opposed: the amended plan.
        UnopposedAmend = "UNOPPOSED_AMEND_5W",
        /// An appeal about the school named is not opposed: the plan that names it.
        UnopposedNameSchool = "UNOPPOSED_NAME_SCHOOL_2W",
        /// The authority arranges mediation: 30 days from being told that it is wanted.
        MediationArrange = "MEDIATION_ARRANGE_30D",
        /// The commissioning body arranges mediation about health alone: 30 days.
        MediationHealthArrange = "MEDIATION_HEALTH_ARRANGE_30D",
        /// The authority tells the commissioning body of the health issues: 3 working days.
        MediationHealthTell = "MEDIATION_HEALTH_TELL_3WD",
        /// The mediation adviser issues the certificate: 3 working days.
        MediationCertificate = "MEDIATION_CERT_3WD",
        /// The last day of an appeal to the tribunal, for information.
        AppealLimit = "APPEAL_LIMIT",
        /// Pupil record to the new school: 15 school days after the pupil ceases to be registered.
        PupilRecord = "PUPIL_RECORD_15SD",
        /// Copy on a second registration: 15 school days after the head learns of it.
        DualRegistrationCopy = "DUAL_REG_COPY_15SD",
        /// A parent's copy of the record: 15 school days after the written request.
        PupilRecordCopy = "PUPIL_RECORD_COPY_15SD",
        /// New-pupil return to the local authority: end of the fifth day after entry.
        NewPupilReturn = "NEW_PUPIL_RETURN_5D",
        /// Return of a deletion from the register to the local authority: at once.
        DeletionReturn = "DELETION_RETURN",
        /// Child-protection file to the new school, in the year: 5 school days.
        ChildProtectionFile = "CP_FILE_5SD",
        /// Child-protection file to the new school at the start of a term: its first 5 school days.
        ChildProtectionFileTerm = "CP_FILE_TERM_START_5SD",
        /// A complaint about data protection is acknowledged: 30 days.
        ComplaintAcknowledge = "DP_COMPLAINT_ACK_30D",
    }
}

/// Other spellings of a code and the clock that each names. A number in a name is never read: a spelling that
/// is not listed names no clock.
pub const ALIASES: &[(&str, ClockRule)] = &[
    ("EHCNA_CONSIDERING", ClockRule::ConsideringTell),
    ("EHCNA_DECISION_6W", ClockRule::EhcnaDecide),
    ("ADVICE_6W", ClockRule::AdviceReturn),
    ("NO_PLAN_16W", ClockRule::NoPlanNotice),
    ("FINAL_20W", ClockRule::FinalPlan),
    ("DRAFT_REPS_15D", ClockRule::DraftRepresentations),
    ("DRAFT_FINAL_EARLIEST_15D", ClockRule::FinalPlanEarliest),
    ("CONSULT_REPLY_15D", ClockRule::ConsultReply),
    ("CONSULT_15D", ClockRule::ConsultReply),
    ("REASSESS_DECISION_15D", ClockRule::ReassessDecide),
    ("REASSESSMENT_DECIDE_15D", ClockRule::ReassessDecide),
    ("REASSESS_NOTIFY_15D", ClockRule::ReassessDecide),
    ("REASSESSMENT_FINAL_14W", ClockRule::ReassessFinal),
    ("REASSESS_FINAL_PLAN_14W", ClockRule::ReassessFinal),
    ("LA_TRANSFER_15WD", ClockRule::LaTransfer),
    ("LA_TRANSFER_REVIEW_LATER_OF", ClockRule::LaTransferReview),
    ("ICB_CHANGE_15WD", ClockRule::IcbChangeNotify),
    ("ICB_CHANGE_REQUEST_15WD", ClockRule::IcbSectionG),
    ("ICB_CHANGE_SECTION_G_15WD", ClockRule::IcbSectionG),
    ("ICB_CANNOT_ARRANGE_15WD", ClockRule::IcbSectionG),
    ("DSA_SEND_PLAN_15WD", ClockRule::DsaPlan),
    ("UNDER_5_REVIEW_6M", ClockRule::UnderFiveReview),
    ("REVIEW_LIST_TERM_2W", ClockRule::ReviewList),
    ("REVIEW_TERM_LIST_2W", ClockRule::ReviewList),
    ("REVIEW_INVITE_2W", ClockRule::ReviewInvite),
    ("REVIEW_NOTICE_2W", ClockRule::ReviewInvite),
    ("REVIEW_ADVICE_2W", ClockRule::ReviewAdviceCirculate),
    ("REVIEW_ADVICE_CIRCULATE_LATEST", ClockRule::ReviewAdviceCirculate),
    ("REVIEW_ADVICE_LATEST", ClockRule::ReviewAdviceCirculate),
    ("REVIEW_AMEND_NOTICE_4W", ClockRule::AmendNotice),
    ("AMEND_LONGSTOP_12W", ClockRule::AmendFinalLongstop),
    ("POST16_TRANSFER_5M", ClockRule::Post16Transfer),
    ("TRIB_NO_PLAN_10W", ClockRule::TribunalAssessNoPlan),
    ("TRIB_FINAL_14W", ClockRule::TribunalAssessFinal),
    ("TRIB_AMEND_PLAN_5W", ClockRule::TribunalAmend),
    ("TRIB_AMEND_CONTENT_5W", ClockRule::TribunalAmend),
    ("TRIB_NAME_INSTITUTION_2W", ClockRule::TribunalNameSchool),
    ("TRIB_SECTION_I_2W", ClockRule::TribunalNameSchool),
    ("TRIB_CEASE_DISMISSED_AT_ONCE", ClockRule::TribunalCeaseDismissed),
    ("UNOPPOSED_NOTIFY_2W", ClockRule::UnopposedAssessNotify),
    ("UNOPPOSED_ASSESS_2W", ClockRule::UnopposedAssessNotify),
    ("UNOPPOSED_ASSESS_NO_PLAN_10W", ClockRule::UnopposedNoPlan),
    ("UNOPPOSED_ASSESS_FINAL_14W", ClockRule::UnopposedFinal),
    ("UNOPPOSED_FINAL_PLAN_14W", ClockRule::UnopposedFinal),
    ("UNOPPOSED_PLAN_14W", ClockRule::UnopposedFinal),
    ("UNOPPOSED_DRAFT_5W", ClockRule::UnopposedMakeDraft),
    ("UNOPPOSED_DRAFT_PLAN_5W", ClockRule::UnopposedMakeDraft),
    ("UNOPPOSED_MAKE_DRAFT_5W", ClockRule::UnopposedMakeDraft),
    ("UNOPPOSED_FINAL_11W", ClockRule::UnopposedMakeFinal),
    ("UNOPPOSED_MAKE_FINAL_11W", ClockRule::UnopposedMakeFinal),
    ("UNOPPOSED_MAKE_PLAN_11W", ClockRule::UnopposedMakeFinal),
    ("UNOPPOSED_AMEND_PLAN_5W", ClockRule::UnopposedAmend),
    ("UNOPPOSED_AMEND_CONTENT_5W", ClockRule::UnopposedAmend),
    ("UNOPPOSED_NAME_INSTITUTION_2W", ClockRule::UnopposedNameSchool),
    ("UNOPPOSED_SECTION_I_2W", ClockRule::UnopposedNameSchool),
    ("MEDIATION_30D", ClockRule::MediationArrange),
    ("MEDIATION_HEALTH_30D", ClockRule::MediationHealthArrange),
    ("MEDIATION_ICB_ARRANGE_30D", ClockRule::MediationHealthArrange),
    ("MEDIATION_HEALTH_NOTIFY_3WD", ClockRule::MediationHealthTell),
    ("MEDIATION_ICB_TELL_3WD", ClockRule::MediationHealthTell),
    ("MEDIATION_CERTIFICATE_3WD", ClockRule::MediationCertificate),
    ("APPEAL_LIMIT_2M", ClockRule::AppealLimit),
    ("PUPIL_RECORD_ACCESS_15SD", ClockRule::PupilRecordCopy),
    ("PARENT_RECORD_COPY_15SD", ClockRule::PupilRecordCopy),
    ("CP_FILE_TERM_5SD", ClockRule::ChildProtectionFileTerm),
    ("COMPLAINT_ACK_30D", ClockRule::ComplaintAcknowledge),
];

impl ClockRule {
    /// The clock that a code or one of its other spellings names; `None` when none is known by that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::from_code(name).or_else(|| {
            ALIASES
                .iter()
                .find_map(|(alias, rule)| (*alias == name).then_some(*rule))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_no_code_and_stands_once() {
        for (place, (alias, rule)) in ALIASES.iter().enumerate() {
            assert_eq!(ClockRule::from_code(alias), None, "{alias}");
            assert_eq!(ClockRule::find(alias), Some(*rule), "{alias}");
            let twice = ALIASES.iter().skip(place + 1).any(|(other, _)| other == alias);
            assert!(!twice, "{alias}");
        }
    }

    #[test]
    fn a_number_is_never_read_from_a_name() {
        for name in [
            "EHCNA_DECIDE_7W",
            "FINAL_PLAN",
            "final_plan_20w",
            "PUPIL_RECORD_15D",
            "",
        ] {
            assert_eq!(ClockRule::find(name), None, "{name}");
        }
    }
}
