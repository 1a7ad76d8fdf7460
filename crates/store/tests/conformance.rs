//! The conformance suite: what every engine promises, written once against the trait.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use jiff::Timestamp;
use sendhub_domain::agency::{Agency, AgencyId, AgencyIdentifiers, AgencyKind, AgencyStatus};
use sendhub_domain::event::{Actor, AuditEvent, EventKind, EventOutcome};
use sendhub_domain::exchange::{DeliveryId, DeliveryState, ExchangeId, ExchangeKind, RequestId};
use sendhub_domain::identifiers::Urn;
use sendhub_domain::person::SubjectId;
use sendhub_ledger::checkpoint::{LogKey, VerifierKey};
use sendhub_ledger::hash::{leaf_hash, sha256};
use sendhub_store::change::{DeliveryRow, ExchangeRow, SubjectRow};
use sendhub_store::reads::EventFilter;
use sendhub_store::seal::MasterKey;
use sendhub_store::sqlite::{SqliteOptions, SqliteStore};
use sendhub_store::verify::verify_sqlite;
use sendhub_store::{Change, Committer, Conflict, Effect, LogEntry, Store, StoreError};
use uuid::Uuid;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("hub.db")
    }

    async fn open(&self, origin: &str) -> Arc<dyn Store> {
        let options = SqliteOptions {
            path: self.file(),
            master_key: MasterKey::new([1; 32]),
            former_keys: vec![],
            log_key: LogKey::from_seed(origin, &[2; 32]).unwrap(),
            readers: 2,
        };
        Arc::new(SqliteStore::open(options).await.unwrap())
    }
}

fn at() -> Timestamp {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

fn agency(name: &str) -> AgencyId {
    AgencyId::parse(name).unwrap()
}

fn entry(kind: EventKind, exchange: Option<ExchangeId>, sealed: Option<&[u8]>) -> LogEntry {
    let mut event = AuditEvent::new(kind, EventOutcome::Success, at(), "test");
    event.exchange = exchange;
    event.sealed_sha256 = sealed.map(|sealed| sha256(sealed).0);
    event.actor = Some(Actor {
        agency: Some(agency("one")),
        subject: None,
        role: None,
        certificate: None,
        token_id: None,
    });
    LogEntry::encode(&event)
}

fn subject(number: u128) -> SubjectRow {
    SubjectRow {
        subject: SubjectId(number.to_be_bytes()),
        birth_tag: [1; 16],
        name_tag: [2; 16],
        wrapped_key: vec![3; 40],
        master_key_id: "k".into(),
        sealed_facts: vec![4; 30],
        created_at: at(),
    }
}

/// A whole accepted exchange: person, content, delivery, leaf.
fn exchange(number: u128, digest: u8) -> Change {
    let id = ExchangeId(Uuid::from_u128(number));
    let sealed = format!("sealed {number}").into_bytes();
    Change {
        entry: entry(EventKind::ExchangeAccepted, Some(id), Some(&sealed)),
        effects: vec![
            Effect::RegisterSubject(subject(number)),
            Effect::StoreExchange(ExchangeRow {
                exchange: id,
                kind: ExchangeKind::Transfer,
                sender: agency("one"),
                request: RequestId(Uuid::from_u128(number)),
                request_digest: [digest; 32],
                subject: SubjectId(number.to_be_bytes()),
                accepted_at: at(),
                due_on: Some(jiff::civil::date(2026, 12, 14)),
                header: b"header".to_vec(),
                sealed,
            }),
            Effect::Deliver(DeliveryRow {
                delivery: DeliveryId(Uuid::from_u128(number)),
                exchange: id,
                kind: ExchangeKind::Transfer,
                recipient: agency("two"),
                sender: agency("one"),
                case_reference: Some("CASE".into()),
                due_on: None,
                size_bytes: 7,
                created_at: at(),
            }),
        ],
    }
}

fn step(delivery: u128, from: &'static [DeliveryState], to: DeliveryState, kind: EventKind) -> Change {
    Change {
        entry: entry(kind, Some(ExchangeId(Uuid::from_u128(delivery))), None),
        effects: vec![Effect::MoveDelivery {
            delivery: DeliveryId(Uuid::from_u128(delivery)),
            from,
            to,
            at: at(),
        }],
    }
}

fn school(name: &str, urn: &str, revision: u64) -> Agency {
    Agency {
        id: agency(name),
        kind: AgencyKind::Academy,
        name: name.into(),
        status: AgencyStatus::Active,
        identifiers: AgencyIdentifiers {
            urn: Some(Urn::parse(urn).unwrap()),
            ..Default::default()
        },
        contacts: vec![],
        certificates: vec![],
        signing_keys: vec![],
        revision,
    }
}

fn put(agency: Agency) -> Change {
    let expected_revision = agency.revision - 1;
    Change {
        entry: entry(EventKind::DirectoryChanged, None, None),
        effects: vec![Effect::PutAgency {
            agency: Box::new(agency),
            expected_revision,
        }],
    }
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    let place = Place::new();
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

#[tokio::test]
async fn a_refused_change_leaves_nothing_and_the_others_stand() {
    let place = Place::new();
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
    assert!(
        verify_sqlite(&place.file(), &[], |_| ())
            .await
            .unwrap()
            .faults
            .is_empty()
    );
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

#[tokio::test]
async fn the_directory_keeps_identifiers_apart_and_counts_changes() {
    let place = Place::new();
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

#[tokio::test]
async fn unclaimed_records_are_found_by_every_tag_and_claimed_once() {
    let place = Place::new();
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

#[tokio::test]
async fn people_are_found_by_any_identifier_and_never_relinked() {
    let place = Place::new();
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

#[tokio::test]
async fn every_leaf_can_be_proved_at_any_later_size() {
    let place = Place::new();
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

#[tokio::test]
async fn many_callers_share_commits_and_each_gets_its_own_place() {
    let place = Place::new();
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
    let report = verify_sqlite(&place.file(), &[], |_| ()).await.unwrap();
    assert_eq!(
        (report.fault_count, report.exchanges, report.logs[0].size),
        (0, 300, 300)
    );
    assert!(report.logs[0].checkpoints < 300, "commits were shared");
}

/// One flipped byte anywhere in payloads, leaves, checkpoints and kept hashes is found and named.
#[tokio::test]
async fn a_flipped_byte_is_found_and_named() {
    let place = Place::new();
    let store = place.open("log/a").await;
    for part in (1..=300).collect::<Vec<_>>().chunks(30) {
        store
            .commit(part.iter().map(|number| exchange(*number, 1)).collect())
            .await
            .unwrap();
    }
    drop(store);
    let url = format!("sqlite://{}", place.file().display());
    let pool = sqlx::sqlite::SqlitePool::connect(&url).await.unwrap();
    let places = [
        ("exchange", "sealed", "leaf_index", 77, "leaf 77: the payload"),
        ("leaf", "entry", "idx", 123, "leaf 123 was changed"),
        ("leaf", "hash", "idx", 200, "leaf 200 was changed"),
        ("checkpoint", "note", "size", 60, "checkpoint of size 60"),
        ("node", "hash", "idx", 0, "kept hash of leaves 0 to 255"),
    ];
    for (table, column, key, value, says) in places {
        let read = format!("SELECT CAST({column} AS BLOB) FROM {table} WHERE {key} = {value}");
        let kept: Vec<u8> = sqlx::query_scalar(sqlx::AssertSqlSafe(read))
            .fetch_one(&pool)
            .await
            .unwrap();
        let cast = if column == "note" {
            "CAST($1 AS TEXT)"
        } else {
            "$1"
        };
        let write = format!("UPDATE {table} SET {column} = {cast} WHERE {key} = {value}");
        for at in 0..kept.len() {
            let mut flipped = kept.clone();
            flipped[at] ^= 1;
            if at % 7 != 0 {
                continue;
            }
            sqlx::query(sqlx::AssertSqlSafe(write.clone()))
                .bind(flipped)
                .execute(&pool)
                .await
                .unwrap();
            let report = verify_sqlite(&place.file(), &[], |_| ()).await.unwrap();
            assert!(report.fault_count > 0, "{table}.{column} byte {at}");
            assert!(
                report.faults.iter().any(|fault| fault.contains(says)),
                "{says}: {:?}",
                report.faults
            );
        }
        sqlx::query(sqlx::AssertSqlSafe(write))
            .bind(kept)
            .execute(&pool)
            .await
            .unwrap();
    }
    assert_eq!(
        verify_sqlite(&place.file(), &[], |_| ())
            .await
            .unwrap()
            .fault_count,
        0
    );
}
