//! Reads of cases, one query a function.

use sendhub_domain::agency::AgencyId;
use sendhub_domain::exchange::{CaseId, CaseKind};
use sendhub_domain::person::SubjectId;
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};
use uuid::Uuid;

use super::decode::{agency_id, bytes, code, instant};
use super::read::{cut, exchange_columns, exchange_record};
use crate::reads::{CaseList, CaseRecord, ExchangeRecord};
use crate::store::StoreError;

macro_rules! case_columns {
    () => {
        "c.id, c.kind, c.owner, c.subject, c.case_reference, c.steps, c.opened_at"
    };
}

pub(super) async fn case(
    connection: &mut PgConnection,
    id: CaseId,
) -> Result<Option<CaseRecord>, StoreError> {
    const ONE: &str = concat!("SELECT ", case_columns!(), " FROM case_record c WHERE c.id = $1");
    let row = sqlx::query(ONE).bind(id.0).fetch_optional(connection).await?;
    row.map(|row| case_record(&row)).transpose()
}

pub(super) async fn case_exchanges(
    connection: &mut PgConnection,
    id: CaseId,
) -> Result<Vec<ExchangeRecord>, StoreError> {
    // In the order of the commits: the ids are of several clocks.
    const ALL: &str = concat!(
        "SELECT ",
        exchange_columns!("e.sealed"),
        " FROM exchange e JOIN log l ON l.no = e.log_no WHERE e.case_id = $1 ORDER BY e.case_no"
    );
    let rows = sqlx::query(ALL).bind(id.0).fetch_all(connection).await?;
    rows.iter().map(exchange_record).collect()
}

pub(super) async fn cases(
    connection: &mut PgConnection,
    agency: &AgencyId,
    kind: CaseKind,
    before: Option<CaseId>,
    limit: u32,
) -> Result<CaseList, StoreError> {
    // Each way to take part has an index of its own. A notice of the hub is no copy.
    const PAGE: &str = concat!(
        "SELECT ",
        case_columns!(),
        " FROM case_record c WHERE c.kind = $2 AND c.id < $3 AND c.id IN (\
           SELECT o.id FROM case_record o WHERE o.owner = $1 AND o.kind = $2 \
           UNION SELECT e.case_id FROM exchange e \
             WHERE e.sender = $1 AND e.kind <> 'TRANSFER' AND e.case_id IS NOT NULL \
           UNION SELECT e.case_id FROM delivery d JOIN exchange e ON e.id = d.exchange \
             WHERE d.recipient = $1 AND d.kind <> 'TRANSFER' AND d.kind <> 'HUB_NOTICE' AND e.case_id IS NOT NULL\
         ) ORDER BY c.id DESC LIMIT $4"
    );
    let before = before.map_or(Uuid::max(), |case| case.0);
    let rows = sqlx::query(PAGE)
        .bind(agency.as_str().to_owned())
        .bind(kind.code())
        .bind(before)
        .bind(i64::from(limit) + 1)
        .fetch_all(connection)
        .await?;
    let (more, rows) = cut(&rows, limit);
    Ok(CaseList {
        cases: rows.iter().map(case_record).collect::<Result<_, _>>()?,
        more,
    })
}

fn case_record(row: &PgRow) -> Result<CaseRecord, StoreError> {
    Ok(CaseRecord {
        case: CaseId(row.try_get(0)?),
        kind: code(row, 1, "case kind", CaseKind::from_code)?,
        owner: agency_id(row, 2)?,
        subject: SubjectId(bytes(row, 3)?),
        case_reference: row.try_get(4)?,
        steps: row
            .try_get::<i32, _>(5)?
            .try_into()
            .map_err(|_| StoreError::Corrupt("case"))?,
        opened_at: instant(row, 6)?,
    })
}
