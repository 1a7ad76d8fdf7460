//! Reads of exchanges and mailboxes, one query a function.

use std::collections::HashMap;

use sendhub_domain::agency::AgencyId;
use sendhub_domain::exchange::{
    CaseId, DeliveryId, DeliveryState, ExchangeId, ExchangeKind, HubNoticeCode, RequestId,
};
use sendhub_domain::person::SubjectId;
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};
use uuid::Uuid;

use super::decode::{agency_id, bytes, code, code_if_any, count, date_if_any, instant, instant_if_any};
use crate::reads::{DeliveryRecord, ExchangeRecord, InboxPage, TransferList};
use crate::store::StoreError;

/// The columns of an exchange, `sealed` last so that lists can put an empty one in its place.
macro_rules! exchange_columns {
    ($sealed:literal) => {
        concat!(
            "e.id, e.kind, e.sender, e.request_id, e.subject, e.accepted_at, e.due_on, e.header, \
             l.origin, e.leaf_index, e.tree_size, e.case_id, ",
            $sealed
        )
    };
}
pub(super) use exchange_columns;

macro_rules! delivery_columns {
    () => {
        "d.id, d.exchange, d.kind, d.recipient, d.sender, d.state, d.case_reference, d.due_on, d.size_bytes, \
         d.created_at, d.collected_at, d.ended_at, d.notice, d.notice_on, \
         (SELECT e.case_id FROM exchange e WHERE e.id = d.exchange)"
    };
}
pub(super) use delivery_columns;

pub(super) async fn exchange(
    connection: &mut PgConnection,
    id: ExchangeId,
) -> Result<Option<ExchangeRecord>, StoreError> {
    const ONE: &str = concat!(
        "SELECT ",
        exchange_columns!("e.sealed"),
        " FROM exchange e JOIN log l ON l.no = e.log_no WHERE e.id = $1"
    );
    let row = sqlx::query(ONE).bind(id.0).fetch_optional(connection).await?;
    row.map(|row| exchange_record(&row)).transpose()
}

pub(super) async fn accepted(
    connection: &mut PgConnection,
    sender: &AgencyId,
    request: RequestId,
) -> Result<Option<(ExchangeId, [u8; 32])>, StoreError> {
    const ONE: &str = "SELECT exchange, digest FROM request WHERE sender = $1 AND request_id = $2";
    let row = sqlx::query(ONE)
        .bind(sender.as_str().to_owned())
        .bind(request.0)
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok((ExchangeId(row.try_get(0)?), bytes(&row, 1)?)))
        .transpose()
}

pub(super) async fn deliveries_of(
    connection: &mut PgConnection,
    id: ExchangeId,
) -> Result<Vec<DeliveryRecord>, StoreError> {
    const ALL: &str = concat!(
        "SELECT ",
        delivery_columns!(),
        " FROM delivery d WHERE d.exchange = $1 AND d.kind <> 'HUB_NOTICE' ORDER BY d.id"
    );
    let rows = sqlx::query(ALL).bind(id.0).fetch_all(connection).await?;
    rows.iter().map(delivery_record).collect()
}

pub(super) async fn deliveries(
    connection: &mut PgConnection,
    recipient: &AgencyId,
    ids: &[DeliveryId],
) -> Result<Vec<DeliveryRecord>, StoreError> {
    const NAMED: &str = concat!(
        "SELECT ",
        delivery_columns!(),
        " FROM unnest($1::uuid[]) q(id) JOIN delivery d ON d.id = q.id"
    );
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let mut found = HashMap::new();
    for row in sqlx::query(NAMED).bind(names).fetch_all(connection).await? {
        let record = delivery_record(&row)?;
        if record.recipient == *recipient {
            found.insert(record.delivery, record);
        }
    }
    // In the order asked, and each as often as it was asked for.
    Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
}

pub(super) async fn inbox(
    connection: &mut PgConnection,
    recipient: &AgencyId,
    after: Option<DeliveryId>,
    limit: u32,
) -> Result<InboxPage, StoreError> {
    const PAGE: &str = concat!(
        "SELECT ",
        delivery_columns!(),
        " FROM delivery d WHERE d.recipient = $1 AND d.ended_at IS NULL AND d.id > $2 ORDER BY d.id LIMIT $3"
    );
    let after = after.map_or(Uuid::nil(), |delivery| delivery.0);
    let rows = sqlx::query(PAGE)
        .bind(recipient.as_str().to_owned())
        .bind(after)
        .bind(i64::from(limit) + 1)
        .fetch_all(connection)
        .await?;
    let (more, rows) = cut(&rows, limit);
    Ok(InboxPage {
        deliveries: rows.iter().map(delivery_record).collect::<Result<_, _>>()?,
        more,
    })
}

pub(super) async fn sent(
    connection: &mut PgConnection,
    sender: &AgencyId,
    kind: Option<ExchangeKind>,
    before: Option<ExchangeId>,
    limit: u32,
) -> Result<TransferList, StoreError> {
    const ALL: &str = concat!(
        "SELECT ",
        exchange_columns!("''::bytea"),
        " FROM exchange e JOIN log l ON l.no = e.log_no WHERE e.sender = $1 AND e.id < $2 \
         ORDER BY e.id DESC LIMIT $3"
    );
    const TRANSFERS: &str = concat!(
        "SELECT ",
        exchange_columns!("''::bytea"),
        " FROM exchange e JOIN log l ON l.no = e.log_no WHERE e.sender = $1 AND e.id < $2 AND e.kind = $4 \
         ORDER BY e.id DESC LIMIT $3"
    );
    // Said twice so that the partial index may be used.
    const OF_KIND: &str = concat!(
        "SELECT ",
        exchange_columns!("''::bytea"),
        " FROM exchange e JOIN log l ON l.no = e.log_no WHERE e.sender = $1 AND e.kind = $4 \
         AND e.kind <> 'TRANSFER' AND e.id < $2 ORDER BY e.id DESC LIMIT $3"
    );
    let text = match kind {
        None => ALL,
        Some(ExchangeKind::Transfer) => TRANSFERS,
        Some(_) => OF_KIND,
    };
    // The largest UUID is not of any version, so nothing is lost by "less than".
    let before = before.map_or(Uuid::max(), |exchange| exchange.0);
    let mut query = sqlx::query(text)
        .bind(sender.as_str().to_owned())
        .bind(before)
        .bind(i64::from(limit) + 1);
    if let Some(kind) = kind {
        query = query.bind(kind.code());
    }
    let rows = query.fetch_all(connection).await?;
    let (more, rows) = cut(&rows, limit);
    Ok(TransferList {
        exchanges: rows.iter().map(exchange_record).collect::<Result<_, _>>()?,
        more,
    })
}

/// One row more than asked was read: whether it was there says whether there is more.
pub(super) fn cut(rows: &[PgRow], limit: u32) -> (bool, &[PgRow]) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    (rows.len() > limit, &rows[..rows.len().min(limit)])
}

pub(super) async fn unclaimed(
    connection: &mut PgConnection,
    tags: &[[u8; 16]],
    limit: u32,
) -> Result<Vec<ExchangeRecord>, StoreError> {
    // Candidates by the first tag; the others must be there too.
    const FOUND: &str = concat!(
        "SELECT ",
        exchange_columns!("e.sealed"),
        " FROM unclaimed_tag t JOIN unclaimed u ON u.exchange = t.exchange AND u.claimed_at IS NULL \
         JOIN exchange e ON e.id = t.exchange JOIN log l ON l.no = e.log_no \
         WHERE t.tag = $1[1] AND NOT EXISTS (SELECT 1 FROM unnest($1) n(tag) WHERE NOT EXISTS ( \
            SELECT 1 FROM unclaimed_tag o WHERE o.tag = n.tag AND o.exchange = t.exchange)) \
         ORDER BY e.id LIMIT $2"
    );
    // A search for nothing in particular finds nothing.
    if tags.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(FOUND)
        .bind(tags.iter().map(|tag| &tag[..]).collect::<Vec<_>>())
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?;
    rows.iter().map(exchange_record).collect()
}

pub(super) async fn import_report(
    connection: &mut PgConnection,
    id: DeliveryId,
) -> Result<Option<Vec<u8>>, StoreError> {
    const ONE: &str = "SELECT sealed FROM import_report WHERE delivery = $1";
    let row = sqlx::query(ONE).bind(id.0).fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

pub(super) fn exchange_record(row: &PgRow) -> Result<ExchangeRecord, StoreError> {
    Ok(ExchangeRecord {
        exchange: ExchangeId(row.try_get(0)?),
        kind: code(row, 1, "exchange kind", ExchangeKind::from_code)?,
        sender: agency_id(row, 2)?,
        request: RequestId(row.try_get(3)?),
        subject: SubjectId(bytes(row, 4)?),
        accepted_at: instant(row, 5)?,
        due_on: date_if_any(row, 6)?,
        header: row.try_get(7)?,
        log: row.try_get(8)?,
        leaf_index: count(row, 9)?,
        tree_size: count(row, 10)?,
        case: row.try_get::<Option<Uuid>, _>(11)?.map(CaseId),
        sealed: row.try_get(12)?,
    })
}

pub(super) fn delivery_record(row: &PgRow) -> Result<DeliveryRecord, StoreError> {
    Ok(DeliveryRecord {
        delivery: DeliveryId(row.try_get(0)?),
        exchange: ExchangeId(row.try_get(1)?),
        kind: code(row, 2, "exchange kind", ExchangeKind::from_code)?,
        recipient: agency_id(row, 3)?,
        sender: agency_id(row, 4)?,
        state: code(row, 5, "delivery state", DeliveryState::from_code)?,
        case_reference: row.try_get(6)?,
        due_on: date_if_any(row, 7)?,
        size_bytes: count(row, 8)?,
        created_at: instant(row, 9)?,
        collected_at: instant_if_any(row, 10)?,
        ended_at: instant_if_any(row, 11)?,
        notice: code_if_any(row, 12, "notice", HubNoticeCode::from_code)?,
        notice_on: date_if_any(row, 13)?,
        case: row.try_get::<Option<Uuid>, _>(14)?.map(CaseId),
    })
}
