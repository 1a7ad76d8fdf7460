//! Rights: what was decided on them is written only while they stand as they were.

use sendhub_domain::exchange::{DeliveryId, DeliveryState, RightsRecordId};
use sendhub_store::{Conflict, Effect};

use crate::matters::{
    PERSON, change, each, expect_rights, id, move_delivery, outcomes, record, record_rights,
};
use crate::support::{Place, agency, exchange, on_each_engine};

on_each_engine!(records_are_kept_and_counted);
async fn records_are_kept_and_counted(place: Place) {
    let store = place.open("log/a").await;
    assert_eq!(store.rights(PERSON).await.unwrap(), Default::default());
    let results = each(
        &*store,
        vec![
            expect_rights(0),
            record_rights(9, 0),
            record_rights(8, 0),
            expect_rights(0),
            expect_rights(1),
            record_rights(8, 1),
            expect_rights(2),
        ],
    )
    .await;
    let changed = |revision| Err(Conflict::RightsChanged(revision));
    assert_eq!(
        results,
        [Ok(()), Ok(()), changed(1), changed(1), Ok(()), Ok(()), Ok(())]
    );
    let rights = store.rights(PERSON).await.unwrap();
    assert_eq!(rights.revision, 2);
    assert_eq!(
        rights.records,
        [record(9), record(8)],
        "in the order of recording"
    );
    let one = store.rights_record(RightsRecordId(id(8))).await.unwrap();
    assert_eq!(one, Some(record(8)));
    assert!(
        store
            .rights_record(RightsRecordId(id(1)))
            .await
            .unwrap()
            .is_none()
    );
    let late = each(&*store, vec![record_rights(7, 1), record_rights(7, 9)]).await;
    assert_eq!(late, [changed(2), changed(2)]);
    // Another person's are their own.
    let mut other = record(5);
    other.subject.0[0] = 9;
    let other = Effect::RecordRights {
        row: other,
        expected_revision: 0,
    };
    assert_eq!(
        each(&*store, vec![other, expect_rights(2)]).await,
        [Ok(()), Ok(())]
    );
}

on_each_engine!(a_withdrawal_before_a_collection_in_one_batch_refuses_the_collection);
/// SEND Regulations 2014 reg 17: the ground must stand when the plan is handed over, not only when it was sent.
async fn a_withdrawal_before_a_collection_in_one_batch_refuses_the_collection(place: Place) {
    let store = place.open("log/a").await;
    store.commit(vec![exchange(1, 1), exchange(2, 1)]).await.unwrap();
    assert_eq!(each(&*store, vec![record_rights(1, 0)]).await, [Ok(())]);
    let collect = |delivery| {
        change(vec![
            expect_rights(1),
            move_delivery(delivery, DeliveryState::Collected),
        ])
    };
    let withdraw = change(vec![
        record_rights(2, 1),
        move_delivery(1, DeliveryState::Stopped),
    ]);
    let results = store
        .commit(vec![collect(2), withdraw, collect(1), collect(2)])
        .await
        .unwrap();
    let changed = Err(Conflict::RightsChanged(2));
    assert_eq!(outcomes(results), [Ok(()), Ok(()), changed.clone(), changed]);
    let copies = store
        .deliveries(&agency("two"), &[DeliveryId(id(1)), DeliveryId(id(2))])
        .await
        .unwrap();
    assert_eq!(copies[0].state, DeliveryState::Stopped);
    assert!(copies[0].collected_at.is_none(), "never handed over");
    assert_eq!(copies[1].state, DeliveryState::Collected);
}

on_each_engine!(what_is_sent_on_rights_that_changed_is_refused_alone);
/// A batch that changes no rights is written without asking: what it expects of them is compared all the same.
async fn what_is_sent_on_rights_that_changed_is_refused_alone(place: Place) {
    let store = place.open("log/a").await;
    let sent = |number, revision| {
        let mut change = exchange(number, 1);
        change.effects.push(expect_rights(revision));
        change
    };
    let results = store
        .commit(vec![sent(1, 0), sent(2, 0), sent(3, 1)])
        .await
        .unwrap();
    let changed = |revision| Err(Conflict::RightsChanged(revision));
    assert_eq!(outcomes(results), [Ok(()), Ok(()), changed(0)]);
    assert_eq!(
        each(&*store, vec![record_rights(1, 0), record_rights(2, 1)]).await,
        [Ok(()), Ok(())]
    );
    for (number, revision, outcome) in [
        (4, 0, changed(2)),
        (5, 1, changed(2)),
        (6, 2, Ok(())),
        (7, 3, changed(2)),
    ] {
        let results = store.commit(vec![sent(number, revision)]).await.unwrap();
        assert_eq!(outcomes(results), [outcome], "{revision}");
    }
    let batch: Vec<_> = (10..200).map(|number| sent(number, 2)).collect();
    assert!(store.commit(batch).await.unwrap().iter().all(Result::is_ok));
    assert_eq!(
        store.rights(PERSON).await.unwrap().revision,
        2,
        "a guard writes nothing"
    );
    assert_eq!(store.logs().await.unwrap()[0].size, 2 + 2 + 1 + 190);
}

on_each_engine!(a_refused_change_leaves_the_rights_as_they_were);
async fn a_refused_change_leaves_the_rights_as_they_were(place: Place) {
    let store = place.open("log/a").await;
    // The record would be written, but the copy is not there.
    let half = change(vec![
        record_rights(1, 0),
        move_delivery(5, DeliveryState::Stopped),
    ]);
    let next = change(vec![expect_rights(0), record_rights(2, 0)]);
    let results = outcomes(store.commit(vec![half, next]).await.unwrap());
    assert_eq!(results, [Err(Conflict::DeliveryMoved(None)), Ok(())]);
    let rights = store.rights(PERSON).await.unwrap();
    assert_eq!((rights.revision, rights.records), (1, vec![record(2)]));
}

on_each_engine!(another_process_s_record_is_seen);
async fn another_process_s_record_is_seen(place: Place) {
    let (store, other) = (place.open("log/a").await, place.open("log/b").await);
    assert_eq!(each(&*store, vec![expect_rights(0)]).await, [Ok(())]);
    assert_eq!(each(&*other, vec![record_rights(1, 0)]).await, [Ok(())]);
    let changed = Err(Conflict::RightsChanged(1));
    assert_eq!(
        each(&*store, vec![expect_rights(0), record_rights(2, 0)]).await,
        [changed.clone(), changed]
    );
}

on_each_engine!(open_copies_are_found_by_the_record_they_rely_on);
async fn open_copies_are_found_by_the_record_they_rely_on(place: Place) {
    let store = place.open("log/a").await;
    let mut batch: Vec<_> = (1..=3).map(|number| exchange(number, 1)).collect();
    // The record and the copies that rely on it may come in one batch, and a copy may rely on two.
    batch.push(change(vec![record_rights(1, 0), record_rights(2, 1)]));
    let rely = |delivery, record| Effect::RelyOn {
        delivery: DeliveryId(id(delivery)),
        record: RightsRecordId(id(record)),
    };
    batch.push(change(vec![
        rely(1, 1),
        rely(2, 1),
        rely(2, 2),
        rely(2, 1),
        rely(3, 1),
    ]));
    for result in store.commit(batch).await.unwrap() {
        result.unwrap();
    }
    assert_eq!(
        each(
            &*store,
            vec![rely(1, 1), move_delivery(3, DeliveryState::Acknowledged)]
        )
        .await,
        [Ok(()), Ok(())]
    );
    for (record, copies) in [(1, vec![1, 2]), (2, vec![2]), (3, vec![])] {
        let found = store.relying_on(RightsRecordId(id(record))).await.unwrap();
        let found: Vec<u128> = found.iter().map(|one| one.delivery.0.as_u128()).collect();
        assert_eq!(found, copies, "{record}");
    }
}
