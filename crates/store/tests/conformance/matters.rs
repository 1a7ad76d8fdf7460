//! What the suites about cases, rights, clocks, referrals and notices share: one of each, by number.

use jiff::civil::{Date, date};
use sendhub_domain::agreement::{Agreement, AgreementId};
use sendhub_domain::calendar::Certainty;
use sendhub_domain::disclosure::{Item, RecipientRole};
use sendhub_domain::event::EventKind;
use sendhub_domain::exchange::{
    AttachmentId, CaseId, CaseKind, ClockId, DeliveryId, DeliveryState, ExchangeId, ExchangeKind,
    HubNoticeCode, ReferralId, RequestId, RightsRecordId,
};
use sendhub_domain::person::SubjectId;
use sendhub_store::change::{
    AttachmentRow, CaseRow, ClockRow, ExchangeRow, NoticeRow, ReferralRow, RightsRow,
};
use sendhub_store::{Change, Committed, Conflict, Effect, Store};
use uuid::Uuid;

use crate::support::{agency, at, entry};

/// The person of every row here.
pub(crate) const PERSON: SubjectId = SubjectId(1_u128.to_be_bytes());

pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// A day of November 2026.
pub(crate) fn day(day: i8) -> Date {
    date(2026, 11, day)
}

/// A change with these effects that is no acceptance.
pub(crate) fn change(effects: Vec<Effect>) -> Change {
    Change {
        entry: entry(EventKind::RightsRecorded, None, None),
        effects,
    }
}

/// Commits changes of one effect each and says what became of each.
pub(crate) async fn each(store: &dyn Store, effects: Vec<Effect>) -> Vec<Result<(), Conflict>> {
    let batch = effects.into_iter().map(|effect| change(vec![effect])).collect();
    outcomes(store.commit(batch).await.unwrap())
}

pub(crate) fn outcomes(results: Vec<Result<Committed, Conflict>>) -> Vec<Result<(), Conflict>> {
    results.into_iter().map(|result| result.map(|_| ())).collect()
}

/// A case by its number, of agency `one`.
pub(crate) fn open_case(number: u128) -> Effect {
    Effect::OpenCase(case(number))
}

pub(crate) fn case(number: u128) -> CaseRow {
    CaseRow {
        case: CaseId(id(number)),
        kind: CaseKind::Assessment,
        owner: agency("one"),
        subject: PERSON,
        case_reference: Some(format!("EHC-{number}")),
        opened_at: at(),
    }
}

pub(crate) fn extend(number: u128, expected_steps: u32) -> Effect {
    Effect::ExtendCase {
        case: CaseId(id(number)),
        expected_steps,
    }
}

/// An exchange of a case, with no copies.
pub(crate) fn step_of(case: Option<u128>, number: u128, kind: ExchangeKind) -> Change {
    let exchange = ExchangeId(id(number));
    let sealed = format!("sealed {number}").into_bytes();
    Change {
        entry: entry(EventKind::ExchangeAccepted, Some(exchange), Some(&sealed)),
        effects: vec![Effect::StoreExchange(ExchangeRow {
            exchange,
            kind,
            sender: agency("one"),
            request: RequestId(id(number)),
            request_digest: [1; 32],
            subject: PERSON,
            case: case.map(|case| CaseId(id(case))),
            accepted_at: at(),
            due_on: None,
            header: b"header".to_vec(),
            sealed,
        })],
    }
}

pub(crate) fn record(number: u128) -> RightsRow {
    RightsRow {
        record: RightsRecordId(id(number)),
        subject: PERSON,
        kind: "CONSENT".into(),
        recorded_by: agency("one"),
        recorded_at: at(),
        sealed: format!("says {number}").into_bytes(),
    }
}

pub(crate) fn record_rights(number: u128, expected_revision: u64) -> Effect {
    Effect::RecordRights {
        row: record(number),
        expected_revision,
    }
}

pub(crate) fn expect_rights(revision: u64) -> Effect {
    Effect::ExpectRights {
        subject: PERSON,
        revision,
    }
}

pub(crate) fn move_delivery(number: u128, to: DeliveryState) -> Effect {
    Effect::MoveDelivery {
        delivery: DeliveryId(id(number)),
        from: &[DeliveryState::Waiting, DeliveryState::Collected],
        to,
        at: at(),
    }
}

/// A clock that exchange 1 started: due on the 30th, first notice on the 25th.
pub(crate) fn clock(number: u128) -> ClockRow {
    ClockRow {
        clock: ClockId(id(number)),
        exchange: ExchangeId(id(1)),
        case: None,
        subject: PERSON,
        rule: "EHC_ADVICE_6W".into(),
        started_on: day(10),
        due_on: day(30),
        basis: "HARD".into(),
        certainty: Certainty::Counted,
        provision: "SEND Regulations 2014 reg 8(1)".into(),
        owed_by: agency("two"),
        told: vec![agency("one"), agency("la-301")],
        case_reference: Some("EHC-1".into()),
        next_notice_on: Some(day(25)),
        created_at: at(),
    }
}

pub(crate) fn advance(number: u128, expected: Option<Date>, next: Option<Date>) -> Effect {
    Effect::AdvanceClock {
        clock: ClockId(id(number)),
        expected,
        next,
    }
}

pub(crate) fn referral(number: u128) -> ReferralRow {
    ReferralRow {
        referral: ReferralId(id(number)),
        exchange: ExchangeId(id(1)),
        delivery: Some(DeliveryId(id(1))),
        recipient: agency("two"),
        role: RecipientRole::ThirdParty,
        effect: "REFER_TO_LA".into(),
        reason: "OPINION_NEEDED".into(),
        rule: "plan-interests".into(),
        provision: "SEND Regulations 2014 reg 17(1)(a)".into(),
        decider: agency("la-301"),
        opened_at: at(),
    }
}

/// A notice about exchange 1 to agency `one`.
pub(crate) fn notice(delivery: u128, once: &str) -> NoticeRow {
    NoticeRow {
        delivery: DeliveryId(id(delivery)),
        about: ExchangeId(id(1)),
        recipient: agency("one"),
        code: HubNoticeCode::ClockDueSoon,
        on: day(30),
        case_reference: Some("EHC-1".into()),
        once: once.into(),
        created_at: at(),
    }
}

pub(crate) fn agreement(name: &str, revision: u64) -> Agreement {
    Agreement {
        id: AgreementId::parse(name).unwrap(),
        revision,
        parties: vec![agency("one"), agency("two")],
        items: vec![Item::PupilInformation],
        purposes: vec!["transition".into()],
        from: day(1),
        until: Some(day(30)),
        ended_on: None,
        signed_by: vec!["head-of-sen".into()],
    }
}

pub(crate) fn put_agreement(name: &str, expected_revision: u64) -> Effect {
    Effect::PutAgreement {
        agreement: Box::new(agreement(name, expected_revision + 1)),
        expected_revision,
    }
}

pub(crate) fn attachment(number: u128) -> AttachmentRow {
    AttachmentRow {
        attachment: AttachmentId(id(number)),
        owner: agency("one"),
        subject: number.is_multiple_of(2).then_some(PERSON),
        media_type: "application/pdf".into(),
        size_bytes: 1_234,
        sha256: [5; 32],
        place: format!("attachments/{number}"),
        wrapped_key: vec![6; 40],
        master_key_id: "k".into(),
        created_at: at(),
    }
}
