//! A history moves from a file to PostgreSQL whole or not at all, and is served in one place only.

use sendhub_domain::exchange::{CaseId, ClockId};
use sendhub_store::moving::{MoveError, Moved, When, move_history};
use sendhub_store::sqlite::SqliteStore;
use sendhub_store::{Change, Store, StoreError};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};

use crate::history::{self, commit, further, lift};
use crate::matters::{PERSON, change, id, record_rights};
use crate::support::{Place, at, exchange};

async fn raw(place: &Place) -> PgConnection {
    let options: sqlx::postgres::PgConnectOptions = place.url().parse().unwrap();
    options.connect().await.unwrap()
}

async fn move_it(from: &Place, to: &Place) -> Result<Moved, MoveError> {
    move_history(&from.file(), to.url(), &[], at(), |_| ()).await
}

/// How many tables, views and sequences a database has.
async fn tables(place: &Place) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S')",
    )
    .fetch_one(&mut raw(place).await)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_goes_over_whole_and_goes_on_there() {
    let (from, to) = (Place::new(), Place::on_postgres().await);
    let ended = SqliteStore::open(from.options("log/ended")).await.unwrap();
    commit(&ended, vec![change(vec![])]).await;
    ended.close().await.unwrap();
    let end = "UPDATE log SET ended_at = 1 WHERE origin = 'log/ended'";
    from.raw().await.execute(end).await.unwrap();

    let store = from.open("log/a").await;
    history::write(&*store).await;
    let before = history::told(&*store).await;
    // While a gateway has the file open nothing is moved.
    let refused = move_it(&from, &to).await;
    assert!(
        matches!(refused, Err(MoveError::Store(StoreError::Unsafe(_)))),
        "{refused:?}"
    );
    store.close().await.unwrap();

    let moved = move_it(&from, &to).await.unwrap();
    assert_eq!(moved.when, When::Now);
    assert_eq!(moved.logs, from.verify().await.logs);
    let report = to.verify().await;
    assert!(report.holds(), "{:?}", report.faults);
    assert_eq!(moved.logs, report.logs);
    every_column_came(&to).await;

    // The file is served no more, and goes nowhere else.
    let gone = SqliteStore::open(from.options("log/a")).await;
    assert!(matches!(gone, Err(StoreError::Moved(_))), "{gone:?}");
    let elsewhere = Place::on_postgres().await;
    let refused = move_it(&from, &elsewhere).await;
    assert!(
        matches!(refused, Err(MoveError::Store(StoreError::Moved(_)))),
        "{refused:?}"
    );
    // Asked again, it says that all is there.
    assert_eq!(move_it(&from, &to).await.unwrap().when, When::Before);

    let store = to.open("log/a").await;
    assert_eq!(history::told(&*store).await, before);
    let no_more = sendhub_store::postgres::PostgresStore::open(to.postgres_options("log/ended")).await;
    assert!(matches!(no_more, Err(StoreError::LogEnded(_))), "{no_more:?}");

    // What comes now comes after what was there: steps, records, exceptions, requests known.
    commit(&*store, vec![further(998, 2)]).await;
    commit(
        &*store,
        vec![change(vec![record_rights(4, 2)]), change(vec![lift("third")])],
    )
    .await;
    assert!(store.commit(vec![exchange(1, 1)]).await.unwrap()[0].is_err());
    let steps = store.case_exchanges(CaseId(id(1_000))).await.unwrap();
    let names: Vec<u128> = steps.iter().map(|one| one.exchange.0.as_u128()).collect();
    assert_eq!(names, [1_001, 999, 998]);
    let rights = store.rights(PERSON).await.unwrap();
    let names: Vec<u128> = rights.records.iter().map(|one| one.record.0.as_u128()).collect();
    assert_eq!(names, [9, 5, 4]);
    let clock = store.clock(ClockId(id(1))).await.unwrap().unwrap();
    assert_eq!(clock.exceptions.last().unwrap().ground, "third");
    store.close().await.unwrap();
    assert!(to.verify().await.holds());
    // It has gone on there: the file is not what is there.
    assert!(matches!(
        move_it(&from, &to).await,
        Err(MoveError::MovedBefore { .. })
    ));
}

/// No table and no column was forgotten: the history has a value in each.
async fn every_column_came(to: &Place) {
    let mut connection = raw(to).await;
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT c.table_name, c.column_name FROM information_schema.columns c \
         JOIN pg_class t ON t.relname = c.table_name AND NOT t.relispartition AND t.relkind IN ('r', 'p') \
         WHERE c.table_schema = 'public' AND c.table_name <> '_sqlx_migrations' \
         AND c.column_name NOT IN ('lease_until', 'session')",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert!(columns.len() > 150, "{}", columns.len());
    for (table, column) in columns {
        let count = format!("SELECT count({column}) FROM {table}");
        let values: i64 = sqlx::query_scalar(AssertSqlSafe(count))
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert!(values > 0, "nothing in {table}.{column}");
    }
    // Each month has its partition, those that hold no time apart.
    for partition in ["exchange_2026_11", "delivery_2033_02", "leaf_0000"] {
        let count = format!("SELECT count(*) FROM {partition}");
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(count))
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert!(rows > 0, "{partition}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_go_over_whole_leaves_nothing() {
    let (whole, to) = (Place::new(), Place::on_postgres().await);
    let store = whole.open("log/a").await;
    let few: Vec<Change> = (1..20).map(|one| exchange(one, 1)).collect();
    commit(&*store, few).await;
    store.close().await.unwrap();
    let copy = || {
        let place = Place::new();
        std::fs::copy(whole.file(), place.file()).unwrap();
        place
    };

    let tampered = copy();
    let forge = "UPDATE leaf SET entry = CAST(replace(entry, 'SUCCESS', 'FAILURE') AS BLOB) WHERE idx = 7";
    tampered.raw().await.execute(forge).await.unwrap();
    match move_it(&tampered, &to).await {
        Err(MoveError::SourceFaults(report)) => assert_eq!(report.first_misfit.unwrap().index, 7),
        other => panic!("{other:?}"),
    }
    // What SQLite takes for a text and PostgreSQL does not, in a table that comes after the large ones.
    let strange = copy();
    let text = "INSERT INTO told (once) VALUES ('a' || char(0))";
    strange.raw().await.execute(text).await.unwrap();
    assert!(matches!(move_it(&strange, &to).await, Err(MoveError::Store(_))));
    let unknown = copy();
    unknown
        .raw()
        .await
        .execute("CREATE TABLE later (x)")
        .await
        .unwrap();
    assert!(matches!(move_it(&unknown, &to).await, Err(MoveError::UnknownTable(name)) if name == "later"));
    assert_eq!(tables(&to).await, 0);
    for place in [&tampered, &strange, &unknown] {
        // None of them is marked: the hub goes on where it was.
        SqliteStore::open(place.options("log/a"))
            .await
            .unwrap()
            .close()
            .await
            .unwrap();
    }

    raw(&to)
        .await
        .execute("CREATE TABLE somebody (x int)")
        .await
        .unwrap();
    match move_it(&whole, &to).await {
        Err(MoveError::NotEmpty(found)) => assert_eq!(found, ["public.somebody"]),
        other => panic!("{other:?}"),
    }
    raw(&to).await.execute("DROP TABLE somebody").await.unwrap();

    // Killed between the mark and the commit: the file is not served, and the same call ends the move.
    let (place, marked) = (to.url().split_once('@').unwrap().1.to_owned(), copy());
    let mark = format!("INSERT INTO moved (id, to_database, at) VALUES (1, '{place}', 1)");
    marked
        .raw()
        .await
        .execute(AssertSqlSafe(mark.clone()))
        .await
        .unwrap();
    let refused = SqliteStore::open(marked.options("log/a")).await;
    assert!(matches!(refused, Err(StoreError::Moved(_))));
    let given_up = copy();
    given_up.raw().await.execute(AssertSqlSafe(mark)).await.unwrap();
    given_up.raw().await.execute("DELETE FROM moved").await.unwrap();
    SqliteStore::open(given_up.options("log/a"))
        .await
        .unwrap()
        .close()
        .await
        .unwrap();
    assert_eq!(move_it(&marked, &to).await.unwrap().when, When::Now);
    assert!(to.verify().await.holds());
}
