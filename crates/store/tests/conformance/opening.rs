//! Opening the file: keys that fit, a log that is one's own, a schema that is known.

use sendhub_ledger::checkpoint::LogKey;
use sendhub_store::seal::MasterKey;
use sendhub_store::sqlite::SqliteStore;
use sendhub_store::{Store as _, StoreError};

use crate::support::{Place, exchange};

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
