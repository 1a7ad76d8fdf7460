//! A whole PostgreSQL database: every leaf, checkpoint, kept node, payload and delivery, in one snapshot.

use futures_util::TryStreamExt as _;
use sendhub_ledger::checkpoint::VerifierKey;
use sendhub_ledger::hash::{Hash, leaf_hash, sha256};
use sendhub_ledger::tree::Frontier;
use serde_json::Value;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Connection as _, Row as _};
use uuid::Uuid;

use super::VerifyReport;
use super::database::{Handed, damage, judge};
use super::log::{Walk, judging_key};
use crate::postgres::{instant_at, open_snapshot};
use crate::store::StoreError;

/// Leaves read at a time: memory stays bounded whatever the history.
const PAGE: u64 = 512;

/// Verifies the PostgreSQL database at a URL, also while gateways write to it: what is judged is the state at the
/// beginning. See [`super::verify_sqlite`] for `keys` and `progress`. The engine's own files are not looked at: that is
/// what PostgreSQL's checksums and `pg_amcheck` are for.
///
/// # Errors
/// [`StoreError::Unreachable`], [`StoreError::Database`] when it cannot be read; faults in it stand in the report.
pub async fn verify_postgres(
    url: &str,
    keys: &[VerifierKey],
    progress: impl FnMut(u64),
) -> Result<VerifyReport, StoreError> {
    let mut connection = open_snapshot(url).await?;
    let report = judge_postgres(&mut connection, keys, progress).await?;
    connection.close().await?;
    Ok(report)
}

/// Verifies what a connection sees, see [`verify_postgres`].
///
/// # Errors
/// As [`verify_postgres`].
pub(crate) async fn judge_postgres(
    connection: &mut PgConnection,
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
    Ok(report)
}

async fn walk_log(
    connection: &mut PgConnection,
    log: &PgRow,
    walk: &mut Walk<'_>,
    progress: &mut impl FnMut(u64),
) -> Result<(), StoreError> {
    const LEAVES: &str = "SELECT idx, entry, hash, at, kind, agency, subject, exchange FROM leaf \
        WHERE log_no = $1 AND idx > $2 ORDER BY idx LIMIT $3";
    let number: i32 = log.try_get(0)?;
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
fn take_leaf(row: &PgRow, walk: &mut Walk<'_>) -> Result<Vec<u8>, StoreError> {
    let index = row.try_get::<i64, _>(0)?.cast_unsigned();
    let entry: Vec<u8> = row.try_get(1)?;
    let claimed = row
        .try_get::<&[u8], _>(2)
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

fn columns_fit(row: &PgRow, entry: &[u8]) -> bool {
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
    instant_at(row, 3).ok().map(jiff::Timestamp::as_microsecond) == at
        && column(4).is_ok_and(|kind| kind == text("kind"))
        && column(5).is_ok_and(|agency| agency == text("agency"))
        && bytes(6).is_ok_and(|tag| tag.map(subject).as_deref() == text("subject"))
        && row.try_get::<Option<Uuid>, _>(7).is_ok_and(|id| id == exchange)
}

/// The checkpoints of the sizes after `from` up to `to`.
async fn checkpoints(
    connection: &mut PgConnection,
    log: i32,
    from: u64,
    to: u64,
) -> Result<Vec<(u64, String)>, StoreError> {
    const SOME: &str =
        "SELECT size, note FROM checkpoint WHERE log_no = $1 AND size > $2 AND size <= $3 ORDER BY size";
    let some = sqlx::query(SOME)
        .bind(log)
        .bind(from.cast_signed())
        .bind(to.cast_signed());
    let rows = some.fetch_all(connection).await?;
    rows.iter()
        .map(|row| Ok((row.try_get::<i64, _>(0)?.cast_unsigned(), row.try_get(1)?)))
        .collect()
}

async fn node(
    connection: &mut PgConnection,
    log: i32,
    level: u8,
    index: u64,
) -> Result<Option<Vec<u8>>, StoreError> {
    const ONE: &str = "SELECT hash FROM node WHERE log_no = $1 AND level = $2 AND idx = $3";
    let one = sqlx::query(ONE)
        .bind(log)
        .bind(i16::from(level))
        .bind(index.cast_signed());
    let row = one.fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

fn log_row(log: &PgRow, frontier: &Frontier, walk: &mut Walk<'_>) -> Result<(), StoreError> {
    let (size, peaks): (i64, Vec<u8>) = (log.try_get(3)?, log.try_get(4)?);
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
    connection: &mut PgConnection,
    log: i32,
    kept: u64,
    walk: &mut Walk<'_>,
) -> Result<(), StoreError> {
    for (size, note) in checkpoints(connection, log, walk.size(), i64::MAX.cast_unsigned()).await? {
        walk.checkpoint(size, &note);
    }
    const COUNTS: &str = "SELECT (SELECT count(*) FROM node WHERE log_no = $1), \
        (SELECT count(*) FROM checkpoint WHERE log_no = $1 AND size < 1)";
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
    connection: &mut PgConnection,
    report: &mut VerifyReport,
    progress: &mut impl FnMut(),
) -> Result<(), StoreError> {
    const ALL: &str = "SELECT e.id, e.sealed, l.entry, g.origin, e.leaf_index FROM exchange e \
        LEFT JOIN leaf l ON l.log_no = e.log_no AND l.idx = e.leaf_index \
        LEFT JOIN log g ON g.no = e.log_no ORDER BY e.id";
    let mut rows = sqlx::query(ALL).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        progress();
        let id = id_of(&row, 0);
        let leaf = row.try_get::<Option<&[u8]>, _>(2)?;
        let leaf: Option<Value> = leaf.and_then(|entry| serde_json::from_slice(entry).ok());
        let says = |name: &str| leaf.as_ref().and_then(|leaf| leaf.get(name)?.as_str());
        let log: &str = row.try_get::<Option<&str>, _>(3)?.unwrap_or("?");
        let index = row.try_get::<i64, _>(4)?.cast_unsigned();
        if says("exchange") != Some(id.as_str()) || says("kind") != Some("EXCHANGE_ACCEPTED") {
            let text =
                format!("log {log}: leaf {index} does not record exchange {id}, whose row points at it");
            report.leaf_fault(log, index, text);
        } else if says("sealed_sha256") != Some(&sha256(row.try_get(1)?).to_string()) {
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
    connection: &mut PgConnection,
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
    connection: &mut PgConnection,
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
        let entry = row.try_get::<Option<&[u8]>, _>(3)?;
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
        if !row.try_get::<bool, _>(1)? {
            report.fault(format!("delivery {id} belongs to no exchange"));
        }
        let collected: bool = row.try_get(2)?;
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

fn id_of(row: &PgRow, column: usize) -> String {
    row.try_get::<Uuid, _>(column).unwrap_or_default().to_string()
}
