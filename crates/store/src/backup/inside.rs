//! A SQLite file as a back-up needs it: one snapshot of it, and what it names.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use super::files::sync_file;
use super::{BackupError, file_error};
use crate::sqlite::{open_copier, open_snapshot};
use crate::store::StoreError;

/// Tables whose rows are in the order of their rowids, with the column that names a row.
const IN_ORDER: [(&str, &str); 2] = [("exchange", "id"), ("rights_record", "id")];

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
    // As the other files: SQLite makes it as everybody may read it.
    std::fs::set_permissions(to, Permissions::from_mode(0o600)).map_err(file_error(to))?;
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
