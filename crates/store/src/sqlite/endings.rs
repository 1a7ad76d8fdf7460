//! What ends in a file: the history that was moved elsewhere, and logs that take no more entries.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use crate::store::StoreError;

/// Where the history was moved to, if it was.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn moved_to(connection: &mut SqliteConnection) -> Result<Option<String>, StoreError> {
    const FIND: &str = "SELECT to_database FROM moved WHERE id = 1";
    let row = sqlx::query(FIND).fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Notes durably where the history goes: from here on no gateway serves this file.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn mark_moved(
    connection: &mut SqliteConnection,
    place: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    const MARK: &str = "INSERT INTO moved (id, to_database, at) VALUES (1, ?, ?) \
        ON CONFLICT (id) DO UPDATE SET to_database = excluded.to_database, at = excluded.at";
    let mark = sqlx::query(MARK).bind(place.to_owned()).bind(at.as_microsecond());
    mark.execute(connection).await?;
    Ok(())
}

/// Ends every log that has not ended yet: from here on nothing is appended to them.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn end_logs(connection: &mut SqliteConnection, at: Timestamp) -> Result<(), StoreError> {
    const END: &str = "UPDATE log SET ended_at = ? WHERE ended_at IS NULL";
    sqlx::query(END)
        .bind(at.as_microsecond())
        .execute(connection)
        .await?;
    Ok(())
}
