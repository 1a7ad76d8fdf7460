//! A whole database: every leaf, checkpoint, kept node, payload and delivery, in one snapshot, a row at a time.

use std::path::Path;

use futures_util::TryStreamExt as _;
use sendhub_ledger::checkpoint::VerifierKey;
use sendhub_ledger::hash::{Hash, leaf_hash, sha256};
use sendhub_ledger::tree::Frontier;
use serde_json::Value;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection as _, Row as _};
use uuid::Uuid;

use super::VerifyReport;
use super::log::{Walk, judging_key};
use crate::sqlite::open_snapshot;
use crate::store::StoreError;

/// Leaves read at a time: memory stays bounded whatever the history.
const PAGE: u64 = 512;

/// Verifies the SQLite database at a path, also while a hub writes to it: what is judged is the state at the
/// beginning. `keys` are verifier keys obtained elsewhere; a log whose key is among them is judged by that
/// one, any other by the key that the database itself names. `progress` gets the leaves and exchanges looked
/// at so far.
///
/// # Errors
/// [`StoreError::Database`] when the file is no database that can be read; faults in it stand in the report.
pub async fn verify_sqlite(
    path: &Path,
    keys: &[VerifierKey],
    progress: impl FnMut(u64),
) -> Result<VerifyReport, StoreError> {
    let mut connection = open_snapshot(path).await?;
    let report = judge_sqlite(&mut connection, keys, progress).await?;
    connection.close().await?;
    Ok(report)
}

/// Verifies what a connection sees, see [`verify_sqlite`].
///
/// # Errors
/// As [`verify_sqlite`].
pub(crate) async fn judge_sqlite(
    connection: &mut SqliteConnection,
    keys: &[VerifierKey],
    mut progress: impl FnMut(u64),
) -> Result<VerifyReport, StoreError> {
    const LOGS: &str = "SELECT no, origin, verifier_key, size, peaks FROM log ORDER BY no";
    let mut report = VerifyReport::default();
    for log in sqlx::query(LOGS).fetch_all(&mut *connection).await? {
        let origin: String = log.try_get(1)?;
        let Some(key) = judging_key(&origin, keys, log.try_get(2)?) else {
            report.fault(format!("log {origin}: its verifier key cannot be read"));
            continue;
        };
        let mut walk = Walk::new(&origin, key, &mut report);
        if let Err(damage) = walk_log(connection, &log, &mut walk, &mut progress).await {
            walk.fault(&format!("reading ends after {} leaves: {damage}", walk.size()));
        }
        walk.end();
    }
    let mut seen: u64 = report.logs.iter().map(|log| log.size).sum();
    let mut further = || {
        seen += 1;
        if seen.is_multiple_of(PAGE) {
            progress(seen);
        }
    };
    damage(
        exchanges(connection, &mut report, &mut further).await,
        "exchange",
        &mut report,
    );
    damage(
        recorded_exchanges(connection, &mut report).await,
        "exchange",
        &mut report,
    );
    damage(
        deliveries(connection, &mut report, &mut further).await,
        "delivery",
        &mut report,
    );
    damage(file(connection, &mut report).await, "file", &mut report);
    Ok(report)
}

/// A table that cannot be read to its end is a fault like others: what comes after it is still looked at.
pub(super) fn damage(result: Result<(), StoreError>, table: &str, report: &mut VerifyReport) {
    if let Err(damage) = result {
        report.fault(format!("{table}: cannot be read to its end: {damage}"));
    }
}

async fn walk_log(
    connection: &mut SqliteConnection,
    log: &SqliteRow,
    walk: &mut Walk<'_>,
    progress: &mut impl FnMut(u64),
) -> Result<(), StoreError> {
    const LEAVES: &str = "SELECT idx, entry, hash, at, kind, agency, subject, exchange FROM leaf \
        WHERE log_no = ? AND idx > ? ORDER BY idx LIMIT ?";
    let number: i64 = log.try_get(0)?;
    let mut frontier = Frontier::default();
    let (mut after, mut kept) = (-1_i64, 0_u64);
    loop {
        let page = sqlx::query(LEAVES)
            .bind(number)
            .bind(after)
            .bind(PAGE.cast_signed());
        let rows = page.fetch_all(&mut *connection).await?;
        let Some(last) = rows.last() else { break };
        let first = walk.size();
        after = last.try_get(0)?;
        let mut notes = checkpoints(connection, number, first, first + rows.len() as u64)
            .await?
            .into_iter()
            .peekable();
        for row in &rows {
            let entry = take_leaf(row, walk)?;
            let appended = frontier.append(&[leaf_hash(&entry)]);
            for (level, index, hash) in appended.kept_nodes() {
                kept += 1;
                if node(connection, number, level, index).await?.as_deref() != Some(&hash.0[..]) {
                    let (from, to) = (index << level, walk.size() - 1);
                    walk.doubt(
                        from,
                        &format!("the kept hash of leaves {from} to {to} does not fit them"),
                    );
                }
            }
            frontier = appended.frontier().clone();
            while let Some((size, note)) = notes.next_if(|(size, _)| *size <= walk.size()) {
                walk.checkpoint(size, &note);
            }
        }
        progress(walk.size());
    }
    log_row(log, &frontier, walk)?;
    leftovers(connection, number, kept, walk).await
}

/// Takes a leaf, and compares the columns by which auditors find it with what its entry says.
fn take_leaf(row: &SqliteRow, walk: &mut Walk<'_>) -> Result<Vec<u8>, StoreError> {
    let index = row.try_get::<i64, _>(0)?.cast_unsigned();
    let entry: Vec<u8> = row.try_get_unchecked(1)?;
    let claimed = row
        .try_get_unchecked::<&[u8], _>(2)
        .ok()
        .and_then(|hash| Hash::from_slice(hash).ok());
    walk.leaf(index, &entry, &claimed.unwrap_or(Hash([0; 32])));
    if !columns_fit(row, &entry) {
        walk.leaf_fault(
            index,
            &format!("leaf {index}: the columns beside it say other than its entry"),
        );
    }
    Ok(entry)
}

fn columns_fit(row: &SqliteRow, entry: &[u8]) -> bool {
    let Ok(says) = serde_json::from_slice::<Value>(entry) else {
        return false;
    };
    let text = |name: &str| says.get(name).and_then(Value::as_str);
    let column = |at: usize| row.try_get::<Option<&str>, _>(at);
    let bytes = |at: usize| row.try_get::<Option<&[u8]>, _>(at);
    let at = text("at")
        .and_then(|at| at.parse::<jiff::Timestamp>().ok())
        .map(jiff::Timestamp::as_microsecond);
    let exchange = text("exchange").and_then(|id| id.parse::<Uuid>().ok());
    let subject = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    row.try_get::<i64, _>(3).ok() == at
        && column(4).is_ok_and(|kind| kind == text("kind"))
        && column(5).is_ok_and(|agency| agency == text("agency"))
        && bytes(6).is_ok_and(|tag| tag.map(subject).as_deref() == text("subject"))
        && bytes(7).is_ok_and(|id| id == exchange.as_ref().map(|id| &id.as_bytes()[..]))
}

/// The checkpoints of the sizes after `from` up to `to`.
async fn checkpoints(
    connection: &mut SqliteConnection,
    log: i64,
    from: u64,
    to: u64,
) -> Result<Vec<(u64, String)>, StoreError> {
    const SOME: &str = "SELECT size, CAST(note AS BLOB) FROM checkpoint WHERE log_no = ? AND size > ? AND size <= ? ORDER BY size";
    let some = sqlx::query(SOME)
        .bind(log)
        .bind(from.cast_signed())
        .bind(to.cast_signed());
    let rows = some.fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            // A note that is no longer text cannot hold: it is judged as what is left of it.
            let note = String::from_utf8_lossy(row.try_get(1)?).into_owned();
            Ok((row.try_get::<i64, _>(0)?.cast_unsigned(), note))
        })
        .collect()
}

async fn node(
    connection: &mut SqliteConnection,
    log: i64,
    level: u8,
    index: u64,
) -> Result<Option<Vec<u8>>, StoreError> {
    const ONE: &str = "SELECT hash FROM node WHERE log_no = ? AND level = ? AND idx = ?";
    let one = sqlx::query(ONE)
        .bind(log)
        .bind(i64::from(level))
        .bind(index.cast_signed());
    let row = one.fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get_unchecked(0)).transpose()?)
}

fn log_row(log: &SqliteRow, frontier: &Frontier, walk: &mut Walk<'_>) -> Result<(), StoreError> {
    let (size, peaks): (i64, Vec<u8>) = (log.try_get(3)?, log.try_get_unchecked(4)?);
    if size.cast_unsigned() != walk.size() {
        walk.fault(&format!(
            "its row says {size} leaves, but {} are there",
            walk.size()
        ));
    }
    if !frontier.peaks().iter().flat_map(|peak| peak.0).eq(peaks) {
        walk.fault("the frontier in its row does not fit its leaves");
    }
    Ok(())
}

/// Checkpoints beyond the leaves, and kept hashes of no complete subtree.
async fn leftovers(
    connection: &mut SqliteConnection,
    log: i64,
    kept: u64,
    walk: &mut Walk<'_>,
) -> Result<(), StoreError> {
    for (size, note) in checkpoints(connection, log, walk.size(), i64::MAX.cast_unsigned()).await? {
        walk.checkpoint(size, &note);
    }
    const COUNTS: &str = "SELECT (SELECT count(*) FROM node WHERE log_no = ?1), \
        (SELECT count(*) FROM checkpoint WHERE log_no = ?1 AND size < 1)";
    let row = sqlx::query(COUNTS).bind(log).fetch_one(connection).await?;
    let (nodes, early): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    if nodes.cast_unsigned() > kept {
        walk.fault(&format!(
            "{} kept hashes belong to no place in it",
            nodes.cast_unsigned() - kept
        ));
    }
    if early > 0 {
        walk.fault(&format!("{early} checkpoints are of no size"));
    }
    Ok(())
}

/// Every exchange's payload is the one that its leaf records.
async fn exchanges(
    connection: &mut SqliteConnection,
    report: &mut VerifyReport,
    progress: &mut impl FnMut(),
) -> Result<(), StoreError> {
    const ALL: &str = "SELECT e.id, e.sealed, l.entry, g.origin, e.leaf_index FROM exchange e \
        LEFT JOIN leaf l ON l.log_no = e.log_no AND l.idx = e.leaf_index \
        LEFT JOIN log g ON g.no = e.log_no ORDER BY e.rowid";
    let mut rows = sqlx::query(ALL).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        progress();
        let id = id_of(&row, 0);
        let leaf = row.try_get_unchecked::<Option<&[u8]>, _>(2)?;
        let leaf: Option<Value> = leaf.and_then(|entry| serde_json::from_slice(entry).ok());
        let says = |name: &str| leaf.as_ref().and_then(|leaf| leaf.get(name)?.as_str());
        let log: &str = row.try_get::<Option<&str>, _>(3)?.unwrap_or("?");
        let index = row.try_get::<i64, _>(4)?.cast_unsigned();
        if says("exchange") != Some(id.as_str()) || says("kind") != Some("EXCHANGE_ACCEPTED") {
            let text =
                format!("log {log}: leaf {index} does not record exchange {id}, whose row points at it");
            report.leaf_fault(log, index, text);
        } else if says("sealed_sha256") != Some(&sha256(row.try_get_unchecked(1)?).to_string()) {
            let text = format!("log {log}: leaf {index}: the payload of exchange {id} was changed");
            report.leaf_fault(log, index, text);
        } else {
            report.exchanges += 1;
        }
    }
    Ok(())
}

/// Every leaf that records an acceptance has its exchange.
async fn recorded_exchanges(
    connection: &mut SqliteConnection,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    const MISSING: &str = "SELECT g.origin, l.idx FROM leaf l JOIN log g ON g.no = l.log_no \
        LEFT JOIN exchange e ON e.id = l.exchange AND e.log_no = l.log_no AND e.leaf_index = l.idx \
        WHERE l.kind = 'EXCHANGE_ACCEPTED' AND e.id IS NULL ORDER BY l.log_no, l.idx";
    let mut rows = sqlx::query(MISSING).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        let (log, index) = (
            row.try_get::<&str, _>(0)?,
            row.try_get::<i64, _>(1)?.cast_unsigned(),
        );
        let text = format!("log {log}: leaf {index} records an exchange that is not there");
        report.leaf_fault(log, index, text);
    }
    Ok(())
}

/// Every delivery belongs to an exchange, and every one that was handed over has a leaf that says so.
async fn deliveries(
    connection: &mut SqliteConnection,
    report: &mut VerifyReport,
    progress: &mut impl FnMut(),
) -> Result<(), StoreError> {
    const ALL: &str = "SELECT d.id, e.id IS NOT NULL, d.collected_at IS NOT NULL, l.entry FROM delivery d \
        LEFT JOIN exchange e ON e.id = d.exchange \
        LEFT JOIN leaf l ON d.collected_at IS NOT NULL AND l.exchange = d.exchange AND l.kind = 'DISCLOSED' \
        ORDER BY d.id";
    let mut rows = sqlx::query(ALL).fetch(connection);
    let mut before: Option<Handed> = None;
    while let Some(row) = rows.try_next().await? {
        let id = id_of(&row, 0);
        let entry = row.try_get_unchecked::<Option<&[u8]>, _>(3)?;
        let says: Option<Value> = entry.and_then(|entry| serde_json::from_slice(entry).ok());
        let recorded = says.is_some_and(|says| says.get("delivery").and_then(Value::as_str) == Some(&id));
        let same = before.take_if(|one| one.id == id);
        if let Some(mut one) = same {
            one.recorded |= recorded;
            before = Some(one);
            continue;
        }
        progress();
        report.deliveries += 1;
        if row.try_get::<i64, _>(1)? == 0 {
            report.fault(format!("delivery {id} belongs to no exchange"));
        }
        let collected = row.try_get::<i64, _>(2)? == 1;
        judge(
            before.replace(Handed {
                id,
                recorded: recorded || !collected,
            }),
            report,
        );
    }
    judge(before, report);
    Ok(())
}

/// A delivery whose leaves are being looked through.
pub(super) struct Handed {
    pub(super) id: String,
    pub(super) recorded: bool,
}

pub(super) fn judge(handed: Option<Handed>, report: &mut VerifyReport) {
    if let Some(Handed { id, recorded: false }) = handed {
        report.fault(format!("delivery {id} was handed over, but no leaf records it"));
    }
}

/// The file itself: pages, cells, and that every index holds exactly what its table holds.
async fn file(connection: &mut SqliteConnection, report: &mut VerifyReport) -> Result<(), StoreError> {
    for row in sqlx::query("PRAGMA integrity_check(20)")
        .fetch_all(connection)
        .await?
    {
        let says: &str = row.try_get(0)?;
        if says != "ok" {
            report.fault(format!("file: {says}"));
        }
    }
    Ok(())
}

fn id_of(row: &SqliteRow, column: usize) -> String {
    let id = row
        .try_get_unchecked::<&[u8], _>(column)
        .ok()
        .and_then(|id| Uuid::from_slice(id).ok());
    id.unwrap_or_default().to_string()
}
