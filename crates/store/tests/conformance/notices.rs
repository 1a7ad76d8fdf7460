//! The hub's own notices: each told once, collected and recorded like any copy.

use sendhub_domain::event::{AuditEvent, EventKind, EventOutcome};
use sendhub_domain::exchange::{DeliveryId, DeliveryState, ExchangeId, ExchangeKind, HubNoticeCode};
use sendhub_store::change::HUB_SENDER;
use sendhub_store::{Change, Conflict, Effect, LogEntry};

use crate::matters::{advance, change, day, each, expect_rights, id, move_delivery, notice, outcomes};
use crate::support::{Place, agency, at, exchange, on_each_engine};

fn tell(delivery: u128, once: &str) -> Effect {
    Effect::Tell(notice(delivery, once))
}

on_each_engine!(a_notice_is_told_once);
async fn a_notice_is_told_once(place: Place) {
    let store = place.open("log/a").await;
    store.commit(vec![exchange(1, 1)]).await.unwrap();
    // Within a change, within a batch that needs no asking, in one that asks, and later.
    let twice = change(vec![tell(10, "a"), tell(11, "a")]);
    let batch = vec![twice, change(vec![tell(12, "a")]), change(vec![tell(13, "b")])];
    assert!(store.commit(batch).await.unwrap().iter().all(Result::is_ok));
    let asking = vec![
        advance(9, None, None),
        tell(14, "a"),
        tell(15, "c"),
        tell(16, "c"),
    ];
    assert_eq!(
        each(&*store, asking).await,
        [Err(Conflict::ClockMoved), Ok(()), Ok(()), Ok(())]
    );
    assert!(each(&*store, vec![tell(17, "b")]).await[0].is_ok());
    let page = store.inbox(&agency("one"), None, 10).await.unwrap();
    let names: Vec<u128> = page
        .deliveries
        .iter()
        .map(|one| one.delivery.0.as_u128())
        .collect();
    assert_eq!(names, [10, 13, 15]);
    // Another process on the same database tells it no second time.
    let other = place.open("log/b").await;
    assert!(
        each(&*other, vec![tell(18, "b"), tell(19, "d")])
            .await
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!(
        store
            .inbox(&agency("one"), None, 10)
            .await
            .unwrap()
            .deliveries
            .len(),
        4
    );

    let told = &page.deliveries[0];
    assert_eq!(
        (told.kind, told.notice),
        (ExchangeKind::HubNotice, Some(HubNoticeCode::ClockDueSoon))
    );
    assert_eq!(
        (told.notice_on, told.due_on, told.size_bytes),
        (Some(day(30)), None, 0)
    );
    assert_eq!(
        (told.sender.as_str(), told.exchange),
        (HUB_SENDER, ExchangeId(id(1)))
    );
    assert_eq!(told.case_reference.as_deref(), Some("EHC-1"));
    let copies = store.deliveries_of(ExchangeId(id(1))).await.unwrap();
    assert_eq!(copies.len(), 1, "notices are no copies of the exchange");
    assert_eq!((copies[0].notice, copies[0].notice_on), (None, None));
}

on_each_engine!(a_refused_change_has_told_nothing);
async fn a_refused_change_has_told_nothing(place: Place) {
    let store = place.open("log/a").await;
    store.commit(vec![exchange(1, 1)]).await.unwrap();
    let refused = change(vec![tell(10, "a"), expect_rights(5)]);
    let batch = vec![
        refused,
        change(vec![tell(11, "a")]),
        change(vec![move_delivery(11, DeliveryState::Collected)]),
    ];
    let results = store.commit(batch).await.unwrap();
    assert_eq!(
        outcomes(results),
        [Err(Conflict::RightsChanged(0)), Ok(()), Ok(())]
    );
    let page = store.inbox(&agency("one"), None, 10).await.unwrap();
    assert_eq!(page.deliveries[0].delivery, DeliveryId(id(11)));
    assert_eq!(page.deliveries.len(), 1);
}

on_each_engine!(a_notice_is_collected_and_its_disclosure_recorded);
/// A notice moves like any copy, also in the batch that told it; one that was not written cannot move.
async fn a_notice_is_collected_and_its_disclosure_recorded(place: Place) {
    let store = place.open("log/a").await;
    let collected = |delivery: u128, kind| {
        let mut event = AuditEvent::new(kind, EventOutcome::Success, at(), "test");
        event.exchange = Some(ExchangeId(id(1)));
        event.delivery = Some(DeliveryId(id(delivery)));
        Change {
            entry: LogEntry::encode(&event),
            effects: vec![move_delivery(delivery, DeliveryState::Collected)],
        }
    };
    let batch = vec![
        exchange(1, 1),
        change(vec![tell(10, "a")]),
        change(vec![tell(11, "a")]),
        collected(10, EventKind::Disclosed),
        collected(11, EventKind::Disclosed),
        change(vec![move_delivery(10, DeliveryState::Acknowledged)]),
    ];
    let results = outcomes(store.commit(batch).await.unwrap());
    assert_eq!(results[4], Err(Conflict::DeliveryMoved(None)));
    assert_eq!(results.iter().filter(|one| one.is_ok()).count(), 5);
    assert!(
        store
            .inbox(&agency("one"), None, 10)
            .await
            .unwrap()
            .deliveries
            .is_empty()
    );
    assert!(place.verify().await.holds());

    // One that was handed over without a leaf is found, as any copy is.
    let silent = collected(12, EventKind::ClockNotice);
    let batch = vec![change(vec![tell(12, "b")]), silent];
    assert!(store.commit(batch).await.unwrap().iter().all(Result::is_ok));
    let report = place.verify().await;
    assert_eq!(report.fault_count, 1, "{:?}", report.faults);
    assert!(report.faults[0].contains("was handed over, but no leaf records it"));
}
