//! Reads of what is recorded of people's rights, one query a function.

use sendhub_domain::exchange::RightsRecordId;
use sendhub_domain::person::SubjectId;
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};
use uuid::Uuid;

use super::decode::{agency_id, bytes, count, instant};
use super::read::{delivery_columns, delivery_record};
use crate::reads::{DeliveryRecord, RightsRecord, RightsRecords};
use crate::store::StoreError;

pub(super) async fn rights(
    connection: &mut PgConnection,
    subject: SubjectId,
) -> Result<RightsRecords, StoreError> {
    // One statement, so one snapshot: the revision and the records belong together.
    const ALL: &str = "SELECT r.id, r.subject, r.kind, r.recorded_by, r.recorded_at, r.sealed, s.revision \
        FROM subject_rights s LEFT JOIN rights_record r ON r.subject = s.subject \
        WHERE s.subject = $1 ORDER BY r.no";
    let rows = sqlx::query(ALL)
        .bind(subject.0.to_vec())
        .fetch_all(connection)
        .await?;
    let mut found = RightsRecords::default();
    for row in rows {
        found.revision = count(&row, 6)?;
        // A revision without any record can be there only in a damaged file.
        if row.try_get::<Option<Uuid>, _>(0)?.is_some() {
            found.records.push(rights_row(&row)?);
        }
    }
    Ok(found)
}

pub(super) async fn rights_record(
    connection: &mut PgConnection,
    id: RightsRecordId,
) -> Result<Option<RightsRecord>, StoreError> {
    const ONE: &str =
        "SELECT id, subject, kind, recorded_by, recorded_at, sealed FROM rights_record WHERE id = $1";
    let row = sqlx::query(ONE).bind(id.0).fetch_optional(connection).await?;
    row.map(|row| rights_row(&row)).transpose()
}

pub(super) async fn relying_on(
    connection: &mut PgConnection,
    id: RightsRecordId,
) -> Result<Vec<DeliveryRecord>, StoreError> {
    const OPEN: &str = concat!(
        "SELECT ",
        delivery_columns!(),
        " FROM relied_on r JOIN delivery d ON d.id = r.delivery AND d.ended_at IS NULL \
         WHERE r.record = $1 ORDER BY d.id"
    );
    let rows = sqlx::query(OPEN).bind(id.0).fetch_all(connection).await?;
    rows.iter().map(delivery_record).collect()
}

fn rights_row(row: &PgRow) -> Result<RightsRecord, StoreError> {
    Ok(RightsRecord {
        record: RightsRecordId(row.try_get(0)?),
        subject: SubjectId(bytes(row, 1)?),
        kind: row.try_get(2)?,
        recorded_by: agency_id(row, 3)?,
        recorded_at: instant(row, 4)?,
        sealed: row.try_get(5)?,
    })
}
