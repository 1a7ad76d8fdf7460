//! Where a checkpoint from elsewhere stands in a database's log: what somebody was told is there, or it is lost.

use std::path::Path;

use sendhub_ledger::checkpoint::{Checkpoint, VerifierKey};
use sendhub_ledger::hash::Hash;
use sendhub_ledger::tree::Frontier;
use sqlx::{Connection as _, Row as _};

use super::log::judging_key;
use crate::store::StoreError;
use crate::{postgres, sqlite};

/// Leaves read at a time.
const PAGE: i64 = 512;

/// Where a checkpoint stands in the log that it names.
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
    /// It is no checkpoint of this log, or signs other entries than these.
    Foreign {
        /// The log that it names.
        origin: String,
        /// What is wrong.
        reason: String,
    },
}

/// A log as a checkpoint is held against it.
struct Log {
    number: i64,
    verifier_key: String,
    size: u64,
}

/// Finds where a checkpoint stands in a SQLite database. `keys` are verifier keys obtained elsewhere. The database must
/// have been verified: its leaves' hashes are taken as they stand.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn standing_sqlite(path: &Path, keys: &[VerifierKey], note: &str) -> Result<Standing, StoreError> {
    const LOG: &str = "SELECT no, verifier_key, size FROM log WHERE origin = ?";
    const HASHES: &str = "SELECT hash FROM leaf WHERE log_no = ? AND idx >= ? AND idx < ? ORDER BY idx";
    let mut connection = sqlite::open_snapshot(path).await?;
    let found = sqlx::query(LOG).bind(origin(note).to_owned());
    let found = found.fetch_optional(&mut connection).await?.map(|row| {
        Ok::<_, StoreError>(Log {
            number: row.try_get(0)?,
            verifier_key: row.try_get(1)?,
            size: row.try_get::<i64, _>(2)?.cast_unsigned(),
        })
    });
    let (log, signed) = match held_against(found.transpose()?, keys, note) {
        Ok(both) => both,
        Err(standing) => return Ok(standing),
    };
    let frontier = walked(signed.size, async |from, to| {
        let page = sqlx::query(HASHES).bind(log.number).bind(from).bind(to);
        let rows = page.fetch_all(&mut connection).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    })
    .await?;
    connection.close().await?;
    Ok(judged(&log, signed, &frontier))
}

/// Finds where a checkpoint stands in a PostgreSQL database, see [`standing_sqlite`].
///
/// # Errors
/// [`StoreError::Unreachable`], [`StoreError::Database`].
pub async fn standing_postgres(url: &str, keys: &[VerifierKey], note: &str) -> Result<Standing, StoreError> {
    const LOG: &str = "SELECT no, verifier_key, size FROM log WHERE origin = $1";
    const HASHES: &str = "SELECT hash FROM leaf WHERE log_no = $1 AND idx >= $2 AND idx < $3 ORDER BY idx";
    let mut connection = postgres::open_snapshot(url).await?;
    let found = sqlx::query(LOG).bind(origin(note));
    let found = found.fetch_optional(&mut connection).await?.map(|row| {
        Ok::<_, StoreError>(Log {
            number: row.try_get::<i32, _>(0)?.into(),
            verifier_key: row.try_get(1)?,
            size: row.try_get::<i64, _>(2)?.cast_unsigned(),
        })
    });
    let (log, signed) = match held_against(found.transpose()?, keys, note) {
        Ok(both) => both,
        Err(standing) => return Ok(standing),
    };
    let frontier = walked(signed.size, async |from, to| {
        let page = sqlx::query(HASHES).bind(log.number).bind(from).bind(to);
        let rows = page.fetch_all(&mut connection).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    })
    .await?;
    connection.close().await?;
    Ok(judged(&log, signed, &frontier))
}

/// The log that a note names: its first line.
fn origin(note: &str) -> &str {
    note.lines().next().unwrap_or_default()
}

/// The checkpoint, if it is one of this log and signs no more than is there.
fn held_against(log: Option<Log>, keys: &[VerifierKey], note: &str) -> Result<(Log, Checkpoint), Standing> {
    let origin = origin(note).to_owned();
    let foreign = |reason: String| Standing::Foreign {
        origin: origin.clone(),
        reason,
    };
    let log = log.ok_or_else(|| foreign("there is no log of this name here".into()))?;
    let key = judging_key(&origin, keys, &log.verifier_key)
        .ok_or_else(|| foreign("the log's key cannot be read".into()))?;
    let signed = key
        .verify(note)
        .map_err(|error| foreign(format!("it is not signed by this log ({error})")))?;
    if signed.size > log.size {
        return Err(Standing::Beyond {
            origin,
            signed: signed.size,
            size: log.size,
        });
    }
    Ok((log, signed))
}

/// The right edge of a log's first leaves, whose hashes are read a page at a time.
async fn walked(
    size: u64,
    mut page: impl AsyncFnMut(i64, i64) -> Result<Vec<Vec<u8>>, StoreError>,
) -> Result<Frontier, StoreError> {
    let (mut frontier, mut from) = (Frontier::default(), 0);
    while from < size.cast_signed() {
        let to = size.cast_signed().min(from + PAGE);
        let hashes = page(from, to).await?;
        let hashes: Result<Vec<Hash>, _> = hashes.iter().map(|hash| Hash::from_slice(hash)).collect();
        let hashes = hashes.map_err(|_| StoreError::Corrupt("leaf"))?;
        frontier = frontier.append(&hashes).frontier().clone();
        from = to;
    }
    Ok(frontier)
}

fn judged(log: &Log, signed: Checkpoint, frontier: &Frontier) -> Standing {
    if (frontier.size(), frontier.root()) == (signed.size, signed.root) {
        Standing::Within {
            origin: signed.origin,
            signed: signed.size,
            size: log.size,
        }
    } else {
        Standing::Foreign {
            origin: signed.origin,
            reason: "it signs other entries than these".into(),
        }
    }
}
