//! Reads of referrals, one query a function.

use sendhub_domain::agency::AgencyId;
use sendhub_domain::disclosure::RecipientRole;
use sendhub_domain::exchange::{DeliveryId, ExchangeId, ReferralId};
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};
use uuid::Uuid;

use super::decode::{agency_id, code, instant, instant_if_any};
use crate::change::ReferralState;
use crate::reads::ReferralRecord;
use crate::store::StoreError;

macro_rules! referral_columns {
    () => {
        "r.id, r.exchange, r.delivery, r.recipient, r.role, r.effect, r.reason, r.rule, r.provision, r.decider, \
         r.state, r.opened_at, r.decided_at"
    };
}

pub(super) async fn referral(
    connection: &mut PgConnection,
    id: ReferralId,
) -> Result<Option<ReferralRecord>, StoreError> {
    const ONE: &str = concat!("SELECT ", referral_columns!(), " FROM referral r WHERE r.id = $1");
    let row = sqlx::query(ONE).bind(id.0).fetch_optional(connection).await?;
    row.map(|row| record(&row)).transpose()
}

pub(super) async fn referrals_of(
    connection: &mut PgConnection,
    exchange: ExchangeId,
) -> Result<Vec<ReferralRecord>, StoreError> {
    const ALL: &str = concat!(
        "SELECT ",
        referral_columns!(),
        " FROM referral r WHERE r.exchange = $1 ORDER BY r.opened_at, r.id"
    );
    let rows = sqlx::query(ALL).bind(exchange.0).fetch_all(connection).await?;
    rows.iter().map(record).collect()
}

pub(super) async fn open_referrals(
    connection: &mut PgConnection,
    decider: &AgencyId,
    after: Option<ReferralId>,
    limit: u32,
) -> Result<Vec<ReferralRecord>, StoreError> {
    const PAGE: &str = concat!(
        "SELECT ",
        referral_columns!(),
        " FROM referral r WHERE r.decider = $1 AND r.state = 'OPEN' AND r.id > $2 ORDER BY r.id LIMIT $3"
    );
    let rows = sqlx::query(PAGE)
        .bind(decider.as_str().to_owned())
        .bind(after.map_or(Uuid::nil(), |referral| referral.0))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?;
    rows.iter().map(record).collect()
}

fn record(row: &PgRow) -> Result<ReferralRecord, StoreError> {
    Ok(ReferralRecord {
        referral: ReferralId(row.try_get(0)?),
        exchange: ExchangeId(row.try_get(1)?),
        delivery: row.try_get::<Option<Uuid>, _>(2)?.map(DeliveryId),
        recipient: agency_id(row, 3)?,
        role: code(row, 4, "recipient role", RecipientRole::from_code)?,
        effect: row.try_get(5)?,
        reason: row.try_get(6)?,
        rule: row.try_get(7)?,
        provision: row.try_get(8)?,
        decider: agency_id(row, 9)?,
        state: code(row, 10, "referral state", ReferralState::from_code)?,
        opened_at: instant(row, 11)?,
        decided_at: instant_if_any(row, 12)?,
    })
}
