//! What every engine promises, written once against the trait: only [`Place`] knows which engine it is.

use sendhub_domain::agency::{AgencyCertificate, AgencyKind, Thumbprint};
use sendhub_domain::event::EventKind;
use sendhub_domain::exchange::{DeliveryId, DeliveryState, ExchangeId};
use sendhub_domain::identifiers::{LaCode, Urn};
use sendhub_domain::person::SubjectId;
use sendhub_ledger::checkpoint::VerifierKey;
use sendhub_ledger::hash::leaf_hash;
use sendhub_store::reads::EventFilter;
use sendhub_store::{Change, Committer, Conflict, Effect, StoreError};
use uuid::Uuid;

use crate::support::{Place, agency, at, entry, exchange, on_each_engine, put, school, step, subject};

on_each_engine!(what_was_committed_is_there_after_reopening);
async fn what_was_committed_is_there_after_reopening(place: Place) {
    let store = place.open("log/a").await;
    let results = store.commit(vec![exchange(1, 1), exchange(2, 1)]).await.unwrap();
    assert!(results.iter().all(Result::is_ok));
    drop(store);
    let store = place.open("log/a").await;
    let found = store
        .exchange(ExchangeId(Uuid::from_u128(2)))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.sealed.as_slice(), found.leaf_index, found.tree_size),
        (b"sealed 2".as_slice(), 1, 2)
    );
    assert_eq!(found.due_on, Some(jiff::civil::date(2026, 12, 14)));
    let more = store.commit(vec![exchange(3, 1)]).await.unwrap();
    assert_eq!(more[0].as_ref().unwrap().proof.leaf_index, 2);
}

on_each_engine!(a_refused_change_leaves_nothing_and_the_others_stand);
async fn a_refused_change_leaves_nothing_and_the_others_stand(place: Place) {
    let store = place.open("log/a").await;
    let results = store
        .commit(vec![
            exchange(1, 1),
            exchange(1, 1),
            exchange(1, 9),
            exchange(2, 1),
        ])
        .await
        .unwrap();
    let id = ExchangeId(Uuid::from_u128(1));
    assert!(results[0].is_ok());
    // The person is registered by the first change of the batch, which the second would do again.
    assert_eq!(results[1].as_ref().unwrap_err(), &Conflict::SubjectChanged);
    let mut again = exchange(1, 1);
    again.effects.remove(0);
    let mut other = exchange(1, 9);
    other.effects.remove(0);
    let again = store.commit(vec![again, other]).await.unwrap();
    assert_eq!(
        again[0].as_ref().unwrap_err(),
        &Conflict::AlreadyAccepted { exchange: id }
    );
    assert_eq!(again[1].as_ref().unwrap_err(), &Conflict::RequestIdReused);
    assert_eq!(
        results[3].as_ref().unwrap().proof.leaf_index,
        1,
        "refused changes have no leaf"
    );
    assert_eq!(store.logs().await.unwrap()[0].size, 2);
}

#[tokio::test]
async fn one_writer_a_log() {
    let place = Place::new();
    let (first, second) = (place.open("log/a").await, place.open("log/a").await);
    first.commit(vec![exchange(1, 1)]).await.unwrap();
    // The second still believes in an empty log, and goes on refusing: it must be opened anew.
    for number in [2, 3] {
        let refused = second.commit(vec![exchange(number, 1)]).await;
        assert!(matches!(refused, Err(StoreError::LogMoved)));
        let id = ExchangeId(Uuid::from_u128(number));
        assert!(second.exchange(id).await.unwrap().is_none());
    }
    assert_eq!(first.logs().await.unwrap()[0].size, 1);
    drop(second);
    let second = place.open("log/a").await;
    second.commit(vec![exchange(2, 1)]).await.unwrap();
    assert!(matches!(
        first.commit(vec![exchange(3, 1)]).await,
        Err(StoreError::LogMoved)
    ));
    // Another log in the same file is nobody's concern.
    let other = place.open("log/b").await;
    other.commit(vec![exchange(4, 1)]).await.unwrap();
    assert!(place.verify().await.faults.is_empty());
}

#[tokio::test]
async fn deliveries_move_only_as_expected_and_leave_the_inbox() {
    const OPEN: &[DeliveryState] = &[DeliveryState::Waiting, DeliveryState::Collected];
    let place = Place::new();
    let store = place.open("log/a").await;
    store
        .commit((1..=5).map(|number| exchange(number, 1)).collect())
        .await
        .unwrap();
    let two = agency("two");
    let page = store.inbox(&two, None, 2).await.unwrap();
    assert!(page.more);
    let ids: Vec<u128> = page
        .deliveries
        .iter()
        .map(|one| one.delivery.0.as_u128())
        .collect();
    assert_eq!(ids, [1, 2]);
    let rest = store
        .inbox(&two, Some(page.deliveries[1].delivery), 10)
        .await
        .unwrap();
    assert_eq!((rest.deliveries.len(), rest.more), (3, false));
    assert!(
        store
            .inbox(&agency("one"), None, 10)
            .await
            .unwrap()
            .deliveries
            .is_empty()
    );

    let results = store
        .commit(vec![
            step(1, OPEN, DeliveryState::Collected, EventKind::Disclosed),
            step(
                1,
                OPEN,
                DeliveryState::Acknowledged,
                EventKind::DeliveryAcknowledged,
            ),
            step(1, OPEN, DeliveryState::Collected, EventKind::Disclosed),
            step(9, OPEN, DeliveryState::Collected, EventKind::Disclosed),
        ])
        .await
        .unwrap();
    assert!(results[0].is_ok() && results[1].is_ok());
    let moved = Conflict::DeliveryMoved(Some(DeliveryState::Acknowledged));
    assert_eq!(results[2].as_ref().unwrap_err(), &moved);
    assert_eq!(results[3].as_ref().unwrap_err(), &Conflict::DeliveryMoved(None));
    assert_eq!(store.inbox(&two, None, 10).await.unwrap().deliveries.len(), 4);
    let ended = &store
        .deliveries(&two, &[DeliveryId(Uuid::from_u128(1))])
        .await
        .unwrap()[0];
    assert!(ended.collected_at.is_some() && ended.ended_at.is_some());
    assert!(
        store
            .deliveries(&agency("one"), &[DeliveryId(Uuid::from_u128(1))])
            .await
            .unwrap()
            .is_empty()
    );
}

on_each_engine!(the_directory_keeps_identifiers_apart_and_counts_changes);
async fn the_directory_keeps_identifiers_apart_and_counts_changes(place: Place) {
    let store = place.open("log/a").await;
    let before = store.directory_revision().await.unwrap();
    assert!(store.commit(vec![put(school("one", "100001", 1))]).await.unwrap()[0].is_ok());
    assert!(store.directory_revision().await.unwrap() > before);
    let taken = store.commit(vec![put(school("two", "100001", 1))]).await.unwrap();
    assert_eq!(
        taken[0].as_ref().unwrap_err(),
        &Conflict::AgencyIdentifierTaken("URN")
    );
    let again = store.commit(vec![put(school("one", "100001", 1))]).await.unwrap();
    assert_eq!(again[0].as_ref().unwrap_err(), &Conflict::AgencyRevision(1));
    assert!(store.commit(vec![put(school("one", "100002", 2))]).await.unwrap()[0].is_ok());
    assert!(
        store.commit(vec![put(school("two", "100001", 1))]).await.unwrap()[0].is_ok(),
        "the old one is free"
    );
    let directory = store.directory().await.unwrap();
    assert_eq!(
        directory.by_urn(&Urn::parse("100002").unwrap()).unwrap().id,
        agency("one")
    );
    assert_eq!(directory.all().len(), 2);
}

on_each_engine!(unclaimed_records_are_found_by_every_tag_and_claimed_once);
async fn unclaimed_records_are_found_by_every_tag_and_claimed_once(place: Place) {
    let store = place.open("log/a").await;
    let mut change = exchange(1, 1);
    let id = ExchangeId(Uuid::from_u128(1));
    change.effects.pop();
    change.effects.push(Effect::HoldUnclaimed {
        exchange: id,
        search_tags: vec![[7; 16], [8; 16]],
    });
    store.commit(vec![change]).await.unwrap();
    assert_eq!(store.unclaimed(&[[7; 16], [8; 16]], 5).await.unwrap().len(), 1);
    assert!(store.unclaimed(&[[7; 16], [9; 16]], 5).await.unwrap().is_empty());
    assert!(store.unclaimed(&[], 5).await.unwrap().is_empty());
    let claim = || Change {
        entry: entry(EventKind::UnclaimedClaimed, Some(id), None),
        effects: vec![Effect::Claim {
            exchange: id,
            by: agency("la-1"),
            at: at(),
        }],
    };
    let results = store.commit(vec![claim(), claim()]).await.unwrap();
    assert!(results[0].is_ok());
    assert_eq!(results[1].as_ref().unwrap_err(), &Conflict::AlreadyClaimed);
    assert!(store.unclaimed(&[[7; 16]], 5).await.unwrap().is_empty());
}

on_each_engine!(people_are_found_by_any_identifier_and_never_relinked);
async fn people_are_found_by_any_identifier_and_never_relinked(place: Place) {
    let store = place.open("log/a").await;
    let first = SubjectId(1_u128.to_be_bytes());
    let mut change = exchange(1, 1);
    change.effects.push(Effect::LinkIdentifiers {
        subject: first,
        tags: vec![[5; 16]],
    });
    store.commit(vec![change, exchange(2, 1)]).await.unwrap();
    let groups = vec![
        vec![[5; 16]],
        vec![first.0, [5; 16]],
        vec![[5; 16], 2_u128.to_be_bytes()],
        vec![[6; 16]],
    ];
    let found = store.subjects(groups).await.unwrap();
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 2, 0]);
    assert_eq!(found[0][0].subject, first);
    let steal = Change {
        entry: entry(EventKind::ExchangeAccepted, None, None),
        effects: vec![Effect::LinkIdentifiers {
            subject: SubjectId(2_u128.to_be_bytes()),
            tags: vec![[5; 16]],
        }],
    };
    assert_eq!(
        store.commit(vec![steal]).await.unwrap()[0].as_ref().unwrap_err(),
        &Conflict::SubjectChanged
    );
}

on_each_engine!(every_leaf_can_be_proved_at_any_later_size);
async fn every_leaf_can_be_proved_at_any_later_size(place: Place) {
    let store = place.open("log/a").await;
    let mut number = 0;
    for size in [1, 7, 250, 1, 300, 64] {
        let batch = (0..size).map(|_| {
            number += 1;
            exchange(number, 1)
        });
        for committed in store.commit(batch.collect()).await.unwrap() {
            let committed = committed.unwrap();
            let event = store
                .event("log/a", committed.proof.leaf_index)
                .await
                .unwrap()
                .unwrap();
            let key = VerifierKey::parse(&store.logs().await.unwrap()[0].verifier_key).unwrap();
            let checkpoint = key.verify(&committed.checkpoint).unwrap();
            committed
                .proof
                .verify(&leaf_hash(&event.entry), &checkpoint.root)
                .unwrap();
        }
    }
    let key = VerifierKey::parse(&store.logs().await.unwrap()[0].verifier_key).unwrap();
    let newest = store.checkpoint("log/a", None).await.unwrap().unwrap();
    let root = key.verify(&newest.note).unwrap().root;
    for index in [0, 1, 8, 255, 256, 257, 511, 512, 622] {
        let proof = store
            .prove_inclusion("log/a", index, newest.size)
            .await
            .unwrap()
            .unwrap();
        let event = store.event("log/a", index).await.unwrap().unwrap();
        proof.verify(&leaf_hash(&event.entry), &root).unwrap();
    }
    for old in [1, 8, 258, 259, 559, 623] {
        let note = store.checkpoint("log/a", Some(old)).await.unwrap().unwrap().note;
        let proof = store
            .prove_consistency("log/a", old, newest.size)
            .await
            .unwrap()
            .unwrap();
        proof.verify(&key.verify(&note).unwrap().root, &root).unwrap();
    }
    assert!(
        store
            .prove_inclusion("log/a", 0, newest.size + 1)
            .await
            .unwrap()
            .is_none()
    );
    let filter = EventFilter {
        after: Some(("log/a".into(), 619)),
        limit: 10,
        ..Default::default()
    };
    assert_eq!(store.events(&filter).await.unwrap().len(), 3);
}

on_each_engine!(many_callers_share_commits_and_each_gets_its_own_place);
async fn many_callers_share_commits_and_each_gets_its_own_place(place: Place) {
    let store = place.open("log/a").await;
    let (committer, task) = Committer::start(store.clone(), 1_024);
    let mut callers = tokio::task::JoinSet::new();
    for number in 1..=300 {
        let committer = committer.clone();
        callers.spawn(async move {
            committer
                .commit(exchange(number, 1))
                .await
                .unwrap()
                .proof
                .leaf_index
        });
    }
    let mut places: Vec<u64> = callers.join_all().await;
    places.sort_unstable();
    assert_eq!(places, (0..300).collect::<Vec<_>>());
    drop(committer);
    task.await.unwrap().unwrap();
    let report = place.verify().await;
    assert_eq!(
        (report.fault_count, report.exchanges, report.logs[0].size),
        (0, 300, 300)
    );
    assert!(report.logs[0].checkpoints < 300, "commits were shared");
}

on_each_engine!(a_request_is_accepted_once_also_within_a_batch);
async fn a_request_is_accepted_once_also_within_a_batch(place: Place) {
    let store = place.open("log/a").await;
    let known = |number, digest| {
        let mut change = exchange(number, digest);
        change.effects.remove(0);
        change
    };
    store.commit(vec![exchange(1, 1)]).await.unwrap();
    // The same request in one batch: only its first becomes an exchange.
    let results = store
        .commit(vec![known(2, 1), known(2, 1), known(2, 2), known(1, 1)])
        .await
        .unwrap();
    let id = |number| ExchangeId(Uuid::from_u128(number));
    assert!(results[0].is_ok());
    assert_eq!(
        results[1].as_ref().unwrap_err(),
        &Conflict::AlreadyAccepted { exchange: id(2) }
    );
    assert_eq!(results[2].as_ref().unwrap_err(), &Conflict::RequestIdReused);
    assert_eq!(
        results[3].as_ref().unwrap_err(),
        &Conflict::AlreadyAccepted { exchange: id(1) }
    );
    assert_eq!(store.deliveries_of(id(2)).await.unwrap().len(), 1);
    // A batch of which nothing stands leaves no trace.
    let results = store.commit(vec![known(2, 1), known(1, 3)]).await.unwrap();
    assert!(results.iter().all(Result::is_err));
    assert_eq!(store.logs().await.unwrap()[0].size, 2);
    assert_eq!(store.checkpoint("log/a", None).await.unwrap().unwrap().size, 2);
    assert!(store.commit(vec![]).await.unwrap().is_empty());
}

on_each_engine!(a_change_that_fails_half_way_takes_no_effect);
async fn a_change_that_fails_half_way_takes_no_effect(place: Place) {
    let store = place.open("log/a").await;
    store.commit(vec![exchange(1, 1)]).await.unwrap();
    // Registers, links, stores, delivers, and only then meets a guard that fails.
    let mut change = exchange(2, 1);
    change.effects.push(Effect::LinkIdentifiers {
        subject: SubjectId(2_u128.to_be_bytes()),
        tags: vec![[9; 16]],
    });
    change.effects.push(Effect::MoveDelivery {
        delivery: DeliveryId(Uuid::from_u128(1)),
        from: &[DeliveryState::Collected],
        to: DeliveryState::Acknowledged,
        at: at(),
    });
    let results = store.commit(vec![change, exchange(2, 1)]).await.unwrap();
    let waiting = Conflict::DeliveryMoved(Some(DeliveryState::Waiting));
    assert_eq!(results[0].as_ref().unwrap_err(), &waiting);
    assert_eq!(
        results[1].as_ref().unwrap().proof.leaf_index,
        1,
        "the register was not touched"
    );
    assert!(store.subjects(vec![vec![[9; 16]]]).await.unwrap()[0].is_empty());
}

on_each_engine!(a_failed_batch_is_forgotten_whole_and_the_next_goes_on);
async fn a_failed_batch_is_forgotten_whole_and_the_next_goes_on(place: Place) {
    let store = place.open("log/a").await;
    store.commit(vec![exchange(1, 1)]).await.unwrap();
    // An exchange id used twice is no conflict that a caller can meet, but a fault.
    let mut twice = exchange(1, 1);
    twice.effects.remove(0);
    if let Effect::StoreExchange(row) = &mut twice.effects[0] {
        row.request = sendhub_domain::exchange::RequestId(Uuid::from_u128(77));
    }
    for batch in [vec![exchange(2, 1), twice.clone()], vec![twice]] {
        assert!(matches!(store.commit(batch).await, Err(StoreError::Database(_))));
        assert!(
            store
                .exchange(ExchangeId(Uuid::from_u128(2)))
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(store.logs().await.unwrap()[0].size, 1);
    }
    let next = store.commit(vec![exchange(2, 1)]).await.unwrap();
    assert_eq!(next[0].as_ref().unwrap().proof.leaf_index, 1);
    assert!(place.verify().await.holds());
}

on_each_engine!(the_register_is_changed_only_where_it_is_as_expected);
async fn the_register_is_changed_only_where_it_is_as_expected(place: Place) {
    let store = place.open("log/a").await;
    let (one, unknown) = (SubjectId(1_u128.to_be_bytes()), SubjectId([8; 16]));
    let change = |effect| Change {
        entry: entry(EventKind::ExchangeAccepted, None, None),
        effects: vec![effect],
    };
    let link = |subject, tag| {
        change(Effect::LinkIdentifiers {
            subject,
            tags: vec![[tag; 16]],
        })
    };
    let name = |subject| {
        change(Effect::UpdateSubjectName {
            subject,
            name_tag: [6; 16],
        })
    };
    store.commit(vec![exchange(1, 1), link(one, 5)]).await.unwrap();
    let mut as_identifier = subject(1);
    as_identifier.subject = SubjectId([5; 16]);
    let refused = vec![
        link(unknown, 7),
        name(unknown),
        // An identifier of somebody cannot become somebody else.
        change(Effect::RegisterSubject(as_identifier)),
        link(SubjectId([5; 16]), 7),
        change(Effect::RegisterSubject(subject(1))),
    ];
    for result in store.commit(refused).await.unwrap() {
        assert_eq!(result.unwrap_err(), Conflict::SubjectChanged);
    }
    let results = store
        .commit(vec![name(one), link(one, 5), link(one, 7)])
        .await
        .unwrap();
    assert!(
        results.iter().all(Result::is_ok),
        "what is linked already is no fault"
    );
    assert_eq!(store.subject(one).await.unwrap().unwrap().name_tag, [6; 16]);
    assert!(store.subject(unknown).await.unwrap().is_none());
    let by_seven = store.subjects(vec![vec![[7; 16]], vec![]]).await.unwrap();
    assert_eq!((by_seven[0][0].subject, by_seven[1].len()), (one, 0));
}

on_each_engine!(many_ask_for_people_at_once_and_each_gets_its_own);
async fn many_ask_for_people_at_once_and_each_gets_its_own(place: Place) {
    let store = place.open("log/a").await;
    store
        .commit((1..=200).map(|number| exchange(number, 1)).collect())
        .await
        .unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for number in 1..=220_u128 {
        let store = store.clone();
        callers.spawn(async move {
            let found = store
                .subjects(vec![vec![], vec![number.to_be_bytes()]])
                .await
                .unwrap();
            assert!(found[0].is_empty());
            assert_eq!(
                found[1].first().map(|one| one.subject.0),
                (number <= 200).then(|| number.to_be_bytes())
            );
        });
    }
    callers.join_all().await;
}

on_each_engine!(what_was_sent_is_paged_newest_first_without_content);
async fn what_was_sent_is_paged_newest_first_without_content(place: Place) {
    let store = place.open("log/a").await;
    store
        .commit((1..=5).map(|number| exchange(number, 1)).collect())
        .await
        .unwrap();
    let first = store.sent(&agency("one"), None, None, 3).await.unwrap();
    let ids = |list: &sendhub_store::reads::TransferList| -> Vec<u128> {
        list.exchanges
            .iter()
            .map(|one| one.exchange.0.as_u128())
            .collect()
    };
    assert_eq!((ids(&first), first.more), (vec![5, 4, 3], true));
    assert!(
        first
            .exchanges
            .iter()
            .all(|one| one.sealed.is_empty() && one.header == b"header")
    );
    let rest = store
        .sent(&agency("one"), None, Some(first.exchanges[2].exchange), 3)
        .await
        .unwrap();
    assert_eq!((ids(&rest), rest.more), (vec![2, 1], false));
    assert!(
        store
            .sent(&agency("two"), None, None, 3)
            .await
            .unwrap()
            .exchanges
            .is_empty()
    );
}

on_each_engine!(the_last_import_report_stands);
async fn the_last_import_report_stands(place: Place) {
    let store = place.open("log/a").await;
    store.commit(vec![exchange(1, 1)]).await.unwrap();
    let delivery = DeliveryId(Uuid::from_u128(1));
    assert!(store.import_report(delivery).await.unwrap().is_none());
    let report = |text: &[u8]| Change {
        entry: entry(EventKind::ImportReported, None, None),
        effects: vec![Effect::StoreImportReport {
            delivery,
            sealed: text.to_vec(),
            at: at(),
        }],
    };
    store
        .commit(vec![report(b"first"), report(b"second")])
        .await
        .unwrap();
    assert_eq!(store.import_report(delivery).await.unwrap().unwrap(), b"second");
    store.commit(vec![report(b"third")]).await.unwrap();
    assert_eq!(store.import_report(delivery).await.unwrap().unwrap(), b"third");
}

on_each_engine!(identifiers_and_certificates_change_hands_only_when_free);
async fn identifiers_and_certificates_change_hands_only_when_free(place: Place) {
    let store = place.open("log/a").await;
    let with = |name: &str, urn: &str, revision, revoked_at| {
        let mut one = school(name, urn, revision);
        one.identifiers.la_code = Some(LaCode::parse("301").unwrap());
        one.certificates = vec![AgencyCertificate {
            thumbprint: Thumbprint([7; 32]),
            label: "machine".into(),
            added_at: at(),
            revoked_at,
        }];
        put(one)
    };
    // Two schools lie in one authority: stating its code claims nothing.
    let mut authority = school("la-301", "100003", 1);
    authority.kind = AgencyKind::LocalAuthority;
    authority.identifiers.la_code = Some(LaCode::parse("301").unwrap());
    let mut second_authority = authority.clone();
    second_authority.id = agency("la-xyz");
    second_authority.identifiers.urn = None;
    let batch = vec![
        with("one", "100001", 1, None),
        with("two", "100002", 1, None),
        with("one", "100001", 2, Some(at())),
        with("two", "100002", 1, None),
        put(authority),
        put(second_authority),
    ];
    let results = store.commit(batch).await.unwrap();
    assert!(results[0].is_ok());
    assert_eq!(
        results[1].as_ref().unwrap_err(),
        &Conflict::AgencyIdentifierTaken("CERTIFICATE")
    );
    assert!(results[2].is_ok(), "revoked by its owner");
    assert!(results[3].is_ok(), "and free from there on, within the batch");
    assert!(results[4].is_ok());
    assert_eq!(
        results[5].as_ref().unwrap_err(),
        &Conflict::AgencyIdentifierTaken("LA_CODE")
    );
    let directory = store.directory().await.unwrap();
    assert_eq!(
        directory.by_certificate(&Thumbprint([7; 32])).unwrap().id,
        agency("two")
    );
    assert_eq!(directory.agency(&agency("one")).unwrap().revision, 2);
    assert_eq!(
        directory.by_la_code(&LaCode::parse("301").unwrap()).unwrap().id,
        agency("la-301")
    );
    assert_eq!(directory.revision(), store.directory_revision().await.unwrap());
}

on_each_engine!(events_are_found_by_what_they_say);
async fn events_are_found_by_what_they_say(place: Place) {
    let (store, other) = (place.open("log/a").await, place.open("log/b").await);
    store
        .commit((1..=6).map(|number| exchange(number, 1)).collect())
        .await
        .unwrap();
    other
        .commit((11..=12).map(|number| exchange(number, 1)).collect())
        .await
        .unwrap();
    let step = step(
        2,
        &[DeliveryState::Waiting],
        DeliveryState::Collected,
        EventKind::Disclosed,
    );
    store.commit(vec![step]).await.unwrap();
    let all = EventFilter {
        limit: 100,
        ..Default::default()
    };
    let id = ExchangeId(Uuid::from_u128(2));
    let second = jiff::SignedDuration::from_secs(1);
    let cases = [
        (all.clone(), 9),
        (
            EventFilter {
                limit: 4,
                ..all.clone()
            },
            4,
        ),
        (
            EventFilter {
                log: Some("log/b".into()),
                ..all.clone()
            },
            2,
        ),
        (
            EventFilter {
                log: Some("log/c".into()),
                ..all.clone()
            },
            0,
        ),
        (
            EventFilter {
                exchange: Some(id),
                ..all.clone()
            },
            2,
        ),
        (
            EventFilter {
                exchange: Some(id),
                kind: Some("DISCLOSED".into()),
                ..all.clone()
            },
            1,
        ),
        (
            EventFilter {
                agency: Some(agency("one")),
                ..all.clone()
            },
            8,
        ),
        (
            EventFilter {
                agency: Some(agency("two")),
                ..all.clone()
            },
            0,
        ),
        (
            EventFilter {
                subject: Some(SubjectId([9; 16])),
                ..all.clone()
            },
            0,
        ),
        (
            EventFilter {
                from: Some(at()),
                ..all.clone()
            },
            9,
        ),
        (
            EventFilter {
                until: Some(at()),
                ..all.clone()
            },
            0,
        ),
        (
            EventFilter {
                from: Some(at() + second),
                ..all.clone()
            },
            0,
        ),
        (
            EventFilter {
                after: Some(("log/a".into(), 5)),
                ..all.clone()
            },
            3,
        ),
        (
            EventFilter {
                after: Some(("log/b".into(), 0)),
                ..all.clone()
            },
            1,
        ),
    ];
    for (filter, count) in cases {
        assert_eq!(store.events(&filter).await.unwrap().len(), count, "{filter:?}");
    }
    let names: Vec<String> = other
        .logs()
        .await
        .unwrap()
        .into_iter()
        .map(|log| log.origin)
        .collect();
    assert_eq!(names, ["log/b", "log/a"], "its own log first");
    assert!(store.event("log/a", 7).await.unwrap().is_none());
}

on_each_engine!(proofs_hold_at_every_size);
/// Batches of odd sizes, and a proof of everything across the kept blocks of 256.
async fn proofs_hold_at_every_size(place: Place) {
    let store = place.open("log/a").await;
    let (mut number, mut sizes) = (0, vec![0_u64]);
    for size in [1, 2, 3, 5, 241, 3, 1, 257, 300, 187] {
        let batch: Vec<_> = (0..size)
            .map(|_| {
                number += 1;
                exchange(number, 1)
            })
            .collect();
        store.commit(batch).await.unwrap();
        sizes.push(u64::try_from(number).unwrap());
    }
    assert_eq!(number, 1_000);
    let key = VerifierKey::parse(&store.logs().await.unwrap()[0].verifier_key).unwrap();
    for pair in sizes[1..].windows(2) {
        let (old, new) = (pair[0], pair[1]);
        let note = |size| store.checkpoint("log/a", Some(size));
        let old_root = key.verify(&note(old).await.unwrap().unwrap().note).unwrap().root;
        let root = key.verify(&note(new).await.unwrap().unwrap().note).unwrap().root;
        for index in [0, 1, old / 2, old - 1, old, new - 1] {
            let leaf = store.event("log/a", index).await.unwrap().unwrap();
            let proof = store.prove_inclusion("log/a", index, new).await.unwrap().unwrap();
            proof.verify(&leaf_hash(&leaf.entry), &root).unwrap();
        }
        let proof = store.prove_consistency("log/a", old, new).await.unwrap().unwrap();
        proof.verify(&old_root, &root).unwrap();
    }
    assert!(store.prove_inclusion("log/a", 5, 5).await.unwrap().is_none());
    assert!(store.prove_inclusion("log/x", 0, 5).await.unwrap().is_none());
    assert!(store.prove_consistency("log/a", 6, 5).await.unwrap().is_none());
    assert!(
        store
            .prove_consistency("log/a", 5, 1_001)
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .prove_consistency("log/a", 0, 7)
            .await
            .unwrap()
            .unwrap()
            .path
            .is_empty()
    );
}

on_each_engine!(two_logs_grow_side_by_side);
/// Two processes, each with its own log, write into one database at the same time.
async fn two_logs_grow_side_by_side(place: Place) {
    let mut writers = tokio::task::JoinSet::new();
    for (origin, base) in [("log/a", 0), ("log/b", 1_000)] {
        let store = place.open(origin).await;
        writers.spawn(async move {
            for number in 1..=40 {
                store.commit(vec![exchange(base + number, 1)]).await.unwrap()[0]
                    .as_ref()
                    .unwrap();
                // Read your writes.
                assert!(
                    store
                        .exchange(ExchangeId(Uuid::from_u128(base + number)))
                        .await
                        .unwrap()
                        .is_some()
                );
            }
        });
    }
    writers.join_all().await;
    let report = place.verify().await;
    assert!(report.holds(), "{:?}", report.faults);
    assert_eq!(
        report.logs.iter().map(|log| log.size).collect::<Vec<_>>(),
        [40, 40]
    );
}

#[tokio::test]
async fn who_stops_waiting_before_the_commit_has_not_written() {
    let place = Place::new();
    let store = place.open("log/a").await;
    let (committer, task) = Committer::start(store.clone(), 1_024);
    // On one thread the writing task runs only when this one waits: the first is given up before it is taken.
    let given_up = committer.queue(exchange(1, 1)).await.unwrap();
    drop(given_up);
    let kept = committer.queue(exchange(2, 1)).await.unwrap();
    assert_eq!(kept.await.unwrap().proof.leaf_index, 0);
    drop(committer);
    task.await.unwrap().unwrap();
    let report = place.verify().await;
    assert_eq!((report.fault_count, report.exchanges), (0, 1));
}
