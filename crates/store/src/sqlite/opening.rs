//! A file opened for something else than serving: for itself alone, for a copy, for reading as of one moment.

use std::path::Path;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnection;

use super::schema;
use crate::store::StoreError;

/// Opens a file that is there, brings its schema up to date, and keeps every other process out of it.
///
/// # Errors
/// [`StoreError::Unsafe`] when another process has it open, [`StoreError::Schema`], [`StoreError::Database`].
pub(crate) async fn open_alone(path: &Path) -> Result<SqliteConnection, StoreError> {
    let mut connection = schema::alone(path).connect().await.map_err(|error| {
        if is_busy(&error) {
            StoreError::Unsafe("another process has it open: stop the hub first".into())
        } else {
            error.into()
        }
    })?;
    schema::migrate(&mut connection).await?;
    Ok(connection)
}

/// SQLite's own code for a file that others hold, its extended forms included.
fn is_busy(error: &sqlx::Error) -> bool {
    const BUSY: u32 = 5;
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse::<u32>().ok())
        .is_some_and(|code| code & 0xff == BUSY)
}

/// Opens a file that is there to take a copy of it.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn open_copier(path: &Path) -> Result<SqliteConnection, StoreError> {
    Ok(schema::copier(path).connect().await?)
}

/// Opens a database for reading, in one snapshot of it: what is written meanwhile is not seen.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn open_snapshot(path: &Path) -> Result<SqliteConnection, StoreError> {
    let mut connection = schema::reader(path).connect().await?;
    sqlx::query("BEGIN").execute(&mut connection).await?;
    Ok(connection)
}
