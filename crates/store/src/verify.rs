//! Offline verification of a whole database: every leaf, checkpoint, kept node, payload and delivery, without
//! any key but the logs' public ones.

use std::collections::HashMap;
use std::path::Path;

use sendhub_ledger::checkpoint::VerifierKey;
use sendhub_ledger::hash::{Hash, sha256};
use sendhub_ledger::tree::Frontier;
use sendhub_ledger::verify::LogVerifier;
use sqlx::Row as _;
use sqlx::sqlite::SqlitePool;

use crate::sqlite::open_read_only;
use crate::store::StoreError;

/// How many rows are read at a time: memory stays bounded whatever the history.
const PAGE: i64 = 512;
/// How many faults are listed; all are counted.
const LISTED: usize = 100;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Each log with its size and root.
    pub logs: Vec<VerifiedLog>,
    /// Exchanges whose sealed content fits its leaf.
    pub exchanges: u64,
    /// Deliveries looked at.
    pub deliveries: u64,
    /// How many faults there are.
    pub fault_count: u64,
    /// The first of them, in order, each naming its log and leaf.
    pub faults: Vec<String>,
}

/// One log as verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedLog {
    /// Its origin.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// The root that the leaves give.
    pub root: Hash,
    /// Checkpoints that hold.
    pub checkpoints: u64,
}

impl VerifyReport {
    fn fault(&mut self, text: String) {
        self.fault_count += 1;
        if self.faults.len() < LISTED {
            self.faults.push(text);
        }
    }
}

/// Verifies the SQLite database at a path. `keys` are verifier keys obtained elsewhere, in text form: a log
/// whose key is among them is judged by that one, any other by the key that the database itself names, which
/// proves consistency but not that the database's owner did not begin anew.
///
/// # Errors
/// [`StoreError`] when the database cannot be read at all; faults in it stand in the report.
pub async fn verify_sqlite(
    path: &Path,
    keys: &[VerifierKey],
    mut progress: impl FnMut(u64),
) -> Result<VerifyReport, StoreError> {
    let pool = open_read_only(path).await?;
    let mut report = VerifyReport::default();
    let logs = sqlx::query("SELECT no, origin, verifier_key, size, peaks FROM log ORDER BY no")
        .fetch_all(&pool)
        .await?;
    for log in &logs {
        let (no, origin): (i64, String) = (log.try_get(0)?, log.try_get(1)?);
        let key = match keys.iter().find(|key| key.name() == origin) {
            Some(key) => key.clone(),
            None => match VerifierKey::parse(log.try_get(2)?) {
                Ok(key) => key,
                Err(error) => {
                    report.fault(format!("log {origin}: its verifier key: {error}"));
                    continue;
                }
            },
        };
        let size: i64 = log.try_get(3)?;
        let peaks: Vec<u8> = log.try_get(4)?;
        let walked = walk_log(&pool, no, &origin, key, &mut report, &mut progress).await?;
        if u64::try_from(size) != Ok(walked.size()) {
            report.fault(format!(
                "log {origin}: says it has {size} leaves, but {} are there",
                walked.size()
            ));
        }
        let kept: Vec<u8> = walked.peaks().iter().flat_map(|peak| peak.0).collect();
        if kept != peaks {
            report.fault(format!(
                "log {origin}: its stored frontier does not fit its leaves"
            ));
        }
    }
    verify_exchanges(&pool, &mut report).await?;
    verify_deliveries(&pool, &mut report).await?;
    pool.close().await;
    Ok(report)
}

async fn walk_log(
    pool: &SqlitePool,
    no: i64,
    origin: &str,
    key: VerifierKey,
    report: &mut VerifyReport,
    progress: &mut impl FnMut(u64),
) -> Result<Frontier, StoreError> {
    let mut verifier = LogVerifier::new(key);
    let mut frontier = Frontier::default();
    let mut notes = sqlx::query("SELECT size, note FROM checkpoint WHERE log_no = $1 ORDER BY size")
        .bind(no)
        .fetch_all(pool)
        .await?
        .into_iter()
        .peekable();
    let mut nodes: HashMap<(u8, u64), Vec<u8>> = HashMap::new();
    for row in sqlx::query("SELECT level, idx, hash FROM node WHERE log_no = $1")
        .bind(no)
        .fetch_all(pool)
        .await?
    {
        let (level, index): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let place = (
            u8::try_from(level).unwrap_or(u8::MAX),
            u64::try_from(index).unwrap_or(u64::MAX),
        );
        nodes.insert(place, row.try_get(2)?);
    }
    let (mut checkpoints, mut next) = (0, 0_i64);
    loop {
        let rows = sqlx::query(
            "SELECT idx, entry, hash FROM leaf WHERE log_no = $1 AND idx >= $2 ORDER BY idx LIMIT $3",
        )
        .bind(no)
        .bind(next)
        .bind(PAGE)
        .fetch_all(pool)
        .await?;
        let Some(last) = rows.last() else { break };
        next = last.try_get::<i64, _>(0)?.saturating_add(1);
        for row in &rows {
            let index = u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or(u64::MAX);
            let entry: Vec<u8> = row.try_get(1)?;
            let claimed = Hash::from_slice(row.try_get(2)?).unwrap_or(Hash([0; 32]));
            if let Err(misfit) = verifier.leaf(index, &entry, &claimed) {
                report.fault(format!("log {origin}: {misfit}"));
            }
            let appended = frontier.append(&[sendhub_ledger::hash::leaf_hash(&entry)]);
            for (level, place, hash) in appended.kept_nodes() {
                if nodes.remove(&(level, place)).as_deref() != Some(hash.0.as_slice()) {
                    report.fault(format!(
                        "log {origin}: the kept hash of leaves {} to {index} does not fit them",
                        place << level
                    ));
                }
            }
            frontier = appended.frontier().clone();
            while let Some(note) =
                notes.next_if(|note| note.try_get(0).ok() == i64::try_from(verifier.size()).ok())
            {
                match verifier.checkpoint(verifier.size(), note.try_get(1)?) {
                    Ok(()) => checkpoints += 1,
                    Err(misfit) => report.fault(format!("log {origin}: {misfit}")),
                }
            }
        }
        progress(verifier.size());
    }
    for note in notes {
        let size: i64 = note.try_get(0)?;
        report.fault(format!(
            "log {origin}: a checkpoint of size {size} fits no place in the log"
        ));
    }
    if !nodes.is_empty() {
        report.fault(format!(
            "log {origin}: {} kept hashes fit no place in the log",
            nodes.len()
        ));
    }
    if verifier.unsigned() > 0 {
        report.fault(format!(
            "log {origin}: the last {} leaves are not signed",
            verifier.unsigned()
        ));
    }
    report.logs.push(VerifiedLog {
        origin: origin.to_owned(),
        size: verifier.size(),
        root: verifier.root(),
        checkpoints,
    });
    Ok(frontier)
}

async fn verify_exchanges(pool: &SqlitePool, report: &mut VerifyReport) -> Result<(), StoreError> {
    let mut after: i64 = 0;
    loop {
        let rows = sqlx::query(
            "SELECT exchange.rowid, exchange.id, exchange.sealed, leaf.entry, log.origin, exchange.leaf_index \
             FROM exchange LEFT JOIN leaf ON leaf.log_no = exchange.log_no AND leaf.idx = exchange.leaf_index \
             LEFT JOIN log ON log.no = exchange.log_no WHERE exchange.rowid > $1 ORDER BY exchange.rowid LIMIT $2",
        )
        .bind(after)
        .bind(PAGE)
        .fetch_all(pool)
        .await?;
        let Some(last) = rows.last() else { break };
        after = last.try_get(0)?;
        for row in &rows {
            let id = uuid::Uuid::from_slice(row.try_get(1)?).unwrap_or_default();
            let sealed: Vec<u8> = row.try_get(2)?;
            let entry: Option<Vec<u8>> = row.try_get(3)?;
            let (origin, index): (Option<String>, i64) = (row.try_get(4)?, row.try_get(5)?);
            let place = format!("log {}: leaf {index}", origin.unwrap_or_else(|| "?".into()));
            let leaf: Option<serde_json::Value> = entry.and_then(|entry| serde_json::from_slice(&entry).ok());
            let named = |name: &str| {
                leaf.as_ref()
                    .and_then(|leaf| leaf.get(name)?.as_str().map(str::to_owned))
            };
            if named("exchange") != Some(id.to_string()) {
                report.fault(format!(
                    "{place} does not record exchange {id}, whose row points at it"
                ));
            } else if named("sealed_sha256") != Some(sha256(&sealed).to_string()) {
                report.fault(format!("{place}: the payload of exchange {id} was changed"));
            } else {
                report.exchanges += 1;
            }
        }
    }
    let missing = sqlx::query(
        "SELECT log.origin, leaf.idx FROM leaf JOIN log ON log.no = leaf.log_no LEFT JOIN exchange \
         ON exchange.id = leaf.exchange WHERE leaf.kind = 'EXCHANGE_ACCEPTED' AND exchange.id IS NULL \
         ORDER BY leaf.log_no, leaf.idx LIMIT 100",
    )
    .fetch_all(pool)
    .await?;
    for row in missing {
        let (origin, index): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        report.fault(format!(
            "log {origin}: leaf {index} records an exchange that is not there"
        ));
    }
    Ok(())
}

async fn verify_deliveries(pool: &SqlitePool, report: &mut VerifyReport) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT count(*) FROM delivery")
        .fetch_one(pool)
        .await?;
    report.deliveries = u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0);
    for (sql, says) in [
        (
            "SELECT delivery.id FROM delivery LEFT JOIN exchange ON exchange.id = delivery.exchange \
             WHERE exchange.id IS NULL LIMIT 100",
            "belongs to no exchange",
        ),
        (
            "SELECT delivery.id FROM delivery WHERE collected_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM leaf \
             WHERE leaf.exchange = delivery.exchange AND leaf.kind = 'DISCLOSED') LIMIT 100",
            "was handed over, but no leaf records it",
        ),
    ] {
        for row in sqlx::query(sql).fetch_all(pool).await? {
            let id = uuid::Uuid::from_slice(row.try_get(0)?).unwrap_or_default();
            report.fault(format!("delivery {id} {says}"));
        }
    }
    Ok(())
}
