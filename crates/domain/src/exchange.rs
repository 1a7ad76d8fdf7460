//! Exchanges and deliveries: what one agency hands another, and where each copy stands.

use std::fmt;

use uuid::Uuid;

use crate::agency::coded;

/// Declares a newtype over a UUID that prints as the UUID.
macro_rules! uuid_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_name! {
    /// Names one accepted exchange. Made by the hub, ordered by time.
    ExchangeId
}
uuid_name! {
    /// Names one recipient's copy of an exchange; what a recipient de-duplicates by.
    DeliveryId
}
uuid_name! {
    /// Made by the client, once for each intent: the key of idempotency within the sender.
    RequestId
}

uuid_name! {
    /// Names one case: an assessment or a review. Made by the hub, ordered by time.
    CaseId
}
uuid_name! {
    /// Names one record about rights: a consent, a finding, a determination. Made by the hub, ordered by time.
    RightsRecordId
}
uuid_name! {
    /// Names one running clock. Made by the hub, ordered by time.
    ClockId
}
uuid_name! {
    /// Names one decision that waits for a named person. Made by the hub, ordered by time.
    ReferralId
}
uuid_name! {
    /// Names one attachment. Made by the hub, ordered by time.
    AttachmentId
}

coded! {
    /// What is exchanged.
    ExchangeKind {
        /// A pupil's transfer record: Common Transfer File, with the SEN record beside it.
        Transfer = "TRANSFER",
        /// Pupil information, minimised by recipient.
        PupilInformation = "PUPIL_INFORMATION",
        /// The opening of an assessment case, or a decision within it that has no recipient of its own.
        AssessmentCase = "ASSESSMENT_CASE",
        /// A request for advice.
        AdviceRequest = "ADVICE_REQUEST",
        /// An adviser's answer that is not yet advice.
        AdviceResponse = "ADVICE_RESPONSE",
        /// Advice returned.
        AdviceReturn = "ADVICE_RETURN",
        /// What the authority made of advice.
        AdviceDecision = "ADVICE_DECISION",
        /// A plan, draft or final, or one shared with a further recipient.
        Plan = "PLAN",
        /// A school consulted.
        Consultation = "CONSULTATION",
        /// Its reply.
        ConsultationReply = "CONSULTATION_REPLY",
        /// A review called: the invitations.
        ReviewInvitation = "REVIEW_INVITATION",
        /// An answer to an invitation.
        ReviewResponse = "REVIEW_RESPONSE",
        /// Advice for a review, or its circulation.
        ReviewAdvice = "REVIEW_ADVICE",
        /// The report of a review meeting.
        ReviewReport = "REVIEW_REPORT",
        /// The decision after a review.
        ReviewDecision = "REVIEW_DECISION",
        /// The profile of a Service child.
        ServiceChildProfile = "SERVICE_CHILD_PROFILE",
        /// One of the smaller exchanges.
        Notice = "NOTICE",
        /// A notice of the hub itself: nothing personal.
        HubNotice = "HUB_NOTICE",
    }
}

coded! {
    /// What kind of case.
    CaseKind {
        /// An EHC needs assessment.
        Assessment = "ASSESSMENT",
        /// A review of an EHC plan.
        Review = "REVIEW",
    }
}

coded! {
    /// What the hub tells an agency by itself. Carries a case reference and a date, nothing personal.
    HubNoticeCode {
        /// A consent was withdrawn or refused: what was not yet collected was stopped.
        ConsentWithdrawn = "CONSENT_WITHDRAWN",
        /// A collection was refused by the law of the day.
        CollectionRefused = "COLLECTION_REFUSED",
        /// A clock falls due soon.
        ClockDueSoon = "CLOCK_DUE_SOON",
        /// A clock falls due today.
        ClockDueToday = "CLOCK_DUE_TODAY",
        /// A clock has run out.
        ClockOverdue = "CLOCK_OVERDUE",
        /// A decision waits for a named person of this agency.
        ReferralWaiting = "REFERRAL_WAITING",
        /// A referral was decided.
        ReferralDecided = "REFERRAL_DECIDED",
        /// The break-glass route was used: for the data-protection officer.
        BreakGlassUsed = "BREAK_GLASS_USED",
        /// Rights pass to the young person soon, or have passed.
        RightsPass = "RIGHTS_PASS",
    }
}

coded! {
    /// Where a transfer record is bound.
    TransferDestinationKind {
        /// A school or other agency in the directory.
        Agency = "AGENCY",
        /// Not known: held for local authorities to search (the lost-pupil file, `XXX`/`XXXX`).
        Unknown = "UNKNOWN",
        /// Outside the maintained sector or abroad (`MMM`/`MMMM`): held likewise.
        OutsideSector = "OUTSIDE_SECTOR",
    }
}

coded! {
    /// Where one recipient's copy stands.
    DeliveryState {
        /// Waits to be collected.
        Waiting = "WAITING",
        /// Collected at least once, not yet acknowledged: it may be collected again.
        Collected = "COLLECTED",
        /// The recipient has it; nothing more will be handed over.
        Acknowledged = "ACKNOWLEDGED",
        /// The recipient could not take it, and said why.
        Rejected = "REJECTED",
        /// The law of the day no longer allowed it; never handed over from here on.
        Stopped = "STOPPED",
    }
}

impl DeliveryState {
    /// Whether the copy still stands in the recipient's inbox.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Collected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_waiting_and_collected_are_open() {
        let open: Vec<_> = DeliveryState::ALL
            .iter()
            .filter(|state| state.is_open())
            .collect();
        assert_eq!(open, [&DeliveryState::Waiting, &DeliveryState::Collected]);
    }
}
