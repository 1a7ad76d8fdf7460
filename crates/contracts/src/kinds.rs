//! Kinds of exchanges and of the hub's own notices between wire and domain.

use sendhub_domain::exchange::{ExchangeKind, HubNoticeCode};

use crate::disclosure::words;
use crate::mailbox::v1 as wire;

words! {
    /// A kind of exchange for the wire.
    wire_kind,
    /// A kind of exchange from the wire; `None` when it is not said.
    kind: ExchangeKind = wire::ExchangeKind {
        Transfer,
        PupilInformation,
        AssessmentCase,
        AdviceRequest,
        AdviceResponse,
        AdviceReturn,
        AdviceDecision,
        Plan,
        Consultation,
        ConsultationReply,
        ReviewInvitation,
        ReviewResponse,
        ReviewAdvice,
        ReviewReport,
        ReviewDecision,
        ServiceChildProfile,
        Notice,
        HubNotice,
    }
}

words! {
    /// What a notice of the hub tells, for the wire.
    wire_notice,
    /// What a notice of the hub tells, from the wire; `None` when it is not said.
    notice: HubNoticeCode = wire::HubNoticeCode {
        ConsentWithdrawn,
        CollectionRefused,
        ClockDueSoon,
        ClockDueToday,
        ClockOverdue,
        ReferralWaiting,
        ReferralDecided,
        BreakGlassUsed,
        RightsPass,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_notices_have_the_same_codes_on_the_wire_and_come_back() {
        for &one in ExchangeKind::ALL {
            let name = wire_kind(one).as_str_name();
            assert_eq!(name.strip_prefix("EXCHANGE_KIND_"), Some(one.code()));
            assert_eq!(kind(wire_kind(one)), Some(one));
        }
        for &one in HubNoticeCode::ALL {
            let name = wire_notice(one).as_str_name();
            assert_eq!(name.strip_prefix("HUB_NOTICE_CODE_"), Some(one.code()));
            assert_eq!(notice(wire_notice(one)), Some(one));
        }
        assert_eq!(kind(wire::ExchangeKind::Unspecified), None);
        assert_eq!(notice(wire::HubNoticeCode::Unspecified), None);
    }
}
