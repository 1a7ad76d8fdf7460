//! Auditors' reads: logs, entries, checkpoints and the hashes that proofs are made of.

use sendhub_ledger::hash::Hash;
use sendhub_ledger::proof::{ConsistencyProof, InclusionProof, Nodes, needed};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Postgres, QueryBuilder, Row as _};

use super::decode::{bytes, count};
use super::native::Instant;
use crate::reads::{CheckpointRow, EventFilter, EventRow, LogSummary};
use crate::store::StoreError;

pub(super) async fn logs(connection: &mut PgConnection, own: i32) -> Result<Vec<LogSummary>, StoreError> {
    const ALL: &str = "SELECT origin, verifier_key, size FROM log ORDER BY no <> $1, no";
    let rows = sqlx::query(ALL).bind(own).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            Ok(LogSummary {
                origin: row.try_get(0)?,
                verifier_key: row.try_get(1)?,
                size: count(row, 2)?,
            })
        })
        .collect()
}

pub(super) async fn events(
    connection: &mut PgConnection,
    filter: &EventFilter,
) -> Result<Vec<EventRow>, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new(
        "SELECT g.origin, l.idx, l.hash, l.entry FROM leaf l JOIN log g ON g.no = l.log_no WHERE TRUE",
    );
    if let Some(log) = &filter.log {
        query.push(" AND l.log_no = (SELECT no FROM log WHERE origin = ");
        query.push_bind(log.as_str()).push(")");
    }
    if let Some(subject) = &filter.subject {
        query.push(" AND l.subject = ").push_bind(&subject.0[..]);
    }
    if let Some(exchange) = &filter.exchange {
        query.push(" AND l.exchange = ").push_bind(exchange.0);
    }
    if let Some(agency) = &filter.agency {
        query.push(" AND l.agency = ").push_bind(agency.as_str());
    }
    if let Some(kind) = &filter.kind {
        query.push(" AND l.kind = ").push_bind(kind.as_str());
    }
    if let Some(from) = filter.from {
        query.push(" AND l.at >= ").push_bind(Instant(from));
    }
    if let Some(until) = filter.until {
        query.push(" AND l.at < ").push_bind(Instant(until));
    }
    if let Some((log, index)) = &filter.after {
        query.push(" AND (l.log_no, l.idx) > ((SELECT no FROM log WHERE origin = ");
        query.push_bind(log.as_str()).push("), ");
        query.push_bind(index.cast_signed()).push(")");
    }
    query.push(" ORDER BY l.log_no, l.idx LIMIT ");
    query.push_bind(i64::from(filter.limit));
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(event_row).collect()
}

pub(super) async fn event(
    connection: &mut PgConnection,
    log: &str,
    index: u64,
) -> Result<Option<EventRow>, StoreError> {
    const ONE: &str = "SELECT g.origin, l.idx, l.hash, l.entry FROM leaf l JOIN log g ON g.no = l.log_no \
        WHERE g.origin = $1 AND l.idx = $2";
    let row = sqlx::query(ONE)
        .bind(log.to_owned())
        .bind(index.cast_signed())
        .fetch_optional(connection)
        .await?;
    row.map(|row| event_row(&row)).transpose()
}

fn event_row(row: &PgRow) -> Result<EventRow, StoreError> {
    Ok(EventRow {
        log: row.try_get(0)?,
        index: count(row, 1)?,
        hash: bytes(row, 2)?,
        entry: row.try_get(3)?,
    })
}

pub(super) async fn checkpoint(
    connection: &mut PgConnection,
    log: &str,
    size: Option<u64>,
) -> Result<Option<CheckpointRow>, StoreError> {
    const NEWEST: &str = "SELECT g.origin, c.size, c.note FROM log g JOIN checkpoint c ON c.log_no = g.no \
        WHERE g.origin = $1 ORDER BY c.size DESC LIMIT 1";
    const OF_SIZE: &str = "SELECT g.origin, c.size, c.note FROM log g JOIN checkpoint c ON c.log_no = g.no \
        WHERE g.origin = $1 AND c.size = $2";
    let query = match size {
        None => sqlx::query(NEWEST).bind(log.to_owned()),
        Some(size) => sqlx::query(OF_SIZE).bind(log.to_owned()).bind(size.cast_signed()),
    };
    let row = query.fetch_optional(connection).await?;
    row.map(|row| {
        Ok(CheckpointRow {
            log: row.try_get(0)?,
            size: count(&row, 1)?,
            note: row.try_get(2)?,
        })
    })
    .transpose()
}

/// A log's number; `None` when there is no such log or it has not that many entries.
async fn log_with(connection: &mut PgConnection, log: &str, size: u64) -> Result<Option<i32>, StoreError> {
    let row = sqlx::query("SELECT no FROM log WHERE origin = $1 AND size >= $2")
        .bind(log.to_owned())
        .bind(i64::try_from(size).unwrap_or(i64::MAX))
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Reads the few hundred hashes that a proof about these positions needs. Entries are never changed, so these
/// reads need no common snapshot.
async fn nodes(
    connection: &mut PgConnection,
    log: i32,
    positions: &[u64],
    size: u64,
) -> Result<Nodes, StoreError> {
    const LEAVES: &str = "SELECT idx, hash FROM leaf WHERE log_no = $1 AND idx >= $2 AND idx < $3";
    const NODES: &str =
        "SELECT idx, hash FROM node WHERE log_no = $1 AND idx >= $2 AND idx < $3 AND level = $4";
    let mut nodes = Nodes::default();
    for range in needed(positions, size) {
        let text = if range.level == 0 { LEAVES } else { NODES };
        let query = sqlx::query(text)
            .bind(log)
            .bind(range.from.cast_signed())
            .bind(range.to.cast_signed());
        let query = if range.level == 0 {
            query
        } else {
            query.bind(i16::from(range.level))
        };
        for row in query.fetch_all(&mut *connection).await? {
            nodes.insert(range.level, count(&row, 0)?, Hash(bytes(&row, 1)?));
        }
    }
    Ok(nodes)
}

pub(super) async fn prove_inclusion(
    connection: &mut PgConnection,
    log: &str,
    index: u64,
    size: u64,
) -> Result<Option<InclusionProof>, StoreError> {
    if index >= size {
        return Ok(None);
    }
    let Some(log) = log_with(connection, log, size).await? else {
        return Ok(None);
    };
    let proof = nodes(connection, log, &[index], size)
        .await?
        .prove_inclusion(index, size);
    proof
        .map(Some)
        .map_err(|error| StoreError::Ledger(error.to_string()))
}

pub(super) async fn prove_consistency(
    connection: &mut PgConnection,
    log: &str,
    old: u64,
    new: u64,
) -> Result<Option<ConsistencyProof>, StoreError> {
    if old > new {
        return Ok(None);
    }
    let Some(log) = log_with(connection, log, new).await? else {
        return Ok(None);
    };
    let proof = nodes(connection, log, &[old], new)
        .await?
        .prove_consistency(old, new);
    proof
        .map(Some)
        .map_err(|error| StoreError::Ledger(error.to_string()))
}
