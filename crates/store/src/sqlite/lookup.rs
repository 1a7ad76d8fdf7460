//! Lookups of what guards expect to find: all of a batch's questions in one round trip.

mod matters;

use sendhub_domain::exchange::{DeliveryId, DeliveryState, ExchangeId, RequestId};
use sendhub_domain::person::SubjectId;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::decode::{agency_id, bytes, code};
use super::rows::{Handing, Script, Statement};
use crate::change::Change;
use crate::guards::{Asked, Held, Known, agency_key_system};
use crate::store::StoreError;

static REQUESTS: Statement = Statement::new(
    "WITH q(sender, request) AS (VALUES ",
    "(?,?)",
    ") SELECT 1, e.sender, e.request_id, e.id, e.request_digest FROM q CROSS JOIN exchange e \
     ON e.sender = q.sender AND e.request_id = q.request",
);
static PEOPLE: Statement = Statement::new(
    "WITH q(tag) AS (VALUES ",
    "(?)",
    ") SELECT 2, q.tag, s.id FROM q CROSS JOIN subject s ON s.id = q.tag \
     UNION ALL SELECT 2, q.tag, i.subject FROM q CROSS JOIN subject_identifier i ON i.tag = q.tag",
);
static DELIVERIES: Statement = Statement::new(
    "WITH q(id) AS (VALUES ",
    "(?)",
    ") SELECT 3, d.id, d.state FROM q CROSS JOIN delivery d ON d.id = q.id",
);
static HELD: Statement = Statement::new(
    "WITH q(id) AS (VALUES ",
    "(?)",
    ") SELECT 4, u.exchange, u.claimed_by IS NOT NULL FROM q CROSS JOIN unclaimed u ON u.exchange = q.id",
);
static AGENCIES: Statement = Statement::new(
    "WITH q(id) AS (VALUES ",
    "(?)",
    ") SELECT 5, a.id, a.revision FROM q CROSS JOIN agency a ON a.id = q.id",
);
static AGENCY_KEYS: Statement = Statement::new(
    "WITH q(system, value) AS (VALUES ",
    "(?,?)",
    ") SELECT 6, k.system, k.value, k.agency FROM q CROSS JOIN agency_key k \
     ON k.system = q.system AND k.value = q.value",
);

/// Opens the writing transaction and reads all that the batch's guards ask, and the log's size, in one
/// round trip. From here to the commit nobody else writes.
pub(super) async fn read(
    connection: &mut SqliteConnection,
    log: i64,
    batch: &[Change],
) -> Result<Known, StoreError> {
    let asked = Asked::by(batch);
    let mut script = Script::new(Handing::Together);
    script.add("BEGIN IMMEDIATE;\n");
    script.add("SELECT 0, size FROM log WHERE no = ?;\n").bind(log);
    let requests: Vec<_> = asked.requests.into_iter().collect();
    script.look_up(&REQUESTS, &requests, |(sender, request), values| {
        values.bind(sender.as_str()).bind(request.0);
    });
    let people: Vec<_> = asked.people.into_iter().collect();
    script.look_up(&PEOPLE, &people, |tag, values| {
        values.bind(&tag[..]);
    });
    let deliveries: Vec<_> = asked.deliveries.into_iter().collect();
    script.look_up(&DELIVERIES, &deliveries, |delivery, values| {
        values.bind(delivery.0);
    });
    let held: Vec<_> = asked.held.into_iter().collect();
    script.look_up(&HELD, &held, |exchange, values| {
        values.bind(exchange.0);
    });
    let agencies: Vec<_> = asked.agencies.into_iter().collect();
    script.look_up(&AGENCIES, &agencies, |agency, values| {
        values.bind(agency.as_str());
    });
    let keys: Vec<_> = asked.keys.into_iter().collect();
    script.look_up(&AGENCY_KEYS, &keys, |(system, value), values| {
        values.bind(*system).bind(value.as_str());
    });
    matters::look_up(asked.matters, &mut script);

    let mut known = Known::default();
    for row in script.run(connection).await? {
        take(&mut known, &row)?;
    }
    Ok(known)
}

fn take(known: &mut Known, row: &SqliteRow) -> Result<(), StoreError> {
    match row.try_get::<i64, _>(0)? {
        0 => known.log_size = Some(row.try_get::<i64, _>(1)?.cast_unsigned()),
        1 => {
            let request = RequestId(row.try_get(2)?);
            let accepted = (ExchangeId(row.try_get(3)?), bytes(row, 4)?);
            known.requests.now.insert((agency_id(row, 1)?, request), accepted);
        }
        2 => {
            known.people.now.insert(bytes(row, 1)?, SubjectId(bytes(row, 2)?));
        }
        3 => {
            let state = code(row, 2, "delivery", DeliveryState::from_code)?;
            known
                .deliveries
                .now
                .insert(DeliveryId(row.try_get::<Uuid, _>(1)?), state);
        }
        4 => {
            let held = if row.try_get::<i64, _>(2)? == 0 {
                Held::Free
            } else {
                Held::Claimed
            };
            known
                .held
                .now
                .insert(ExchangeId(row.try_get::<Uuid, _>(1)?), held);
        }
        5 => {
            known
                .agencies
                .now
                .insert(agency_id(row, 1)?, row.try_get::<i64, _>(2)?.cast_unsigned());
        }
        6 => {
            let system = agency_key_system(row.try_get(1)?)?;
            known
                .keys
                .now
                .insert((system, row.try_get(2)?), agency_id(row, 3)?);
        }
        other => matters::take(&mut known.matters, other, row)?,
    }
    Ok(())
}
