//! Directory reads: the whole of it as one consistent value.

use sqlx::Row as _;
use sqlx::postgres::PgConnection;

use super::decode::count;
use crate::agency_document;
use crate::agreement_document;
use crate::directory::Directory;
use crate::store::StoreError;

pub(super) async fn revision(connection: &mut PgConnection) -> Result<u64, StoreError> {
    let row = sqlx::query("SELECT revision FROM generation WHERE id = 1")
        .fetch_one(connection)
        .await?;
    count(&row, 0)
}

pub(super) async fn directory(connection: &mut PgConnection) -> Result<Directory, StoreError> {
    // One statement, so one snapshot: the revision and the entries belong together.
    const ALL: &str = "SELECT g.revision, a.document::text, a.revision, NULL::text, NULL::bigint \
        FROM generation g LEFT JOIN agency a ON TRUE \
        UNION ALL SELECT g.revision, NULL, NULL, s.document::text, s.revision FROM generation g JOIN agreement s ON TRUE";
    let rows = sqlx::query(ALL).fetch_all(connection).await?;
    let (mut agencies, mut agreements) = (Vec::with_capacity(rows.len()), Vec::new());
    let mut revision = 0;
    for row in rows {
        revision = count(&row, 0)?;
        if let Some(text) = row.try_get::<Option<&str>, _>(1)? {
            agencies.push(agency_document::read(text, count(&row, 2)?)?);
        }
        if let Some(text) = row.try_get::<Option<&str>, _>(3)? {
            agreements.push(agreement_document::read(text, count(&row, 4)?)?);
        }
    }
    Ok(Directory::new(revision, agencies).with_agreements(agreements))
}
