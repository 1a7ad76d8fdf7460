//! The file: how a connection is opened, and the schema it must have.

use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous,
};

use crate::migrations::{migration, refused};
use crate::store::StoreError;

/// How long a process that wants the file for itself waits: another's last transaction, but no gateway.
const BRIEFLY: Duration = Duration::from_secs(2);
/// Page cache of the writer, KiB: the hot ends of the indexes.
const WRITER_CACHE_KIB: u32 = 8 * 1024;
/// Page cache of each reader, KiB; the operating system's cache stands behind it.
const READER_CACHE_KIB: u32 = 1024;
/// Pages (4 KiB) in the write-ahead log before a commit copies it into the file: only when it is not copied beside the
/// commits in time, see `folding`.
const WAL_PAGES: &str = "16000";
/// How long one process waits for another's transaction.
const BUSY: Duration = Duration::from_secs(5);

fn connection(path: &Path, cache_kib: u32) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        // A negative size is in KiB.
        .pragma("cache_size", format!("-{cache_kib}"))
        .optimize_on_close(false, None)
        .disable_statement_logging()
}

/// The writer: creates the file, WAL, every commit synced to the disk before it returns.
pub(super) fn writer(path: &Path) -> SqliteConnectOptions {
    connection(path, WRITER_CACHE_KIB)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", WAL_PAGES)
        .statement_cache_capacity(256)
}

/// A connection that copies the write-ahead log into the file.
pub(super) fn folder(path: &Path) -> SqliteConnectOptions {
    connection(path, READER_CACHE_KIB).synchronous(SqliteSynchronous::Full)
}

/// A reader: may not write, and holds few rows in flight.
pub(super) fn reader(path: &Path) -> SqliteConnectOptions {
    connection(path, READER_CACHE_KIB)
        .pragma("query_only", "ON")
        .row_buffer_size(16)
}

/// The only connection to a file that is there: while it is open no other process can open the file, and while
/// another process has it open, this one cannot.
pub(super) fn alone(path: &Path) -> SqliteConnectOptions {
    connection(path, WRITER_CACHE_KIB)
        .busy_timeout(BRIEFLY)
        .locking_mode(SqliteLockingMode::Exclusive)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
}

/// A connection that takes a copy of a file that is there. It writes nothing into the file, but into another: it may
/// not be one that only asks.
pub(super) fn copier(path: &Path) -> SqliteConnectOptions {
    connection(path, READER_CACHE_KIB)
}

/// Brings a database to this version's schema.
///
/// # Errors
/// [`StoreError::Schema`] when a newer version made it, or a migration fails.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let migrator = Migrator::with_migrations(vec![
        migration(1, "spine", include_str!("../../migrations/sqlite/0001_spine.sql")),
        migration(2, "law", include_str!("../../migrations/sqlite/0002_law.sql")),
        migration(
            3,
            "endings",
            include_str!("../../migrations/sqlite/0003_endings.sql"),
        ),
    ]);
    match migrator.run_direct(None, &mut *connection, false).await {
        // Another process may have migrated at the same moment: what it made is looked at once more.
        Err(MigrateError::Execute(_) | MigrateError::ExecuteMigration(..)) => migrator
            .run_direct(None, connection, false)
            .await
            .map_err(refused),
        result => result.map_err(refused),
    }
}
