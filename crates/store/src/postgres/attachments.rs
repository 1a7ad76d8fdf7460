//! Reads of attachments, one query a function.

use sendhub_domain::exchange::{AttachmentId, ExchangeId};
use sendhub_domain::person::SubjectId;
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};

use super::decode::{agency_id, bytes, count, instant};
use crate::reads::AttachmentRecord;
use crate::store::StoreError;

macro_rules! attachment_columns {
    () => {
        "a.id, a.owner, a.subject, a.media_type, a.size_bytes, a.sha256, a.place, a.wrapped_key, \
         a.master_key_id, a.created_at"
    };
}

pub(super) async fn attachment(
    connection: &mut PgConnection,
    id: AttachmentId,
) -> Result<Option<AttachmentRecord>, StoreError> {
    const ONE: &str = concat!(
        "SELECT ",
        attachment_columns!(),
        " FROM attachment a WHERE a.id = $1"
    );
    let row = sqlx::query(ONE).bind(id.0).fetch_optional(connection).await?;
    row.map(|row| record(&row)).transpose()
}

pub(super) async fn attachments_of(
    connection: &mut PgConnection,
    exchange: ExchangeId,
) -> Result<Vec<AttachmentRecord>, StoreError> {
    const ALL: &str = concat!(
        "SELECT ",
        attachment_columns!(),
        " FROM attached t JOIN attachment a ON a.id = t.attachment WHERE t.exchange = $1 ORDER BY a.id"
    );
    let rows = sqlx::query(ALL).bind(exchange.0).fetch_all(connection).await?;
    rows.iter().map(record).collect()
}

pub(super) async fn exchanges_of_attachment(
    connection: &mut PgConnection,
    id: AttachmentId,
) -> Result<Vec<ExchangeId>, StoreError> {
    const ALL: &str = "SELECT exchange FROM attached WHERE attachment = $1 ORDER BY exchange";
    let rows = sqlx::query(ALL).bind(id.0).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(ExchangeId(row.try_get(0)?))).collect()
}

fn record(row: &PgRow) -> Result<AttachmentRecord, StoreError> {
    let subject: Option<&[u8]> = row.try_get(2)?;
    Ok(AttachmentRecord {
        attachment: AttachmentId(row.try_get(0)?),
        owner: agency_id(row, 1)?,
        subject: match subject {
            Some(_) => Some(SubjectId(bytes(row, 2)?)),
            None => None,
        },
        media_type: row.try_get(3)?,
        size_bytes: count(row, 4)?,
        sha256: bytes(row, 5)?,
        place: row.try_get(6)?,
        wrapped_key: row.try_get(7)?,
        master_key_id: row.try_get(8)?,
        created_at: instant(row, 9)?,
    })
}
