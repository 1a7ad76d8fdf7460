//! What only PostgreSQL promises: many gateways on one database, each with a log that it leases.

use std::sync::Arc;
use std::time::Duration;

use sendhub_domain::exchange::ExchangeId;
use sendhub_domain::person::SubjectId;
use sendhub_store::postgres::PostgresStore;
use sendhub_store::{Change, Conflict, Effect, Hint, Store, StoreError};
use sqlx::{ConnectOptions as _, Executor as _};
use uuid::Uuid;

use crate::matters::{change, record};
use crate::support::{Place, agency, exchange, put, school};

/// An intruder's connection.
async fn raw(place: &Place) -> sqlx::PgConnection {
    let options: sqlx::postgres::PgConnectOptions = place.url().parse().unwrap();
    options.connect().await.unwrap()
}

/// Commits one change, which stands.
async fn accept(store: &Arc<dyn Store>, change: Change) {
    store.commit(vec![change]).await.unwrap().remove(0).unwrap();
}

/// The connection from which the one log of a place is written.
async fn session(place: &Place) -> Option<Uuid> {
    let one = sqlx::query_scalar("SELECT session FROM log");
    one.fetch_one(&mut raw(place).await).await.unwrap()
}

#[tokio::test]
async fn a_log_that_is_held_is_not_given_to_another() {
    let place = Place::on_postgres().await;
    let first = place.open("log/a").await;
    let second = PostgresStore::open(place.postgres_options("log/a")).await;
    assert!(matches!(second, Err(StoreError::Unsafe(_))), "{second:?}");
    accept(&first, exchange(1, 1)).await;
    // Given back, it is free at once.
    first.close().await.unwrap();
    let began = std::time::Instant::now();
    let second = place.open("log/a").await;
    assert!(began.elapsed() < Duration::from_millis(800));
    accept(&second, exchange(2, 1)).await;
    assert!(place.verify().await.holds());
}

#[tokio::test]
async fn a_gateway_that_slept_through_its_lease_writes_nothing_more() {
    let place = Place::on_postgres().await;
    let first = place.open("log/a").await;
    accept(&first, exchange(1, 1)).await;
    // As if the first had been paused: its lease ran out, and another took it.
    raw(&place)
        .await
        .execute("UPDATE log SET epoch = epoch + 1, lease_until = now() - interval '1 second'")
        .await
        .unwrap();
    let refused = first.commit(vec![exchange(2, 1)]).await;
    assert!(matches!(refused, Err(StoreError::LogMoved)), "{refused:?}");
    tokio::time::timeout(Duration::from_secs(1), first.lost())
        .await
        .unwrap();
    let again = first.commit(vec![exchange(3, 1)]).await;
    assert!(matches!(again, Err(StoreError::LogMoved)));
    let second = place.open("log/a").await;
    assert_eq!(second.logs().await.unwrap()[0].size, 1);
    accept(&second, exchange(2, 1)).await;
    let report = place.verify().await;
    assert!(report.holds(), "{:?}", report.faults);
    assert_eq!((report.exchanges, report.logs[0].size), (2, 2));
}

/// It learns of its loss also while it writes nothing.
#[tokio::test]
async fn a_lost_lease_is_noticed_without_a_commit() {
    let place = Place::on_postgres().await;
    let store = place.open("log/a").await;
    raw(&place)
        .await
        .execute("UPDATE log SET epoch = epoch + 1")
        .await
        .unwrap();
    tokio::time::timeout(Duration::from_secs(2), store.lost())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_repeat_at_another_gateway_is_the_same_request() {
    let place = Place::on_postgres().await;
    let (a, b) = (place.open("log/a").await, place.open("log/b").await);
    accept(&a, exchange(1, 1)).await;
    let id = ExchangeId(Uuid::from_u128(1));
    // The person is known by now: the repeat only sends.
    let repeat = |digest| {
        let mut change = exchange(1, digest);
        change.effects.remove(0);
        change
    };
    let again = b.commit(vec![repeat(1)]).await.unwrap().remove(0);
    assert_eq!(again.unwrap_err(), Conflict::AlreadyAccepted { exchange: id });
    let other = b.commit(vec![repeat(2)]).await.unwrap().remove(0);
    assert_eq!(other.unwrap_err(), Conflict::RequestIdReused);
    assert_eq!(b.exchange(id).await.unwrap().unwrap().log, "log/a");
}

#[tokio::test]
async fn gateways_hear_of_each_other() {
    let place = Place::on_postgres().await;
    let (a, b) = (place.open("log/a").await, place.open("log/b").await);
    let mut heard = b.hints().unwrap();
    // It says that it missed something once, when it begins to listen.
    let listening = tokio::time::timeout(Duration::from_secs(5), heard.recv()).await;
    assert_eq!(listening.unwrap().unwrap(), Hint::Missed);
    accept(&a, exchange(1, 1)).await;
    let mailbox = tokio::time::timeout(Duration::from_secs(1), heard.recv()).await;
    assert_eq!(mailbox.unwrap().unwrap(), Hint::Mailbox(agency("two")));
    a.commit(vec![put(school("one", "100000", 1))])
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    let directory = tokio::time::timeout(Duration::from_secs(1), heard.recv()).await;
    assert_eq!(directory.unwrap().unwrap(), Hint::Directory);
}

#[tokio::test]
async fn a_batch_is_gathered_only_while_another_gateway_writes() {
    let place = Place::on_postgres().await;
    let (first, second) = (place.open("log/a").await, place.open("log/b").await);
    accept(&first, exchange(1, 1)).await;
    assert!(first.gathers().is_zero());
    let mut number = 2;
    while first.gathers().is_zero() {
        assert!(number < 500, "the other was never heard");
        accept(&second, exchange(number, 1)).await;
        number += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(first.gathers() < Duration::from_millis(10));
    // Quiet again.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(first.gathers().is_zero());
    assert!(place.verify().await.holds());
}

/// Of a first record about a person and a decision that expects none, made at the same moment at two gateways, one
/// is refused, or the decision was written before the record was: never is it acknowledged after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_decided_on_rights_is_right_when_it_is_written() {
    let place = Place::on_postgres().await;
    let (a, b) = (place.open("log/a").await, place.open("log/b").await);
    let (mut stood, mut refused) = (0, 0);
    for round in 0..60_u128 {
        let subject = SubjectId((1_000 + round).to_be_bytes());
        let mut row = record(10_000 + round);
        row.subject = subject;
        let recording = change(vec![Effect::RecordRights {
            row,
            expected_revision: 0,
        }]);
        let mut deciding = exchange(20_000 + round, 1);
        deciding
            .effects
            .push(Effect::ExpectRights { subject, revision: 0 });
        let (recorded, decided) = tokio::join!(
            async {
                let result = a.commit(vec![recording]).await.unwrap().remove(0);
                (result, std::time::Instant::now())
            },
            async {
                let result = b.commit(vec![deciding]).await.unwrap().remove(0);
                (result, std::time::Instant::now())
            }
        );
        recorded.0.unwrap();
        match decided.0 {
            Ok(_) => stood += 1,
            Err(Conflict::RightsChanged(1)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
        // From here on it cannot stand.
        let mut late = exchange(30_000 + round, 1);
        late.effects.push(Effect::ExpectRights { subject, revision: 0 });
        let late = b.commit(vec![late]).await.unwrap().remove(0);
        assert_eq!(late.unwrap_err(), Conflict::RightsChanged(1));
    }
    assert_eq!(stood + refused, 60);
    let report = place.verify().await;
    assert!(report.holds(), "{:?}", report.faults);
}

/// A batch of one statement took its view of the database before it waited for who changes a person. It sees the change
/// all the same, and is asked for again.
#[tokio::test]
async fn what_changes_while_a_batch_waits_is_seen_by_it() {
    let place = Place::on_postgres().await;
    let store = place.open("log/a").await;
    accept(&store, exchange(1, 1)).await;
    let known = 1_u128;
    for (number, changed, refusal) in [
        (
            7_u128,
            "INSERT INTO subject_rights (subject, revision) VALUES ($1, 1 + length($2) - 16)",
            Conflict::RightsChanged(1),
        ),
        (
            8,
            "INSERT INTO subject_identifier (tag, subject) VALUES ($1, $2)",
            Conflict::SubjectChanged,
        ),
    ] {
        let tag = (number << 64).to_be_bytes();
        let mut waiting = exchange(number << 64, 1);
        waiting.effects.push(Effect::ExpectRights {
            subject: SubjectId(tag),
            revision: 0,
        });
        let mut holder = raw(&place).await;
        holder.execute("BEGIN").await.unwrap();
        let hold = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(i64::try_from(number).unwrap());
        holder.execute(hold).await.unwrap();
        let writer = Arc::clone(&store);
        let commit = tokio::spawn(async move { writer.commit(vec![waiting]).await });
        let mut looker = raw(&place).await;
        while sqlx::query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            .fetch_optional(&mut looker)
            .await
            .unwrap()
            .is_none()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let change = sqlx::query(changed)
            .bind(tag.to_vec())
            .bind(known.to_be_bytes().to_vec());
        holder.execute(change).await.unwrap();
        holder.execute("COMMIT").await.unwrap();
        let outcome = commit.await.unwrap().unwrap().remove(0);
        assert_eq!(outcome.unwrap_err(), refusal);
    }
    let log = &store.logs().await.unwrap()[0];
    assert_eq!(log.size, 1, "nothing of what was refused was written");
    assert!(place.verify().await.holds());
}

/// The same person named for the first time at two gateways at once is one person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_is_registered_once() {
    let place = Place::on_postgres().await;
    let (a, b) = (place.open("log/a").await, place.open("log/b").await);
    for round in 0..40_u128 {
        let one = exchange(1 + round, 1);
        let mut other = exchange(1 + round, 1);
        other.effects.truncate(1);
        let (first, second) = tokio::join!(a.commit(vec![one]), b.commit(vec![other]));
        let outcomes = [first.unwrap().remove(0), second.unwrap().remove(0)];
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        let refusal = outcomes.into_iter().find_map(Result::err);
        assert_eq!(refusal, Some(Conflict::SubjectChanged));
    }
}

#[tokio::test]
async fn a_database_that_may_lose_what_it_confirms_is_refused() {
    let place = Place::on_postgres().await;
    // A second server in the URL means that the primary may move; this one replicates to nobody.
    let mut options = place.postgres_options("log/a");
    options.url = options.url.replacen("@127.0.0.1", "@127.0.0.1:1,127.0.0.1", 1);
    let refused = PostgresStore::open(options).await;
    let Err(StoreError::Unsafe(said)) = refused else {
        panic!("{refused:?}")
    };
    assert!(said.contains("synchronous_standby_names"), "{said}");
}

/// Ended by the server, as a failover does: the next commit goes on where the log stands.
#[tokio::test]
async fn a_lost_connection_loses_nothing() {
    let place = Place::on_postgres().await;
    let store = place.open("log/a").await;
    accept(&store, exchange(1, 1)).await;
    let before = session(&place).await;
    raw(&place)
        .await
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await
        .unwrap();
    let broken = store.commit(vec![exchange(2, 1)]).await;
    assert!(matches!(broken, Err(StoreError::Unreachable(_))), "{broken:?}");
    accept(&store, exchange(2, 1)).await;
    assert_eq!(store.logs().await.unwrap()[0].size, 2);
    // What the lost connection may have sent and nobody answered is not written any more.
    assert_ne!(session(&place).await, before);
    assert!(place.verify().await.holds());
}

/// A server that says nothing, here because somebody holds the log's row: the commit is not confirmed and not waited
/// for without end, and the next one goes on.
#[tokio::test]
async fn a_silent_database_is_not_waited_for_without_end() {
    let place = Place::on_postgres().await;
    let store = place.open("log/a").await;
    accept(&store, exchange(1, 1)).await;
    let mut holder = raw(&place).await;
    holder.execute("BEGIN").await.unwrap();
    holder.execute("SELECT 1 FROM log FOR UPDATE").await.unwrap();
    let began = std::time::Instant::now();
    let refused = store.commit(vec![exchange(2, 1)]).await;
    assert!(matches!(refused, Err(StoreError::Unreachable(_))), "{refused:?}");
    assert!(began.elapsed() < Duration::from_secs(5));
    holder.execute("ROLLBACK").await.unwrap();
    // What nobody waited for may have been written when the row was free: then person and request are known.
    match store.commit(vec![exchange(2, 1)]).await.unwrap().remove(0) {
        Ok(_) => {}
        Err(Conflict::AlreadyAccepted { .. } | Conflict::SubjectChanged) => {}
        Err(refusal) => panic!("{refusal}"),
    }
    assert_eq!(store.logs().await.unwrap()[0].size, 2);
    assert!(place.verify().await.holds());
}

/// A reader that was let go half way, more often than there are readers, is nobody's reader any more.
#[tokio::test]
async fn a_read_that_was_given_up_says_nothing_to_the_next() {
    let place = Place::on_postgres().await;
    let store = place.open("log/a").await;
    for number in 1..=4 {
        accept(&store, exchange(number, 1)).await;
    }
    let id = |number: u128| ExchangeId(Uuid::from_u128(number));
    let mut intruder = raw(&place).await;
    let lock = "BEGIN; LOCK TABLE exchange IN ACCESS EXCLUSIVE MODE";
    intruder.execute(sqlx::raw_sql(lock)).await.unwrap();
    for number in 1..=8 {
        let read = store.exchange(id(number % 4 + 1));
        let given_up = tokio::time::timeout(Duration::from_millis(50), read).await;
        assert!(given_up.is_err(), "the table is locked");
    }
    intruder.execute(sqlx::raw_sql("COMMIT")).await.unwrap();
    for number in (1..=4).cycle().take(40) {
        let found = store.exchange(id(number)).await.unwrap().unwrap();
        assert_eq!(found.exchange, id(number));
    }
    // None of those given up is kept, by the hub or by the server, whose processes end when they next look up.
    const OPEN: &str = "SELECT count(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND application_name = 'sendhub'";
    let patience = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        let open: i64 = sqlx::query_scalar(OPEN).fetch_one(&mut intruder).await.unwrap();
        if open <= 4 {
            break;
        }
        let late = std::time::Instant::now() > patience;
        assert!(!late, "{open}: the writer, the listener and two readers");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
