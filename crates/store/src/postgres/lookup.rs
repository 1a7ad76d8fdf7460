//! Lookups of what guards expect to find: rows that may be changed are locked until the commit, so that no other
//! gateway changes them meanwhile.

mod matters;

use sendhub_domain::exchange::{DeliveryId, DeliveryState, ExchangeId, RequestId};
use sendhub_domain::person::SubjectId;
use sqlx::Row as _;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::decode::{agency_id, bytes, code, count};
use crate::change::Change;
use crate::guards::{Asked, Held, Known, agency_key_system};
use crate::store::StoreError;

/// Reads all that the batch's guards ask, within the open transaction. Names are asked for in their order: two
/// gateways that lock the same rows do not wait for each other in a circle.
pub(super) async fn read(connection: &mut PgConnection, batch: &[Change]) -> Result<Known, StoreError> {
    let asked = Asked::by(batch);
    let mut known = Known::default();
    requests(connection, &asked, &mut known).await?;
    people(connection, &asked, &mut known).await?;
    copies(connection, &asked, &mut known).await?;
    held(connection, &asked, &mut known).await?;
    agencies(connection, &asked, &mut known).await?;
    matters::read(connection, asked.matters, &mut known.matters).await?;
    Ok(known)
}

/// The names in their order.
fn sorted<T: Ord>(names: impl Iterator<Item = T>) -> Vec<T> {
    let mut names: Vec<T> = names.collect();
    names.sort_unstable();
    names
}

async fn requests(connection: &mut PgConnection, asked: &Asked, known: &mut Known) -> Result<(), StoreError> {
    const FOUND: &str = "SELECT r.sender, r.request_id, r.exchange, r.digest \
        FROM unnest($1::text[], $2::uuid[]) q(sender, request) \
        JOIN request r ON r.sender = q.sender AND r.request_id = q.request";
    if asked.requests.is_empty() {
        return Ok(());
    }
    let (senders, requests): (Vec<&str>, Vec<Uuid>) = asked
        .requests
        .iter()
        .map(|(sender, request)| (sender.as_str(), request.0))
        .unzip();
    let rows = sqlx::query(FOUND).bind(senders).bind(requests);
    for row in rows.fetch_all(connection).await? {
        let accepted = (ExchangeId(row.try_get(2)?), bytes(&row, 3)?);
        let key = (agency_id(&row, 0)?, RequestId(row.try_get(1)?));
        known.requests.now.insert(key, accepted);
    }
    Ok(())
}

async fn people(connection: &mut PgConnection, asked: &Asked, known: &mut Known) -> Result<(), StoreError> {
    const FOUND: &str = "SELECT q.tag, s.id FROM unnest($1::bytea[]) q(tag) JOIN subject s ON s.id = q.tag \
        UNION ALL SELECT q.tag, i.subject FROM unnest($1::bytea[]) q(tag) JOIN subject_identifier i ON i.tag = q.tag";
    if asked.people.is_empty() {
        return Ok(());
    }
    let tags: Vec<&[u8]> = asked.people.iter().map(|tag| &tag[..]).collect();
    for row in sqlx::query(FOUND).bind(tags).fetch_all(connection).await? {
        known
            .people
            .now
            .insert(bytes(&row, 0)?, SubjectId(bytes(&row, 1)?));
    }
    Ok(())
}

async fn copies(connection: &mut PgConnection, asked: &Asked, known: &mut Known) -> Result<(), StoreError> {
    const FOUND: &str = "SELECT id, state FROM delivery WHERE id = ANY($1) ORDER BY id FOR UPDATE";
    if asked.deliveries.is_empty() {
        return Ok(());
    }
    let names: Vec<Uuid> = sorted(asked.deliveries.iter().map(|delivery| delivery.0));
    for row in sqlx::query(FOUND).bind(names).fetch_all(connection).await? {
        let state = code(&row, 1, "delivery", DeliveryState::from_code)?;
        known.deliveries.now.insert(DeliveryId(row.try_get(0)?), state);
    }
    Ok(())
}

async fn held(connection: &mut PgConnection, asked: &Asked, known: &mut Known) -> Result<(), StoreError> {
    const FOUND: &str = "SELECT exchange, claimed_by IS NOT NULL FROM unclaimed WHERE exchange = ANY($1) \
        ORDER BY exchange FOR UPDATE";
    if asked.held.is_empty() {
        return Ok(());
    }
    let names: Vec<Uuid> = sorted(asked.held.iter().map(|exchange| exchange.0));
    for row in sqlx::query(FOUND).bind(names).fetch_all(connection).await? {
        let held = if row.try_get(1)? {
            Held::Claimed
        } else {
            Held::Free
        };
        known.held.now.insert(ExchangeId(row.try_get(0)?), held);
    }
    Ok(())
}

async fn agencies(connection: &mut PgConnection, asked: &Asked, known: &mut Known) -> Result<(), StoreError> {
    const FOUND: &str = "SELECT id, revision FROM agency WHERE id = ANY($1) ORDER BY id FOR UPDATE";
    const KEYS: &str = "SELECT k.system, k.value, k.agency FROM unnest($1::text[], $2::text[]) q(system, value) \
        JOIN agency_key k ON k.system = q.system AND k.value = q.value";
    if asked.agencies.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = sorted(asked.agencies.iter().map(|agency| agency.as_str()));
    for row in sqlx::query(FOUND).bind(names).fetch_all(&mut *connection).await? {
        known.agencies.now.insert(agency_id(&row, 0)?, count(&row, 1)?);
    }
    let (systems, values): (Vec<&str>, Vec<&str>) = asked
        .keys
        .iter()
        .map(|(system, value)| (*system, value.as_str()))
        .unzip();
    let rows = sqlx::query(KEYS).bind(systems).bind(values);
    for row in rows.fetch_all(connection).await? {
        let key = (agency_key_system(row.try_get(0)?)?, row.try_get(1)?);
        known.keys.now.insert(key, agency_id(&row, 2)?);
    }
    Ok(())
}
