//! What each clock is: from when it counts and how, on what it rests, who owes it to whom, and what lifts it.

mod assessment;
mod review;
mod school;
mod tribunal;

use super::ClockBasis;
use super::counting::Counting;
use super::exception::Lifting;
use super::rule::ClockRule;
use crate::agency::coded;

coded! {
    /// One who owes what a clock measures, or who is told.
    Party {
        /// The authority responsible for the child or young person.
        ResponsibleAuthority = "RESPONSIBLE_AUTHORITY",
        /// The authority responsible until now.
        FormerAuthority = "FORMER_AUTHORITY",
        /// The body that commissions the child's health provision.
        CommissioningBody = "COMMISSIONING_BODY",
        /// The one that did until now.
        FormerCommissioningBody = "FORMER_COMMISSIONING_BODY",
        /// One whose advice is asked.
        Adviser = "ADVISER",
        /// The school, provider or institution attended or named.
        Institution = "INSTITUTION",
        /// A school consulted before it is named.
        ConsultedInstitution = "CONSULTED_INSTITUTION",
        /// The school that the pupil leaves.
        FormerSchool = "FORMER_SCHOOL",
        /// The school that the pupil goes to.
        NewSchool = "NEW_SCHOOL",
        /// The other school at which the pupil is registered.
        OtherSchool = "OTHER_SCHOOL",
        /// The child's parent or the young person, whoever holds the rights that day.
        Family = "FAMILY",
        /// Those who must be invited to a review.
        Invitees = "INVITEES",
        /// The mediation adviser.
        MediationAdviser = "MEDIATION_ADVISER",
        /// The tribunal.
        Tribunal = "TRIBUNAL",
        /// Who assesses for a disabled students' allowance.
        DsaAssessor = "DSA_ASSESSOR",
        /// Whoever decides on the use of the data complained of.
        DataController = "DATA_CONTROLLER",
        /// Who complained.
        Complainant = "COMPLAINANT",
    }
}

coded! {
    /// How sure the rule itself is (a date's own sureness is its [`crate::calendar::Certainty`]).
    Confidence {
        /// The text was read, or is quoted by a source that can be named.
        A = "A",
        /// It rests on a reading on which lawyers differ, or on a text not at hand: for review by a lawyer.
        B = "B",
    }
}

coded! {
    /// What a clock's date means.
    ClockNature {
        /// The last day on which a duty is met in time.
        Duty = "DUTY",
        /// The last day on which somebody may use a right, or on which something may be refused.
        Window = "WINDOW",
        /// The first day on which something may be done.
        Earliest = "EARLIEST",
    }
}

/// What a clock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The event from which it counts, in words.
    pub starts: &'static str,
    /// How it counts.
    pub counting: Counting,
    /// What kind of duty it is for those whom the provision binds.
    pub basis: ClockBasis,
    /// The provision it rests on.
    pub provision: &'static str,
    /// Who owes it; of a window, whose right it is.
    pub owed_by: Party,
    /// Who is told.
    pub told: &'static [Party],
    /// What the date means.
    pub nature: ClockNature,
    /// How sure the rule is.
    pub confidence: Confidence,
    /// Which grounds lift its limit.
    pub lifting: Lifting,
}

impl Terms {
    /// A duty, confidence A, that nothing lifts; what differs is said by the methods below.
    const fn duty(
        basis: ClockBasis,
        provision: &'static str,
        starts: &'static str,
        counting: Counting,
        owed_by: Party,
        told: &'static [Party],
    ) -> Self {
        Self {
            starts,
            counting,
            basis,
            provision,
            owed_by,
            told,
            nature: ClockNature::Duty,
            confidence: Confidence::A,
            lifting: Lifting::Nothing,
        }
    }

    const fn lifted_by(self, lifting: Lifting) -> Self {
        Self { lifting, ..self }
    }

    const fn for_review(self) -> Self {
        Self {
            confidence: Confidence::B,
            ..self
        }
    }

    const fn of_nature(self, nature: ClockNature) -> Self {
        Self { nature, ..self }
    }
}

/// Weeks are blocks of 7 days.
const fn weeks(count: u32) -> Counting {
    Counting::DaysAfter(count * 7)
}

impl ClockRule {
    /// What this clock is.
    #[must_use]
    pub const fn terms(self) -> &'static Terms {
        match self {
            Self::ConsideringTell => &assessment::CONSIDERING_TELL,
            Self::EhcnaDecide => &assessment::EHCNA_DECIDE,
            Self::AdviceReturn => &assessment::ADVICE_RETURN,
            Self::NoPlanNotice => &assessment::NO_PLAN_NOTICE,
            Self::DraftRepresentations => &assessment::DRAFT_REPRESENTATIONS,
            Self::FinalPlanEarliest => &assessment::FINAL_PLAN_EARLIEST,
            Self::ConsultReply => &assessment::CONSULT_REPLY,
            Self::FinalPlan => &assessment::FINAL_PLAN,
            Self::ReassessDecide => &assessment::REASSESS_DECIDE,
            Self::ReassessRefusalWindow => &assessment::REASSESS_REFUSAL_WINDOW,
            Self::ReassessFinal => &assessment::REASSESS_FINAL,
            Self::LaTransfer => &assessment::LA_TRANSFER,
            Self::LaTransferInform => &assessment::LA_TRANSFER_INFORM,
            Self::LaTransferReview => &assessment::LA_TRANSFER_REVIEW,
            Self::IcbChangeNotify => &assessment::ICB_CHANGE_NOTIFY,
            Self::IcbSectionG => &assessment::ICB_SECTION_G,
            Self::DsaPlan => &assessment::DSA_PLAN,
            Self::AnnualReview => &review::ANNUAL_REVIEW,
            Self::UnderFiveReview => &review::UNDER_FIVE_REVIEW,
            Self::ReviewList => &review::REVIEW_LIST,
            Self::ReviewInvite => &review::REVIEW_INVITE,
            Self::ReviewAdviceCirculate => &review::REVIEW_ADVICE_CIRCULATE,
            Self::ReviewReport => &review::REVIEW_REPORT,
            Self::ReviewDecision => &review::REVIEW_DECISION,
            Self::AmendNotice => &review::AMEND_NOTICE,
            Self::AmendRepresentations => &review::AMEND_REPRESENTATIONS,
            Self::AmendFinal => &review::AMEND_FINAL,
            Self::NotAmendNotice => &review::NOT_AMEND_NOTICE,
            Self::AmendFinalLongstop => &review::AMEND_FINAL_LONGSTOP,
            Self::PhaseTransfer => &review::PHASE_TRANSFER,
            Self::Post16Transfer => &review::POST16_TRANSFER,
            Self::TribunalAssessNotify => &tribunal::ASSESS_NOTIFY,
            Self::TribunalAssessNoPlan => &tribunal::ASSESS_NO_PLAN,
            Self::TribunalAssessFinal => &tribunal::ASSESS_FINAL,
            Self::TribunalMakeDraft => &tribunal::MAKE_DRAFT,
            Self::TribunalMakeFinal => &tribunal::MAKE_FINAL,
            Self::TribunalAmend => &tribunal::AMEND,
            Self::TribunalNameSchool => &tribunal::NAME_SCHOOL,
            Self::TribunalCeaseDismissed => &tribunal::CEASE_DISMISSED,
            Self::UnopposedAssessNotify => &tribunal::UNOPPOSED_ASSESS_NOTIFY,
            Self::UnopposedNoPlan => &tribunal::UNOPPOSED_NO_PLAN,
            Self::UnopposedFinal => &tribunal::UNOPPOSED_FINAL,
            Self::UnopposedMakeDraft => &tribunal::UNOPPOSED_MAKE_DRAFT,
            Self::UnopposedMakeFinal => &tribunal::UNOPPOSED_MAKE_FINAL,
            Self::UnopposedAmend => &tribunal::UNOPPOSED_AMEND,
            Self::UnopposedNameSchool => &tribunal::UNOPPOSED_NAME_SCHOOL,
            Self::MediationArrange => &tribunal::MEDIATION_ARRANGE,
            Self::MediationHealthArrange => &tribunal::MEDIATION_HEALTH_ARRANGE,
            Self::MediationHealthTell => &tribunal::MEDIATION_HEALTH_TELL,
            Self::MediationCertificate => &tribunal::MEDIATION_CERTIFICATE,
            Self::AppealLimit => &tribunal::APPEAL_LIMIT,
            Self::PupilRecord => &school::PUPIL_RECORD,
            Self::DualRegistrationCopy => &school::DUAL_REGISTRATION_COPY,
            Self::PupilRecordCopy => &school::PUPIL_RECORD_COPY,
            Self::NewPupilReturn => &school::NEW_PUPIL_RETURN,
            Self::DeletionReturn => &school::DELETION_RETURN,
            Self::ChildProtectionFile => &school::CHILD_PROTECTION_FILE,
            Self::ChildProtectionFileTerm => &school::CHILD_PROTECTION_FILE_TERM,
            Self::ComplaintAcknowledge => &school::COMPLAINT_ACKNOWLEDGE,
        }
    }

    /// How it counts.
    #[must_use]
    pub const fn counting(self) -> Counting {
        self.terms().counting
    }

    /// What kind of duty it is for those whom the provision binds; see [`ClockRule::basis_for`] for the others.
    #[must_use]
    pub const fn basis(self) -> ClockBasis {
        self.terms().basis
    }

    /// The provision it rests on.
    #[must_use]
    pub const fn provision(self) -> &'static str {
        self.terms().provision
    }
}
