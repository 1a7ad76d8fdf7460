//! The SQLite engine: one file, WAL with synchronous FULL, one writing connection, a few for reading.

mod commit;
mod guards;
mod read;
mod rows;
mod subjects;

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use sendhub_ledger::checkpoint::LogKey;
use sendhub_ledger::hash::Hash;
use sendhub_ledger::tree::Frontier;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Row as _, SqliteConnection};
use tokio::sync::Mutex;

use crate::seal::{Keyring, MasterKey, WrappedSecret};
use crate::store::StoreError;

/// How to open a database.
#[derive(Debug)]
pub struct SqliteOptions {
    /// The file; made when absent.
    pub path: PathBuf,
    /// The key that wraps new data keys.
    pub master_key: MasterKey,
    /// Keys used before.
    pub former_keys: Vec<MasterKey>,
    /// The key of this process's own log; its name is the log's origin.
    pub log_key: LogKey,
    /// Connections for reading.
    pub readers: u32,
}

/// One SQLite file with this process's own log in it.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Mutex<Writer>,
    readers: SqlitePool,
    subjects: subjects::SubjectReader,
    keyring: Arc<Keyring>,
    log_key: LogKey,
    log_no: i64,
}

/// The one connection that writes, and what it knows of its log.
#[derive(Debug)]
struct Writer {
    connection: SqliteConnection,
    /// `None` after any failure: read again before the next batch, since a commit that failed may have succeeded.
    frontier: Option<Frontier>,
}

impl SqliteStore {
    /// Opens or makes a database, brings its schema up to date, and takes up this process's log in it.
    ///
    /// # Errors
    /// [`StoreError::Schema`], [`StoreError::Keys`], [`StoreError::Database`].
    pub async fn open(options: SqliteOptions) -> Result<Self, StoreError> {
        let connect = connect_options(&options.path);
        let mut connection = connect.clone().create_if_missing(true).connect().await?;
        migrate(&mut connection).await?;
        let keyring = open_keyring(&mut connection, options.master_key, options.former_keys).await?;
        let log_no = open_log(&mut connection, &options.log_key).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(options.readers.max(1))
            .min_connections(1)
            .connect_with(connect.read_only(true))
            .await?;
        let subjects = subjects::SubjectReader::start(readers.clone());
        Ok(Self {
            writer: Mutex::new(Writer {
                connection,
                frontier: None,
            }),
            readers,
            subjects,
            keyring: Arc::new(keyring),
            log_key: options.log_key,
            log_no,
        })
    }

    /// The keys of this database.
    #[must_use]
    pub fn keyring(&self) -> Arc<Keyring> {
        self.keyring.clone()
    }

    /// The origin of this process's own log.
    #[must_use]
    pub fn log_origin(&self) -> &str {
        self.log_key.verifier().name()
    }

    /// The connections for reading.
    pub(crate) const fn readers(&self) -> &SqlitePool {
        &self.readers
    }
}

/// Opens a database for reading only, for verification.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn open_read_only(path: &Path) -> Result<SqlitePool, StoreError> {
    let options = connect_options(path).read_only(true).create_if_missing(false);
    Ok(SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await?)
}

pub(crate) fn connect_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::from_str("sqlite://")
        .unwrap_or_default()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true)
        .pragma("cache_size", "-4096")
        .pragma("wal_autocheckpoint", "4000")
        .disable_statement_logging()
}

pub(crate) async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let spine = sqlx::migrate::Migration::new(
        1,
        "spine".into(),
        sqlx::migrate::MigrationType::Simple,
        sqlx::AssertSqlSafe(include_str!("../../migrations/sqlite/0001_spine.sql")).into_sql(),
        false,
    );
    Migrator::with_migrations(vec![spine])
        .run_direct(None, connection, false)
        .await
        .map_err(|error| StoreError::Schema(error.to_string()))
}

/// `SqlSafeStr` by a name that reads as a method.
trait IntoSql {
    fn into_sql(self) -> sqlx::SqlStr;
}

impl<T: sqlx::SqlSafeStr> IntoSql for T {
    fn into_sql(self) -> sqlx::SqlStr {
        self.into_sql_str()
    }
}

async fn open_keyring(
    connection: &mut SqliteConnection,
    current: MasterKey,
    former: Vec<MasterKey>,
) -> Result<Keyring, StoreError> {
    let kept = sqlx::query("SELECT master_key_id, wrapped FROM hub_secret WHERE name = 'pseudonym'")
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(row) = kept {
        let secret = WrappedSecret {
            master_key_id: row.try_get(0)?,
            wrapped: row.try_get(1)?,
        };
        return Ok(Keyring::open(current, former, &secret)?);
    }
    let (keyring, secret) = Keyring::create(current)?;
    sqlx::query("INSERT INTO hub_secret (name, master_key_id, wrapped) VALUES ('pseudonym', $1, $2)")
        .bind(secret.master_key_id)
        .bind(secret.wrapped)
        .execute(connection)
        .await?;
    Ok(keyring)
}

async fn open_log(connection: &mut SqliteConnection, key: &LogKey) -> Result<i64, StoreError> {
    let origin = key.verifier().name();
    sqlx::query(
        "INSERT INTO log (origin, verifier_key, size, peaks) VALUES ($1, $2, 0, x'') ON CONFLICT (origin) DO NOTHING",
    )
    .bind(origin)
    .bind(key.verifier().to_string())
    .execute(&mut *connection)
    .await?;
    let row = sqlx::query("SELECT no, verifier_key FROM log WHERE origin = $1")
        .bind(origin)
        .fetch_one(connection)
        .await?;
    let kept: String = row.try_get(1)?;
    if kept != key.verifier().to_string() {
        return Err(StoreError::Ledger(format!(
            "the log {origin} was begun with another key"
        )));
    }
    Ok(row.try_get(0)?)
}

/// Reads a log's frontier.
async fn read_frontier(connection: &mut SqliteConnection, log_no: i64) -> Result<Frontier, StoreError> {
    let row = sqlx::query("SELECT size, peaks FROM log WHERE no = $1")
        .bind(log_no)
        .fetch_one(connection)
        .await?;
    let peaks: Vec<u8> = row.try_get(1)?;
    let peaks = peaks
        .chunks(32)
        .map(Hash::from_slice)
        .collect::<Result<Vec<_>, _>>();
    peaks
        .and_then(|peaks| Frontier::from_parts(rows::unsigned(row.try_get(0).unwrap_or_default()), peaks))
        .map_err(|error| StoreError::Ledger(error.to_string()))
}
