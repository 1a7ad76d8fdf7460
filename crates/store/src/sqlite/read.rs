//! The reads: directory, exchanges, inboxes, events and proofs.

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::exchange::{DeliveryId, DeliveryState, ExchangeId, ExchangeKind, RequestId};
use sendhub_domain::person::SubjectId;
use sendhub_ledger::hash::Hash;
use sendhub_ledger::proof::{ConsistencyProof, InclusionProof, Nodes, needed};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::guards::{bind_padded, padded, tag, uuid};
use super::rows::{micros, signed, unsigned};
use super::{SqliteStore, commit, subjects};
use crate::agency_document;
use crate::change::{Change, Committed, Conflict};
use crate::directory::Directory;
use crate::reads::{
    CheckpointRow, DeliveryRecord, EventFilter, EventRow, ExchangeRecord, InboxPage, LogSummary,
    SubjectFacts, TransferList,
};
use crate::store::{Store, StoreError};

const EXCHANGE: &str = "SELECT exchange.id, exchange.kind, exchange.sender, exchange.request, exchange.subject, \
     exchange.accepted_at, exchange.due_on, exchange.header, exchange.sealed, log.origin, exchange.leaf_index, \
     exchange.tree_size FROM exchange JOIN log ON log.no = exchange.log_no";
/// The same without the content.
const OUTSIDE: &str = "SELECT exchange.id, exchange.kind, exchange.sender, exchange.request, exchange.subject, \
     exchange.accepted_at, exchange.due_on, exchange.header, x'', log.origin, exchange.leaf_index, \
     exchange.tree_size FROM exchange JOIN log ON log.no = exchange.log_no";
const DELIVERY: &str = "SELECT id, exchange, kind, recipient, sender, state, case_reference, due_on, size_bytes, \
     created_at, collected_at, ended_at FROM delivery";

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, batch: Vec<Change>) -> Result<Vec<Result<Committed, Conflict>>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        commit::commit(self, batch).await
    }

    async fn directory_revision(&self) -> Result<u64, StoreError> {
        let row = sqlx::query("SELECT value FROM generation WHERE name = 'directory'")
            .fetch_one(self.readers())
            .await?;
        Ok(unsigned(row.try_get(0)?))
    }

    async fn directory(&self) -> Result<Directory, StoreError> {
        // The revision is read first: a change in between is read twice rather than missed.
        let revision = self.directory_revision().await?;
        let rows = sqlx::query("SELECT document, revision FROM agency")
            .fetch_all(self.readers())
            .await?;
        let agencies = rows
            .iter()
            .map(|row| agency_document::read(row.try_get(0)?, unsigned(row.try_get(1)?)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        Ok(Directory::new(revision, agencies))
    }

    async fn subjects(&self, groups: Vec<Vec<[u8; 16]>>) -> Result<Vec<Vec<SubjectFacts>>, StoreError> {
        self.subjects.ask(groups).await
    }

    async fn subject(&self, subject: SubjectId) -> Result<Option<SubjectFacts>, StoreError> {
        Ok(subjects::find(self.readers(), &[subject.0.to_vec()])
            .await?
            .remove(&subject.0))
    }

    async fn exchange(&self, exchange: ExchangeId) -> Result<Option<ExchangeRecord>, StoreError> {
        let row = sqlx::query(AssertSqlSafe(format!("{EXCHANGE} WHERE exchange.id = $1")))
            .bind(exchange.0.as_bytes().to_vec())
            .fetch_optional(self.readers())
            .await?;
        row.as_ref().map(exchange_record).transpose()
    }

    async fn deliveries_of(&self, exchange: ExchangeId) -> Result<Vec<DeliveryRecord>, StoreError> {
        let rows = sqlx::query(AssertSqlSafe(format!(
            "{DELIVERY} WHERE exchange = $1 ORDER BY id"
        )))
        .bind(exchange.0.as_bytes().to_vec())
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(delivery_record).collect()
    }

    async fn deliveries(
        &self,
        recipient: &AgencyId,
        deliveries: &[DeliveryId],
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        let mut found = Vec::with_capacity(deliveries.len());
        for part in deliveries.chunks(64) {
            let ids: Vec<Vec<u8>> = part.iter().map(|id| id.0.as_bytes().to_vec()).collect();
            let marks = vec!["?"; padded(ids.len())].join(",");
            let sql = format!("{DELIVERY} WHERE id IN ({marks}) AND recipient = ?");
            let rows = bind_padded(sql, &ids)
                .bind(recipient.as_str().to_owned())
                .fetch_all(self.readers())
                .await?;
            let mut records = rows.iter().map(delivery_record).collect::<Result<Vec<_>, _>>()?;
            for id in part {
                if let Some(at) = records.iter().position(|record| record.delivery == *id) {
                    found.push(records.swap_remove(at));
                }
            }
        }
        Ok(found)
    }

    async fn inbox(
        &self,
        recipient: &AgencyId,
        after: Option<DeliveryId>,
        limit: u32,
    ) -> Result<InboxPage, StoreError> {
        let sql =
            format!("{DELIVERY} WHERE recipient = $1 AND id > $2 AND ended_at IS NULL ORDER BY id LIMIT $3");
        let after = after.map(|id| id.0.as_bytes().to_vec()).unwrap_or_default();
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(recipient.as_str().to_owned())
            .bind(after)
            .bind(i64::from(limit) + 1)
            .fetch_all(self.readers())
            .await?;
        let mut deliveries = rows.iter().map(delivery_record).collect::<Result<Vec<_>, _>>()?;
        let more = deliveries.len() > limit as usize;
        deliveries.truncate(limit as usize);
        Ok(InboxPage { deliveries, more })
    }

    async fn sent(
        &self,
        sender: &AgencyId,
        before: Option<ExchangeId>,
        limit: u32,
    ) -> Result<TransferList, StoreError> {
        let sql = format!(
            "{OUTSIDE} WHERE exchange.sender = $1 AND exchange.id < $2 ORDER BY exchange.id DESC LIMIT $3"
        );
        let before = before.map_or_else(|| vec![255; 17], |id| id.0.as_bytes().to_vec());
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(sender.as_str().to_owned())
            .bind(before)
            .bind(i64::from(limit) + 1)
            .fetch_all(self.readers())
            .await?;
        let mut exchanges = rows.iter().map(exchange_record).collect::<Result<Vec<_>, _>>()?;
        let more = exchanges.len() > limit as usize;
        exchanges.truncate(limit as usize);
        Ok(TransferList { exchanges, more })
    }

    async fn unclaimed(&self, tags: &[[u8; 16]], limit: u32) -> Result<Vec<ExchangeRecord>, StoreError> {
        if tags.is_empty() {
            return Ok(Vec::new());
        }
        let mut sql = format!(
            "{OUTSIDE} JOIN unclaimed ON unclaimed.exchange = exchange.id WHERE unclaimed.claimed_by IS NULL"
        );
        for _ in tags {
            sql.push_str(" AND exchange.id IN (SELECT exchange FROM unclaimed_tag WHERE tag = ?)");
        }
        sql.push_str(" ORDER BY exchange.id LIMIT ?");
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for tag in tags {
            query = query.bind(tag.to_vec());
        }
        let rows = query.bind(i64::from(limit)).fetch_all(self.readers()).await?;
        rows.iter().map(exchange_record).collect()
    }

    async fn import_report(&self, delivery: DeliveryId) -> Result<Option<Vec<u8>>, StoreError> {
        let row = sqlx::query("SELECT sealed FROM import_report WHERE delivery = $1")
            .bind(delivery.0.as_bytes().to_vec())
            .fetch_optional(self.readers())
            .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    async fn logs(&self) -> Result<Vec<LogSummary>, StoreError> {
        let rows = sqlx::query("SELECT origin, verifier_key, size FROM log ORDER BY no <> $1, no")
            .bind(self.log_no)
            .fetch_all(self.readers())
            .await?;
        rows.iter()
            .map(|row| {
                Ok(LogSummary {
                    origin: row.try_get(0)?,
                    verifier_key: row.try_get(1)?,
                    size: unsigned(row.try_get(2)?),
                })
            })
            .collect()
    }

    async fn events(&self, filter: &EventFilter) -> Result<Vec<EventRow>, StoreError> {
        let mut sql = String::from(
            "SELECT log.origin, leaf.idx, leaf.hash, leaf.entry FROM leaf JOIN log ON log.no = leaf.log_no WHERE 1 = 1",
        );
        let mut values: Vec<Bound> = Vec::new();
        let mut also = |clause: &str, value: Bound| {
            sql.push_str(clause);
            values.push(value);
        };
        if let Some(log) = &filter.log {
            also(" AND log.origin = ?", Bound::Text(log.clone()));
        }
        if let Some(agency) = &filter.agency {
            also(" AND leaf.agency = ?", Bound::Text(agency.to_string()));
        }
        if let Some(subject) = &filter.subject {
            also(" AND leaf.subject = ?", Bound::Blob(subject.0.to_vec()));
        }
        if let Some(exchange) = &filter.exchange {
            also(
                " AND leaf.exchange = ?",
                Bound::Blob(exchange.0.as_bytes().to_vec()),
            );
        }
        if let Some(kind) = &filter.kind {
            also(" AND leaf.kind = ?", Bound::Text(kind.clone()));
        }
        if let Some(from) = filter.from {
            also(" AND leaf.at >= ?", Bound::Number(micros(from)));
        }
        if let Some(until) = filter.until {
            also(" AND leaf.at < ?", Bound::Number(micros(until)));
        }
        if let Some((log, index)) = &filter.after {
            also(
                " AND (log.no, leaf.idx) > ((SELECT no FROM log WHERE origin = ?)",
                Bound::Text(log.clone()),
            );
            also(", ?)", Bound::Number(signed(*index)));
        }
        also(
            " ORDER BY leaf.log_no, leaf.idx LIMIT ?",
            Bound::Number(i64::from(filter.limit)),
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for value in values {
            query = match value {
                Bound::Text(text) => query.bind(text),
                Bound::Blob(blob) => query.bind(blob),
                Bound::Number(number) => query.bind(number),
            };
        }
        query
            .fetch_all(self.readers())
            .await?
            .iter()
            .map(event_row)
            .collect()
    }

    async fn event(&self, log: &str, index: u64) -> Result<Option<EventRow>, StoreError> {
        let row = sqlx::query(
            "SELECT log.origin, leaf.idx, leaf.hash, leaf.entry FROM leaf JOIN log ON log.no = leaf.log_no \
             WHERE log.origin = $1 AND leaf.idx = $2",
        )
        .bind(log.to_owned())
        .bind(signed(index))
        .fetch_optional(self.readers())
        .await?;
        row.as_ref().map(event_row).transpose()
    }

    async fn checkpoint(&self, log: &str, size: Option<u64>) -> Result<Option<CheckpointRow>, StoreError> {
        let row = sqlx::query(
            "SELECT log.origin, checkpoint.size, checkpoint.note FROM checkpoint JOIN log \
             ON log.no = checkpoint.log_no WHERE log.origin = $1 AND ($2 IS NULL OR checkpoint.size = $2) \
             ORDER BY checkpoint.size DESC LIMIT 1",
        )
        .bind(log.to_owned())
        .bind(size.map(signed))
        .fetch_optional(self.readers())
        .await?;
        row.map(|row| {
            Ok(CheckpointRow {
                log: row.try_get(0)?,
                size: unsigned(row.try_get(1)?),
                note: row.try_get(2)?,
            })
        })
        .transpose()
    }

    async fn prove_inclusion(
        &self,
        log: &str,
        index: u64,
        size: u64,
    ) -> Result<Option<InclusionProof>, StoreError> {
        let Some(nodes) = self.nodes(log, &[index], size).await? else {
            return Ok(None);
        };
        Ok(nodes.prove_inclusion(index, size).ok())
    }

    async fn prove_consistency(
        &self,
        log: &str,
        old: u64,
        new: u64,
    ) -> Result<Option<ConsistencyProof>, StoreError> {
        let Some(nodes) = self.nodes(log, &[old, old.saturating_sub(1)], new).await? else {
            return Ok(None);
        };
        Ok(nodes.prove_consistency(old, new).ok())
    }
}

/// A value to bind.
enum Bound {
    Text(String),
    Blob(Vec<u8>),
    Number(i64),
}

impl SqliteStore {
    /// The stored hashes that a proof needs; `None` when the log has no such size.
    async fn nodes(&self, log: &str, positions: &[u64], size: u64) -> Result<Option<Nodes>, StoreError> {
        let row = sqlx::query("SELECT no, size FROM log WHERE origin = $1")
            .bind(log.to_owned())
            .fetch_optional(self.readers())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let (no, known): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        if size > unsigned(known) {
            return Ok(None);
        }
        let mut nodes = Nodes::default();
        for range in needed(positions, size) {
            let sql = if range.level == 0 {
                "SELECT idx, hash FROM leaf WHERE log_no = $1 AND idx >= $2 AND idx < $3 AND $4 = 0"
            } else {
                "SELECT idx, hash FROM node WHERE log_no = $1 AND idx >= $2 AND idx < $3 AND level = $4"
            };
            let rows = sqlx::query(sql)
                .bind(no)
                .bind(signed(range.from))
                .bind(signed(range.to))
                .bind(i64::from(range.level))
                .fetch_all(self.readers())
                .await?;
            for row in rows {
                let hash = Hash::from_slice(row.try_get(1)?).map_err(|_| StoreError::Corrupt("hash"))?;
                nodes.insert(range.level, unsigned(row.try_get(0)?), hash);
            }
        }
        Ok(Some(nodes))
    }
}

fn event_row(row: &SqliteRow) -> Result<EventRow, StoreError> {
    Ok(EventRow {
        log: row.try_get(0)?,
        index: unsigned(row.try_get(1)?),
        hash: row
            .try_get::<Vec<u8>, _>(2)?
            .try_into()
            .map_err(|_| StoreError::Corrupt("hash"))?,
        entry: row.try_get(3)?,
    })
}

fn exchange_record(row: &SqliteRow) -> Result<ExchangeRecord, StoreError> {
    Ok(ExchangeRecord {
        exchange: ExchangeId(uuid(row.try_get(0)?)?),
        kind: ExchangeKind::from_code(row.try_get(1)?).ok_or(StoreError::Corrupt("kind"))?,
        sender: agency(row.try_get(2)?)?,
        request: RequestId(uuid(row.try_get(3)?)?),
        subject: SubjectId(tag(row.try_get(4)?)?),
        accepted_at: instant(row.try_get(5)?)?,
        due_on: day(row.try_get(6)?)?,
        header: row.try_get(7)?,
        sealed: row.try_get(8)?,
        log: row.try_get(9)?,
        leaf_index: unsigned(row.try_get(10)?),
        tree_size: unsigned(row.try_get(11)?),
    })
}

fn delivery_record(row: &SqliteRow) -> Result<DeliveryRecord, StoreError> {
    Ok(DeliveryRecord {
        delivery: DeliveryId(uuid(row.try_get(0)?)?),
        exchange: ExchangeId(uuid(row.try_get(1)?)?),
        kind: ExchangeKind::from_code(row.try_get(2)?).ok_or(StoreError::Corrupt("kind"))?,
        recipient: agency(row.try_get(3)?)?,
        sender: agency(row.try_get(4)?)?,
        state: DeliveryState::from_code(row.try_get(5)?).ok_or(StoreError::Corrupt("state"))?,
        case_reference: row.try_get(6)?,
        due_on: day(row.try_get(7)?)?,
        size_bytes: unsigned(row.try_get(8)?),
        created_at: instant(row.try_get(9)?)?,
        collected_at: row.try_get::<Option<i64>, _>(10)?.map(instant).transpose()?,
        ended_at: row.try_get::<Option<i64>, _>(11)?.map(instant).transpose()?,
    })
}

fn agency(text: &str) -> Result<AgencyId, StoreError> {
    AgencyId::parse(text).map_err(|_| StoreError::Corrupt("agency id"))
}

fn instant(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(|_| StoreError::Corrupt("time"))
}

fn day(text: Option<String>) -> Result<Option<Date>, StoreError> {
    text.map(|text| text.parse())
        .transpose()
        .map_err(|_| StoreError::Corrupt("date"))
}
