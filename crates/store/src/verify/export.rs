//! A log as a file of lines, which anybody can keep and verify without the database.
//!
//! The form, one JSON object a line, each line ended by one `\n`:
//! 1. The header: `{"sendhub_log":1,"origin":…,"verifier_key":…,"size":…}`. `size` counts the leaves that follow.
//! 2. Each leaf, in order: `{"leaf":<index>,"hash":"<64 hexadecimal digits>","entry":<entry>}`. The entry stands
//!    there byte for byte: it is all between the first `"entry":` and the line's last `}`, and its leaf hash is
//!    `SHA-256(0x00 ‖ entry)`. To re-encode it would break it.
//! 3. After the last leaf that a checkpoint signs, that checkpoint: `{"checkpoint":<size>,"note":<signed note>}`,
//!    so that one pass with little memory verifies all.
//!
//! A file cut at a checkpoint, header changed to fit, is a true but older log: only a newer checkpoint obtained
//! elsewhere can tell.

use std::io::{BufRead, Read as _, Write};
use std::path::Path;

use futures_util::TryStreamExt as _;
use sendhub_ledger::checkpoint::VerifierKey;
use sendhub_ledger::hash::Hash;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Row as _};

use super::VerifyReport;
use super::log::{Walk, judging_key};
use crate::sqlite::open_snapshot;
use crate::store::StoreError;

/// The longest line that is read, in bytes; entries are a few hundred.
const LONGEST: u64 = 1 << 20;
/// Lines between two reports of progress.
const STEP: u64 = 512;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    sendhub_log: u8,
    origin: String,
    verifier_key: String,
    size: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    checkpoint: u64,
    note: String,
}

/// Writes the log of this origin from the SQLite database at a path; returns how many leaves it has, `None`
/// when there is no such log. Nothing is verified here.
///
/// # Errors
/// [`StoreError::Export`] when it cannot be written, [`StoreError::Corrupt`] for a leaf that is not one line,
/// [`StoreError::Database`].
pub async fn export_sqlite(
    path: &Path,
    origin: &str,
    out: &mut impl Write,
) -> Result<Option<u64>, StoreError> {
    const LOG: &str = "SELECT no, verifier_key, size FROM log WHERE origin = ?";
    let mut connection = open_snapshot(path).await?;
    let found = sqlx::query(LOG)
        .bind(origin.to_owned())
        .fetch_optional(&mut connection)
        .await?;
    let Some(log) = found else { return Ok(None) };
    let header = Header {
        sendhub_log: 1,
        origin: origin.to_owned(),
        verifier_key: log.try_get(1)?,
        size: log.try_get::<i64, _>(2)?.cast_unsigned(),
    };
    write_line(out, &header)?;
    let leaves = write_leaves(&mut connection, log.try_get(0)?, out).await?;
    out.flush()?;
    connection.close().await?;
    Ok(Some(leaves))
}

async fn write_leaves(
    connection: &mut SqliteConnection,
    log: i64,
    out: &mut impl Write,
) -> Result<u64, StoreError> {
    const LEAVES: &str = "SELECT l.idx, l.entry, c.note, l.hash FROM leaf l \
        LEFT JOIN checkpoint c ON c.log_no = l.log_no AND c.size = l.idx + 1 WHERE l.log_no = ? ORDER BY l.idx";
    let mut rows = sqlx::query(LEAVES).bind(log).fetch(connection);
    let mut leaves = 0;
    while let Some(row) = rows.try_next().await? {
        let index = row.try_get::<i64, _>(0)?.cast_unsigned();
        write_leaf(out, index, row.try_get(1)?, row.try_get(3)?, row.try_get(2)?)?;
        leaves += 1;
    }
    Ok(leaves)
}

/// Writes the log of this origin from the PostgreSQL database at a URL, see [`export_sqlite`].
///
/// # Errors
/// As [`export_sqlite`], and [`StoreError::Unreachable`].
pub async fn export_postgres(
    url: &str,
    origin: &str,
    out: &mut impl Write,
) -> Result<Option<u64>, StoreError> {
    const LOG: &str = "SELECT no, verifier_key, size FROM log WHERE origin = $1";
    const LEAVES: &str = "SELECT l.idx, l.entry, c.note, l.hash FROM leaf l \
        LEFT JOIN checkpoint c ON c.log_no = l.log_no AND c.size = l.idx + 1 WHERE l.log_no = $1 ORDER BY l.idx";
    let mut connection = crate::postgres::open_snapshot(url).await?;
    let found = sqlx::query(LOG)
        .bind(origin)
        .fetch_optional(&mut connection)
        .await?;
    let Some(log) = found else { return Ok(None) };
    let header = Header {
        sendhub_log: 1,
        origin: origin.to_owned(),
        verifier_key: log.try_get(1)?,
        size: log.try_get::<i64, _>(2)?.cast_unsigned(),
    };
    write_line(out, &header)?;
    let mut leaves = 0;
    {
        let mut rows = sqlx::query(LEAVES)
            .bind(log.try_get::<i32, _>(0)?)
            .fetch(&mut connection);
        while let Some(row) = rows.try_next().await? {
            let index = row.try_get::<i64, _>(0)?.cast_unsigned();
            write_leaf(out, index, row.try_get(1)?, row.try_get(3)?, row.try_get(2)?)?;
            leaves += 1;
        }
    }
    out.flush()?;
    connection.close().await?;
    Ok(Some(leaves))
}

/// One leaf, and the checkpoint that ends with it.
fn write_leaf(
    out: &mut impl Write,
    index: u64,
    entry: &[u8],
    hash: &[u8],
    note: Option<String>,
) -> Result<(), StoreError> {
    let hash = Hash::from_slice(hash).map_err(|_| StoreError::Corrupt("leaf"))?;
    if entry.contains(&b'\n') {
        return Err(StoreError::Corrupt("leaf"));
    }
    write!(out, "{{\"leaf\":{index},\"hash\":\"{hash}\",\"entry\":")?;
    out.write_all(entry)?;
    out.write_all(b"}\n")?;
    match note {
        Some(note) => write_line(
            out,
            &Signed {
                checkpoint: index + 1,
                note,
            },
        ),
        None => Ok(()),
    }
}

fn write_line(out: &mut impl Write, line: &impl Serialize) -> Result<(), StoreError> {
    serde_json::to_writer(&mut *out, line).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(())
}

/// Verifies an exported log in one pass. `keys` are verifier keys obtained elsewhere, preferred to the one that
/// the header names. `progress` gets the leaves read so far.
///
/// # Errors
/// [`StoreError::Export`] when the file cannot be read; faults in it stand in the report.
pub fn verify_export(
    mut reader: impl BufRead,
    keys: &[VerifierKey],
    mut progress: impl FnMut(u64),
) -> Result<VerifyReport, StoreError> {
    let mut report = VerifyReport::default();
    let header = match read_line(&mut reader)? {
        Line::Whole(line) => serde_json::from_slice::<Header>(&line)
            .ok()
            .filter(|header| header.sendhub_log == 1),
        Line::End | Line::Broken => None,
    };
    let Some(header) = header else {
        report.fault("line 1 is no header of an exported log".into());
        return Ok(report);
    };
    let Some(key) = judging_key(&header.origin, keys, &header.verifier_key) else {
        report.fault(format!("log {}: its verifier key cannot be read", header.origin));
        return Ok(report);
    };
    let mut walk = Walk::new(&header.origin, key, &mut report);
    loop {
        match read_line(&mut reader)? {
            Line::End => break,
            Line::Broken => {
                walk.fault(&format!(
                    "the line after {} leaves is cut off or too long",
                    walk.size()
                ));
                break;
            }
            Line::Whole(line) => take_line(&line, &mut walk),
        }
        if walk.size().is_multiple_of(STEP) {
            progress(walk.size());
        }
    }
    if walk.size() != header.size {
        walk.fault(&format!(
            "its header says {} leaves, but {} are there",
            header.size,
            walk.size()
        ));
    }
    walk.end();
    Ok(report)
}

fn take_line(line: &[u8], walk: &mut Walk<'_>) {
    if line.starts_with(b"{\"leaf\":") {
        match leaf_parts(line) {
            Some((index, claimed, entry)) => walk.leaf(index, entry, &claimed),
            None => walk.leaf_fault(
                walk.size(),
                &format!("the line of leaf {} has another form", walk.size()),
            ),
        }
        return;
    }
    match serde_json::from_slice::<Signed>(line) {
        Ok(signed) => walk.checkpoint(signed.checkpoint, &signed.note),
        Err(_) => walk.fault(&format!(
            "the line after {} leaves is neither leaf nor checkpoint",
            walk.size()
        )),
    }
}

/// A leaf line's index, hash and exact entry.
fn leaf_parts(line: &[u8]) -> Option<(u64, Hash, &[u8])> {
    const ENTRY: &[u8] = b",\"entry\":";
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Head {
        leaf: u64,
        hash: String,
    }
    let at = line.windows(ENTRY.len()).position(|part| part == ENTRY)?;
    let head = std::str::from_utf8(&line[..at]).ok()?;
    let head: Head = serde_json::from_str(&format!("{head}}}")).ok()?;
    let mut hash = [0; 32];
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(head.hash.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    // One hash has one text, lower case: another one was changed.
    if Hash(hash).to_string() != head.hash {
        return None;
    }
    Some((
        head.leaf,
        Hash(hash),
        line[at + ENTRY.len()..].strip_suffix(b"}")?,
    ))
}

enum Line {
    Whole(Vec<u8>),
    Broken,
    End,
}

fn read_line(reader: &mut impl BufRead) -> Result<Line, StoreError> {
    let mut line = Vec::new();
    if reader.take(LONGEST).read_until(b'\n', &mut line)? == 0 {
        return Ok(Line::End);
    }
    Ok(if line.pop() == Some(b'\n') {
        Line::Whole(line)
    } else {
        Line::Broken
    })
}
