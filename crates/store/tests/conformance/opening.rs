//! Opening the file: keys that fit, a log that is one's own, a schema that is known.

use sendhub_domain::exchange::ExchangeId;
use sendhub_ledger::checkpoint::LogKey;
use sendhub_store::seal::MasterKey;
use sendhub_store::sqlite::SqliteStore;
use sendhub_store::verify::verify_sqlite;
use sendhub_store::{Effect, Store as _, StoreError};
use uuid::Uuid;

use crate::matters::{change, clock, notice, referral};
use crate::support::{Place, agency, exchange};

#[tokio::test]
async fn the_pseudonyms_stay_when_the_master_key_changes() {
    let place = Place::new();
    let first = SqliteStore::open(place.options("log/a")).await.unwrap();
    let born = jiff::civil::date(2012, 3, 4);
    let tag = first.keyring().search_tag("Price", born);
    first.close().await.unwrap();

    let mut options = place.options("log/a");
    options.master_key = MasterKey::new([9; 32]);
    assert!(matches!(
        SqliteStore::open(options).await,
        Err(StoreError::Keys(_))
    ));

    let mut options = place.options("log/a");
    options.former_keys = vec![std::mem::replace(
        &mut options.master_key,
        MasterKey::new([9; 32]),
    )];
    let rotated = SqliteStore::open(options).await.unwrap();
    assert_eq!(rotated.keyring().search_tag("Price", born), tag);
    assert_eq!(rotated.keyring().master_key_id(), MasterKey::new([9; 32]).id());
}

#[tokio::test]
async fn a_log_keeps_its_key() {
    let place = Place::new();
    drop(SqliteStore::open(place.options("log/a")).await.unwrap());
    let mut options = place.options("log/a");
    options.log_key = LogKey::from_seed("log/a", &[3; 32]).unwrap();
    assert!(matches!(
        SqliteStore::open(options).await,
        Err(StoreError::Ledger(_))
    ));
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let place = Place::new();
    drop(SqliteStore::open(place.options("log/a")).await.unwrap());
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
        VALUES (9999, 'later', TRUE, x'00', 0)";
    sqlx::query(newer).execute(&mut place.raw().await).await.unwrap();
    assert!(matches!(
        SqliteStore::open(place.options("log/a")).await,
        Err(StoreError::Schema(_))
    ));
}

/// A database of the first schema, with rows in it, is brought up to date when it is opened.
#[tokio::test]
async fn a_database_of_the_first_schema_goes_on() {
    use sqlx::SqlSafeStr as _;
    use sqlx::migrate::{Migration, MigrationType, Migrator};
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{AssertSqlSafe, ConnectOptions as _};

    // What the first version would have written: the rows of this one, less the columns that came later.
    let source = Place::new();
    let store = SqliteStore::open(source.options("log/a")).await.unwrap();
    store.commit(vec![exchange(1, 1), exchange(2, 1)]).await.unwrap();
    store.close().await.unwrap();

    let place = Place::new();
    let old = SqliteConnectOptions::new()
        .filename(place.file())
        .create_if_missing(true);
    let mut old = old.foreign_keys(false).connect().await.unwrap();
    let spine = Migration::new(
        1,
        "spine".into(),
        MigrationType::Simple,
        include_str!("../../migrations/sqlite/0001_spine.sql").into_sql_str(),
        false,
    );
    Migrator::with_migrations(vec![spine])
        .run_direct(None, &mut old, false)
        .await
        .unwrap();
    sqlx::query("ATTACH $1 AS source")
        .bind(source.file().to_str().unwrap())
        .execute(&mut old)
        .await
        .unwrap();
    let tables = [
        "hub_secret",
        "subject",
        "exchange",
        "delivery",
        "log",
        "leaf",
        "node",
        "checkpoint",
    ];
    for table in tables {
        let columns: String =
            sqlx::query_scalar("SELECT group_concat(name, ', ') FROM pragma_table_info($1, 'main')")
                .bind(table)
                .fetch_one(&mut old)
                .await
                .unwrap();
        assert!(!columns.contains("case_id") && !columns.contains("notice"));
        let copy = format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM source.{table}");
        sqlx::query(AssertSqlSafe(copy)).execute(&mut old).await.unwrap();
    }
    drop(old);

    let store = SqliteStore::open(place.options("log/a")).await.unwrap();
    let id = ExchangeId(Uuid::from_u128(1));
    let found = store.exchange(id).await.unwrap().unwrap();
    assert_eq!(
        (found.case, found.sealed.as_slice()),
        (None, b"sealed 1".as_slice())
    );
    let copies = store.deliveries_of(id).await.unwrap();
    assert_eq!((copies.len(), copies[0].notice), (1, None));
    let told = change(vec![
        Effect::Tell(notice(10, "a")),
        Effect::StartClock(clock(1)),
        Effect::OpenReferral(referral(1)),
    ]);
    for result in store.commit(vec![told, exchange(3, 1)]).await.unwrap() {
        result.unwrap();
    }
    assert_eq!(
        store
            .inbox(&agency("one"), None, 10)
            .await
            .unwrap()
            .deliveries
            .len(),
        1
    );
    store.close().await.unwrap();
    let report = verify_sqlite(&place.file(), &[], |_| ()).await.unwrap();
    assert!(report.holds(), "{:?}", report.faults);
    assert_eq!(
        (report.exchanges, report.deliveries, report.logs[0].size),
        (3, 4, 4)
    );
}

#[tokio::test]
async fn a_closed_store_refuses_and_leaves_one_whole_file() {
    let place = Place::new();
    let store = SqliteStore::open(place.options("log/a")).await.unwrap();
    store.commit(vec![exchange(1, 1)]).await.unwrap();
    store.close().await.unwrap();
    assert!(matches!(
        store.commit(vec![exchange(2, 1)]).await,
        Err(StoreError::Database(_))
    ));
    let mut beside = place.file().into_os_string();
    beside.push("-wal");
    assert!(
        !std::path::Path::new(&beside).exists(),
        "the write-ahead log is folded in"
    );
    let again = SqliteStore::open(place.options("log/a")).await.unwrap();
    assert_eq!(again.logs().await.unwrap()[0].size, 1);
}

#[tokio::test]
async fn the_file_is_in_wal_mode() {
    let place = Place::new();
    drop(SqliteStore::open(place.options("log/a")).await.unwrap());
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut place.raw().await)
        .await
        .unwrap();
    assert_eq!(mode, "wal");
}
