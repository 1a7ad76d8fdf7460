//! A table's rows on their way: read from SQLite in order, given to PostgreSQL, and read back from there.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use futures_util::TryStreamExt as _;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;

use super::cell::Cell;
use super::table::Table;
use crate::store::StoreError;

/// Bytes gathered before they go over.
const CHUNK: usize = 1 << 18;
/// What PostgreSQL's binary form begins with, without flags and without an extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// What a table holds, the same in both engines exactly when every row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Rows.
    pub rows: u64,
    /// SHA-256 over every value of every row, in the order of the table's key.
    pub digest: [u8; 32],
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows, ", self.rows)?;
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The rows of a table as they pass.
struct Passing {
    rows: u64,
    digest: Context,
}

impl Passing {
    fn new() -> Self {
        Self {
            rows: 0,
            digest: Context::new(&SHA256),
        }
    }

    fn end(self) -> Contents {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.digest.finish().as_ref());
        Contents {
            rows: self.rows,
            digest,
        }
    }
}

/// Copies a table, and says what it held. `progress` gets one call a row.
///
/// # Errors
/// [`StoreError::Corrupt`] for a value that is not of its column's kind, [`StoreError::Database`].
pub(super) async fn copy(
    table: &Table,
    from: &mut SqliteConnection,
    to: &mut PgConnection,
    mut progress: impl FnMut(),
) -> Result<Contents, StoreError> {
    let columns = i16::try_from(table.columns.len()).map_err(|_| StoreError::Corrupt("table"))?;
    let mut sink = to.copy_in_raw(&table.taking()).await?;
    let mut chunk = HEADER.to_vec();
    let mut passing = Passing::new();
    let passed = async {
        let mut rows = sqlx::query(AssertSqlSafe(table.of_sqlite())).fetch(from);
        while let Some(row) = rows.try_next().await? {
            chunk.extend_from_slice(&columns.to_be_bytes());
            for (at, column) in table.columns.iter().enumerate() {
                let cell = Cell::of_sqlite(&row, at, column.kind)?;
                cell.digest(&mut passing.digest);
                cell.write(column.kind, &mut chunk)?;
            }
            passing.rows += 1;
            progress();
            if chunk.len() >= CHUNK {
                sink.send(std::mem::take(&mut chunk)).await?;
            }
        }
        chunk.extend_from_slice(&TRAILER);
        sink.send(std::mem::take(&mut chunk)).await?;
        Ok::<_, StoreError>(())
    }
    .await;
    if let Err(failure) = passed {
        // The connection takes nothing else before it has been told.
        let _ = sink.abort("given up").await;
        return Err(failure);
    }
    let taken = sink.finish().await?;
    if taken != passing.rows {
        return Err(StoreError::Database(format!(
            "{} rows of {} were sent, {taken} were taken",
            passing.rows, table.name
        )));
    }
    Ok(passing.end())
}

/// What a table holds in SQLite.
///
/// # Errors
/// As [`copy`].
pub(super) async fn in_sqlite(table: &Table, from: &mut SqliteConnection) -> Result<Contents, StoreError> {
    let mut passing = Passing::new();
    let mut rows = sqlx::query(AssertSqlSafe(table.of_sqlite())).fetch(from);
    while let Some(row) = rows.try_next().await? {
        for (at, column) in table.columns.iter().enumerate() {
            Cell::of_sqlite(&row, at, column.kind)?.digest(&mut passing.digest);
        }
        passing.rows += 1;
    }
    Ok(passing.end())
}

/// What a table holds in PostgreSQL.
///
/// # Errors
/// As [`copy`].
pub(super) async fn in_postgres(table: &Table, from: &mut PgConnection) -> Result<Contents, StoreError> {
    let mut passing = Passing::new();
    let mut rows = sqlx::query(AssertSqlSafe(table.of_postgres())).fetch(from);
    while let Some(row) = rows.try_next().await? {
        for (at, column) in table.columns.iter().enumerate() {
            Cell::of_postgres(&row, at, column.kind)?.digest(&mut passing.digest);
        }
        passing.rows += 1;
    }
    Ok(passing.end())
}
