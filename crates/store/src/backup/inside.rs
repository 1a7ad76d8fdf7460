//! A SQLite file as a back-up needs it: one snapshot of it, what it names, and where a checkpoint stands in its log.

use std::path::Path;

use sendhub_ledger::checkpoint::{Checkpoint, VerifierKey};
use sendhub_ledger::hash::Hash;
use sendhub_ledger::tree::Frontier;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use super::BackupError;
use super::files::sync_file;
use crate::sqlite::{open_copier, open_snapshot};
use crate::store::StoreError;

/// Tables whose rows are in the order of their rowids, with the column that names a row.
const IN_ORDER: [(&str, &str); 2] = [("exchange", "id"), ("rights_record", "id")];
/// Leaves read at a time.
const PAGE: i64 = 512;

/// Copies a database as of one moment into a new file.
///
/// By `VACUUM INTO`, which reads in one transaction and keeps nobody from writing. SQLite's online back-up would begin
/// anew whenever another process writes: under load it has no end. What SQLite does not promise of it is that rows
/// without a number of their own keep their rowids, whose order is that of a case's steps and of records of rights: so
/// that is looked at.
pub(super) async fn snapshot(from: &Path, to: &Path) -> Result<(), BackupError> {
    let mut connection = open_copier(from).await?;
    let target = to.to_str().ok_or_else(|| BackupError::File {
        path: to.display().to_string(),
        reason: "its name is no text".into(),
    })?;
    let copy = sqlx::query("VACUUM INTO ?").bind(target.to_owned());
    copy.execute(&mut connection).await.map_err(StoreError::from)?;
    order_is_kept(&mut connection, target).await?;
    connection.close().await.map_err(StoreError::from)?;
    sync_file(to)
}

/// Whether every row of the copy has the rowid that it has in the file. The file only grows: nothing that was copied
/// can have changed its rowid since.
async fn order_is_kept(connection: &mut SqliteConnection, copy: &str) -> Result<(), BackupError> {
    let asked = async |connection: &mut SqliteConnection, text: String| -> Result<bool, StoreError> {
        let row = sqlx::query(AssertSqlSafe(text)).fetch_one(connection).await?;
        Ok(row.try_get(0)?)
    };
    let attach = sqlx::query("ATTACH ? AS copy").bind(copy.to_owned());
    attach.execute(&mut *connection).await.map_err(StoreError::from)?;
    for (table, id) in IN_ORDER {
        let moved = format!(
            "SELECT EXISTS (SELECT 1 FROM copy.{table} c WHERE NOT EXISTS \
             (SELECT 1 FROM main.{table} m WHERE m.{id} = c.{id} AND m.rowid = c.rowid))"
        );
        if asked(connection, moved).await? {
            return Err(BackupError::Order(table));
        }
    }
    // An exception has no name: each must be the same row under its rowid.
    let moved = "SELECT EXISTS (SELECT rowid, * FROM copy.clock_exception EXCEPT \
        SELECT rowid, * FROM main.clock_exception)";
    if asked(connection, moved.to_owned()).await? {
        return Err(BackupError::Order("clock_exception"));
    }
    let detach = sqlx::query("DETACH copy").execute(connection).await;
    detach.map_err(StoreError::from)?;
    Ok(())
}

/// What a database names.
#[derive(Debug)]
pub(super) struct Held {
    /// The number of its newest migration.
    pub(super) schema: i64,
    /// Public key and newest checkpoint of each log, in their order.
    pub(super) logs: Vec<(String, Option<String>)>,
    /// The ids of all master keys that wrapped something.
    pub(super) master_keys: Vec<String>,
    /// The place of each attachment, with its length in clear.
    pub(super) attachments: Vec<(String, u64)>,
}

/// Reads what a database names.
///
/// # Errors
/// [`StoreError::Database`].
pub(super) async fn read(path: &Path) -> Result<Held, StoreError> {
    const SCHEMA: &str = "SELECT max(version) FROM _sqlx_migrations";
    const LOGS: &str = "SELECT l.verifier_key, \
        (SELECT note FROM checkpoint c WHERE c.log_no = l.no ORDER BY size DESC LIMIT 1) FROM log l ORDER BY l.no";
    const KEYS: &str = "SELECT master_key_id FROM hub_secret UNION SELECT master_key_id FROM subject \
        UNION SELECT master_key_id FROM attachment ORDER BY 1";
    const PLACES: &str = "SELECT place, size_bytes FROM attachment ORDER BY id";
    let mut connection = open_snapshot(path).await?;
    let schema = sqlx::query(SCHEMA).fetch_one(&mut connection).await?.try_get(0)?;
    let rows = sqlx::query(LOGS).fetch_all(&mut connection).await?;
    let logs = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect::<Result<_, StoreError>>()?;
    let rows = sqlx::query(KEYS).fetch_all(&mut connection).await?;
    let master_keys = rows
        .iter()
        .map(|row| Ok(row.try_get(0)?))
        .collect::<Result<_, StoreError>>()?;
    let rows = sqlx::query(PLACES).fetch_all(&mut connection).await?;
    let attachments = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get::<i64, _>(1)?.cast_unsigned())))
        .collect::<Result<_, StoreError>>()?;
    connection.close().await?;
    Ok(Held {
        schema,
        logs,
        master_keys,
        attachments,
    })
}

/// Where a checkpoint from elsewhere stands in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It signs what the log begins with, or all of it.
    Within {
        /// The log.
        origin: String,
        /// The size that it signs.
        signed: u64,
        /// The log's size.
        size: u64,
    },
    /// It signs more than the log has: that much was acknowledged and is not here.
    Beyond {
        /// The log.
        origin: String,
        /// The size that it signs.
        signed: u64,
        /// The log's size.
        size: u64,
    },
}

/// Finds where a checkpoint stands in the log that it names.
///
/// # Errors
/// [`BackupError::Checkpoint`] when it is not signed with the log's key or signs another tree.
pub(super) async fn standing(path: &Path, keys: &[VerifierKey], note: &str) -> Result<Standing, BackupError> {
    const LOG: &str = "SELECT no, verifier_key, size FROM log WHERE origin = ?";
    let origin = note.lines().next().unwrap_or_default().to_owned();
    let wrong = |reason: &str| BackupError::Checkpoint {
        origin: origin.clone(),
        reason: reason.to_owned(),
    };
    let mut connection = open_snapshot(path).await?;
    let log = sqlx::query(LOG).bind(origin.clone());
    let log = log
        .fetch_optional(&mut connection)
        .await
        .map_err(StoreError::from)?
        .ok_or_else(|| wrong("there is no such log"))?;
    let named: &str = log.try_get(1).map_err(StoreError::from)?;
    let key = keys.iter().find(|key| key.name() == origin).cloned();
    let key = key
        .or_else(|| VerifierKey::parse(named).ok())
        .ok_or_else(|| wrong("the log's key cannot be read"))?;
    let signed: Checkpoint = key
        .verify(note)
        .map_err(|error| wrong(&format!("it is not signed by this log ({error})")))?;
    let size = log
        .try_get::<i64, _>(2)
        .map_err(StoreError::from)?
        .cast_unsigned();
    let (signed_size, root) = (signed.size, signed.root);
    if signed_size > size {
        return Ok(Standing::Beyond {
            origin,
            signed: signed_size,
            size,
        });
    }
    let number = log.try_get(0).map_err(StoreError::from)?;
    if root_at(&mut connection, number, signed_size).await? != root {
        return Err(wrong("it signs other entries than these"));
    }
    Ok(Standing::Within {
        origin,
        signed: signed_size,
        size,
    })
}

/// The root of a log's first leaves.
async fn root_at(connection: &mut SqliteConnection, log: i64, size: u64) -> Result<Hash, StoreError> {
    const HASHES: &str = "SELECT hash FROM leaf WHERE log_no = ? AND idx >= ? AND idx < ? ORDER BY idx";
    let (mut frontier, mut from) = (Frontier::default(), 0);
    let size = size.cast_signed();
    while from < size {
        let to = size.min(from + PAGE);
        let page = sqlx::query(HASHES).bind(log).bind(from).bind(to);
        let rows = page.fetch_all(&mut *connection).await?;
        let hashes = rows
            .iter()
            .map(|row| Hash::from_slice(row.try_get(0)?).map_err(|_| StoreError::Corrupt("leaf")))
            .collect::<Result<Vec<_>, StoreError>>()?;
        frontier = frontier.append(&hashes).frontier().clone();
        from = to;
    }
    Ok(frontier.root())
}
