//! Reads of clocks with their exceptions, one query a function.

use jiff::civil::Date;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::calendar::Certainty;
use sendhub_domain::exchange::{CaseId, ClockId, ExchangeId};
use sendhub_domain::person::SubjectId;
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};
use uuid::Uuid;

use super::decode::{agency_id, bytes, code, date, date_if_any, instant};
use super::native::Day;
use crate::change::ClockState;
use crate::reads::{ClockException, ClockRecord};
use crate::store::StoreError;

/// The clocks that a query over `clock` chooses, in its order, each with its exceptions in one row each.
macro_rules! clocks {
    ($choice:literal, $order:literal) => {
        concat!(
            "SELECT c.id, c.exchange, c.case_id, c.subject, c.rule, c.started_on, c.due_on, c.basis, \
             c.certainty, c.provision, c.owed_by, c.told, c.case_reference, c.state, c.next_notice_on, \
             c.ended_on, c.created_at, \
             x.ground, x.from_on, x.until_on, x.recorded_by, x.recorded_on, x.evidence \
             FROM (SELECT * FROM clock WHERE ",
            $choice,
            ") c LEFT JOIN clock_exception x ON x.clock = c.id ORDER BY ",
            $order,
            ", x.no"
        )
    };
}

pub(super) async fn clock(
    connection: &mut PgConnection,
    id: ClockId,
) -> Result<Option<ClockRecord>, StoreError> {
    const ONE: &str = clocks!("id = $1", "c.id");
    let rows = sqlx::query(ONE).bind(id.0).fetch_all(connection).await?;
    Ok(records(&rows)?.pop())
}

pub(super) async fn clocks_of_case(
    connection: &mut PgConnection,
    case: CaseId,
) -> Result<Vec<ClockRecord>, StoreError> {
    const ALL: &str = clocks!("case_id = $1", "c.id");
    records(&sqlx::query(ALL).bind(case.0).fetch_all(connection).await?)
}

pub(super) async fn clocks_of_exchange(
    connection: &mut PgConnection,
    exchange: ExchangeId,
) -> Result<Vec<ClockRecord>, StoreError> {
    const ALL: &str = clocks!("exchange = $1", "c.id");
    records(&sqlx::query(ALL).bind(exchange.0).fetch_all(connection).await?)
}

pub(super) async fn clocks_owed_by(
    connection: &mut PgConnection,
    agency: &AgencyId,
    after: Option<(Date, ClockId)>,
    limit: u32,
) -> Result<Vec<ClockRecord>, StoreError> {
    const PAGE: &str = clocks!(
        "owed_by = $1 AND state = 'RUNNING' AND (due_on, id) > ($2, $3) ORDER BY due_on, id LIMIT $4",
        "c.due_on, c.id"
    );
    let (due_on, id) = after.map_or((jiff::civil::date(1, 1, 1), Uuid::nil()), |(due_on, clock)| {
        (due_on, clock.0)
    });
    let rows = sqlx::query(PAGE)
        .bind(agency.as_str().to_owned())
        .bind(Day(due_on))
        .bind(id)
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?;
    records(&rows)
}

pub(super) async fn clocks_owed_about(
    connection: &mut PgConnection,
    agency: &AgencyId,
    subject: SubjectId,
) -> Result<Vec<ClockRecord>, StoreError> {
    // Found by the agency's running clocks, which are few enough to look through.
    const ALL: &str = clocks!("owed_by = $1 AND state = 'RUNNING' AND subject = $2", "c.id");
    let rows = sqlx::query(ALL)
        .bind(agency.as_str().to_owned())
        .bind(subject.0.to_vec())
        .fetch_all(connection)
        .await?;
    records(&rows)
}

pub(super) async fn clocks_to_notice(
    connection: &mut PgConnection,
    on: Date,
    limit: u32,
) -> Result<Vec<ClockRecord>, StoreError> {
    // Only a clock that runs has a next notice: the schema says so.
    const PAGE: &str = clocks!(
        "next_notice_on IS NOT NULL AND next_notice_on <= $1 ORDER BY next_notice_on, id LIMIT $2",
        "c.next_notice_on, c.id"
    );
    let rows = sqlx::query(PAGE)
        .bind(Day(on))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?;
    records(&rows)
}

/// Rows of one clock stand together: the first makes it, each brings an exception or none.
fn records(rows: &[PgRow]) -> Result<Vec<ClockRecord>, StoreError> {
    let mut clocks: Vec<ClockRecord> = Vec::new();
    for row in rows {
        let id = ClockId(row.try_get(0)?);
        if clocks.last().is_none_or(|last| last.clock != id) {
            clocks.push(record(id, row)?);
        }
        if let (Some(last), Some(found)) = (clocks.last_mut(), exception(row)?) {
            last.exceptions.push(found);
        }
    }
    Ok(clocks)
}

fn record(clock: ClockId, row: &PgRow) -> Result<ClockRecord, StoreError> {
    Ok(ClockRecord {
        clock,
        exchange: ExchangeId(row.try_get(1)?),
        case: row.try_get::<Option<Uuid>, _>(2)?.map(CaseId),
        subject: SubjectId(bytes(row, 3)?),
        rule: row.try_get(4)?,
        started_on: date(row, 5)?,
        due_on: date(row, 6)?,
        basis: row.try_get(7)?,
        certainty: code(row, 8, "certainty", Certainty::from_code)?,
        provision: row.try_get(9)?,
        owed_by: agency_id(row, 10)?,
        told: told(row.try_get(11)?)?,
        case_reference: row.try_get(12)?,
        state: code(row, 13, "clock state", ClockState::from_code)?,
        next_notice_on: date_if_any(row, 14)?,
        ended_on: date_if_any(row, 15)?,
        created_at: instant(row, 16)?,
        exceptions: Vec::new(),
    })
}

fn exception(row: &PgRow) -> Result<Option<ClockException>, StoreError> {
    let Some(ground) = row.try_get(17)? else {
        return Ok(None);
    };
    Ok(Some(ClockException {
        ground,
        from: date_if_any(row, 18)?,
        until: date_if_any(row, 19)?,
        recorded_by: agency_id(row, 20)?,
        recorded_on: date(row, 21)?,
        evidence: row.try_get(22)?,
    }))
}

fn told(names: Vec<String>) -> Result<Vec<AgencyId>, StoreError> {
    names
        .into_iter()
        .map(|name| AgencyId::parse(&name).map_err(|_| StoreError::Corrupt("list of agencies")))
        .collect()
}
