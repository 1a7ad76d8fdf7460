//! Attachments: stored once, carried by any number of exchanges.

use sendhub_domain::event::EventKind;
use sendhub_domain::exchange::{AttachmentId, DeliveryState, ExchangeId};
use sendhub_store::{Effect, StoreError};

use crate::matters::{attachment, change, each, id};
use crate::support::{Place, exchange, on_each_engine, step};

fn store_it(number: u128) -> Effect {
    Effect::StoreAttachment(attachment(number))
}

fn attach(number: u128, exchange: u128) -> Effect {
    Effect::AttachTo {
        attachment: AttachmentId(id(number)),
        exchange: ExchangeId(id(exchange)),
    }
}

on_each_engine!(an_attachment_is_carried_by_its_exchanges);
async fn an_attachment_is_carried_by_its_exchanges(place: Place) {
    let store = place.open("log/a").await;
    let mut first = exchange(1, 1);
    first
        .effects
        .extend([store_it(2), store_it(1), attach(1, 1), attach(2, 1), attach(1, 1)]);
    let mut second = exchange(2, 1);
    second.effects.push(attach(1, 2));
    for result in store.commit(vec![first, second]).await.unwrap() {
        result.unwrap();
    }
    assert_eq!(
        each(&*store, vec![attach(1, 2)]).await,
        [Ok(())],
        "twice is as good as once"
    );
    for number in [1, 2] {
        let found = store.attachment(AttachmentId(id(number))).await.unwrap();
        assert_eq!(found, Some(attachment(number)));
    }
    assert!(store.attachment(AttachmentId(id(9))).await.unwrap().is_none());
    let of_first = store.attachments_of(ExchangeId(id(1))).await.unwrap();
    assert_eq!(of_first, [attachment(1), attachment(2)]);
    assert_eq!(
        store.attachments_of(ExchangeId(id(2))).await.unwrap(),
        [attachment(1)]
    );
    let carriers = store.exchanges_of_attachment(AttachmentId(id(1))).await.unwrap();
    assert_eq!(carriers, [ExchangeId(id(1)), ExchangeId(id(2))]);
    assert!(
        store
            .exchanges_of_attachment(AttachmentId(id(9)))
            .await
            .unwrap()
            .is_empty()
    );
}

on_each_engine!(what_is_not_there_cannot_be_attached);
async fn what_is_not_there_cannot_be_attached(place: Place) {
    let store = place.open("log/a").await;
    store.commit(vec![exchange(1, 1)]).await.unwrap();
    let batch = vec![change(vec![store_it(1)]), change(vec![attach(7, 1)])];
    assert!(matches!(store.commit(batch).await, Err(StoreError::Database(_))));
    assert!(
        store.attachment(AttachmentId(id(1))).await.unwrap().is_none(),
        "nothing of the batch"
    );
}

/// A download is a disclosure of its own: one more leaf about the same copy.
#[tokio::test]
async fn a_copy_and_its_attachments_may_be_disclosed_each() {
    const OPEN: &[DeliveryState] = &[DeliveryState::Waiting, DeliveryState::Collected];
    let place = Place::new();
    let store = place.open("log/a").await;
    let mut collected = step(1, OPEN, DeliveryState::Collected, EventKind::Disclosed);
    let download = sendhub_store::Change {
        entry: collected.entry.clone(),
        effects: vec![],
    };
    collected.effects.push(store_it(1));
    collected.effects.push(attach(1, 1));
    let batch = vec![exchange(1, 1), collected, download.clone(), download];
    for result in store.commit(batch).await.unwrap() {
        result.unwrap();
    }
    let report = place.verify().await;
    assert!(report.holds(), "{:?}", report.faults);
    assert_eq!((report.deliveries, report.logs[0].size), (1, 4));
}
