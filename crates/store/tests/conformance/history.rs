//! A history with rows of every kind, and all that can be read of it in one text.

use std::fmt::Write as _;

use sendhub_domain::event::{AuditEvent, EventKind, EventOutcome};
use sendhub_domain::exchange::{
    AttachmentId, CaseId, CaseKind, ClockId, DeliveryId, DeliveryState, ExchangeId, ExchangeKind, ReferralId,
    RequestId, RightsRecordId,
};
use sendhub_domain::person::SubjectId;
use sendhub_store::change::{ClockRow, ClockState, Outcome};
use sendhub_store::reads::EventFilter;
use sendhub_store::{Change, Effect, LogEntry, Store};

use crate::matters::{
    PERSON, agreement, attachment, change, clock, day, id, notice, open_case, record_rights, referral,
    step_of,
};
use crate::support::{agency, at, exchange, put, school, step};

const OPEN: &[DeliveryState] = &[DeliveryState::Waiting, DeliveryState::Collected];
/// Transfers, enough for a kept hash of the tree.
const TRANSFERS: u128 = 280;
/// Ids of November 2026 and of a year that has no partition yet.
pub(crate) const DATED: [u128; 2] = [
    0x01a2_07a2_3280_7000_8000_0000_0000_0001,
    0x01d0_0000_0000_7000_8000_0000_0000_0001,
];

/// A further step of case 1000.
pub(crate) fn further(number: u128, expected_steps: u32) -> Change {
    let mut further = step_of(Some(1_000), number, ExchangeKind::AdviceRequest);
    further.effects.insert(
        0,
        Effect::ExtendCase {
            case: CaseId(id(1_000)),
            expected_steps,
        },
    );
    further
}

pub(crate) fn lift(ground: &str) -> Effect {
    Effect::LiftClock {
        clock: ClockId(id(1)),
        ground: ground.into(),
        from: Some(day(20)),
        until: Some(day(27)),
        recorded_by: agency("two"),
        recorded_on: day(21),
        evidence: ground.as_bytes().to_vec(),
    }
}

/// A transfer whose copy has all that a copy can have.
fn transfer(number: u128) -> Change {
    let mut transfer = exchange(number, 1);
    for effect in &mut transfer.effects {
        if let Effect::Deliver(row) = effect {
            row.due_on = Some(day(28));
        }
    }
    transfer
}

/// Writes it.
pub(crate) async fn write(store: &dyn Store) {
    let transfers: Vec<Change> = (1..=TRANSFERS).chain(DATED).map(transfer).collect();
    for batch in transfers.chunks(100) {
        commit(store, batch.to_vec()).await;
    }
    let mut opening = step_of(Some(1_000), 1_001, ExchangeKind::AdviceRequest);
    opening.effects.insert(0, open_case(1_000));
    // Within the case the later step has the smaller name.
    commit(store, vec![opening]).await;
    commit(store, vec![further(999, 1)]).await;
    let exchange = |number| ExchangeId(id(number));
    let effects = vec![
        Effect::LinkIdentifiers {
            subject: PERSON,
            tags: vec![[7; 16], [8; 16]],
        },
        Effect::UpdateSubjectName {
            subject: PERSON,
            name_tag: [9; 16],
        },
        Effect::HoldUnclaimed {
            exchange: exchange(2),
            search_tags: vec![[1; 16], [2; 16]],
        },
        Effect::HoldUnclaimed {
            exchange: exchange(3),
            search_tags: vec![[1; 16]],
        },
        Effect::Claim {
            exchange: exchange(3),
            by: agency("la-301"),
            at: at(),
        },
        Effect::StoreImportReport {
            delivery: DeliveryId(id(4)),
            sealed: vec![1, 2, 3],
            at: at(),
        },
        record_rights(9, 0),
        record_rights(5, 1),
        Effect::RelyOn {
            delivery: DeliveryId(id(1)),
            record: RightsRecordId(id(9)),
        },
        Effect::StartClock(ClockRow {
            case: Some(CaseId(id(1_000))),
            ..clock(1)
        }),
        Effect::StartClock(ClockRow {
            told: vec![],
            ..clock(2)
        }),
        Effect::EndClock {
            clock: ClockId(id(2)),
            state: ClockState::Met,
            on: day(22),
        },
        lift("second in name, first in time"),
        lift("first in name"),
        Effect::OpenReferral(referral(1)),
        Effect::OpenReferral(referral(2)),
        Effect::DecideReferral {
            referral: ReferralId(id(2)),
            allowed: Outcome::Allowed,
            at: at(),
        },
        Effect::StoreAttachment(attachment(1)),
        Effect::StoreAttachment(attachment(2)),
        Effect::AttachTo {
            exchange: exchange(1_001),
            attachment: AttachmentId(id(2)),
        },
        Effect::Tell(notice(5_000, "one clock, one day")),
        Effect::PutAgreement {
            agreement: Box::new(agreement("mock-sharing", 1)),
            expected_revision: 0,
        },
    ];
    commit(store, vec![about()]).await;
    for effect in effects {
        commit(store, vec![change(vec![effect])]).await;
    }
    commit(
        store,
        vec![put(school("one", "100000", 1)), put(school("two", "100001", 1))],
    )
    .await;
    commit(
        store,
        vec![
            step(4, OPEN, DeliveryState::Collected, EventKind::Disclosed),
            step(5, OPEN, DeliveryState::Collected, EventKind::Disclosed),
            step(
                5,
                OPEN,
                DeliveryState::Acknowledged,
                EventKind::DeliveryAcknowledged,
            ),
        ],
    )
    .await;
}

/// An entry about a person.
fn about() -> Change {
    let mut event = AuditEvent::new(EventKind::RightsRecorded, EventOutcome::Success, at(), "test");
    event.subject = Some(PERSON);
    Change {
        entry: LogEntry::encode(&event),
        effects: vec![],
    }
}

/// Commits what must be taken.
pub(crate) async fn commit(store: &dyn Store, batch: Vec<Change>) {
    for result in store.commit(batch).await.unwrap() {
        result.unwrap();
    }
}

/// All that the trait tells of it, the same on every engine.
pub(crate) async fn told(store: &dyn Store) -> String {
    let mut told = String::new();
    let mut say = |what: &dyn std::fmt::Debug| writeln!(told, "{what:?}").unwrap();
    let (one, two, authority) = (agency("one"), agency("two"), agency("la-301"));
    say(&store.directory_revision().await.unwrap());
    let directory = store.directory().await.unwrap();
    for name in [&one, &two] {
        say(&directory.agency(name));
    }
    say(&directory.agreements());
    say(&store
        .subjects(vec![vec![[7; 16]], vec![[8; 16], [7; 16]], vec![[99; 16]]])
        .await
        .unwrap());
    for number in (1..=TRANSFERS).chain(DATED).chain([999, 1_001]) {
        let exchange = ExchangeId(id(number));
        say(&store.exchange(exchange).await.unwrap());
        say(&store.deliveries_of(exchange).await.unwrap());
        say(&store.accepted(&one, RequestId(id(number))).await.unwrap());
        say(&store.attachments_of(exchange).await.unwrap());
    }
    say(&store.subject(SubjectId(2_u128.to_be_bytes())).await.unwrap());
    say(&store.inbox(&two, None, 1_000).await.unwrap());
    say(&store.inbox(&one, None, 1_000).await.unwrap());
    say(&store.sent(&one, None, None, 1_000).await.unwrap());
    say(&store.unclaimed(&[[1; 16]], 10).await.unwrap());
    say(&store.import_report(DeliveryId(id(4))).await.unwrap());
    say(&store.case(CaseId(id(1_000))).await.unwrap());
    say(&store.case_exchanges(CaseId(id(1_000))).await.unwrap());
    say(&store.cases(&one, CaseKind::Assessment, None, 10).await.unwrap());
    say(&store.rights(PERSON).await.unwrap());
    say(&store.relying_on(RightsRecordId(id(9))).await.unwrap());
    say(&store.clocks_of_case(CaseId(id(1_000))).await.unwrap());
    say(&store.clocks_of_exchange(ExchangeId(id(1))).await.unwrap());
    say(&store.clocks_owed_by(&two, None, 10).await.unwrap());
    say(&store.clocks_owed_about(&two, PERSON).await.unwrap());
    say(&store.clocks_to_notice(day(30), 10).await.unwrap());
    say(&store.referrals_of(ExchangeId(id(1))).await.unwrap());
    say(&store.open_referrals(&authority, None, 10).await.unwrap());
    say(&store.exchanges_of_attachment(AttachmentId(id(2))).await.unwrap());
    say(&store.attachment(AttachmentId(id(1))).await.unwrap());
    for log in store.logs().await.unwrap() {
        say(&store.checkpoint(&log.origin, None).await.unwrap());
        say(&store.prove_inclusion(&log.origin, 3, log.size).await.unwrap());
        say(&store.prove_consistency(&log.origin, 150, log.size).await.unwrap());
        say(&log);
    }
    let filter = EventFilter {
        limit: 1_000,
        ..EventFilter::default()
    };
    say(&store.events(&filter).await.unwrap());
    told
}
