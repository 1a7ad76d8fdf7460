//! Lookups for the guards of cases, rights, clocks, referrals, agreements and notices.

use sendhub_domain::agreement::AgreementId;
use sendhub_domain::exchange::{CaseId, ClockId, ReferralId};
use sendhub_domain::person::SubjectId;
use sqlx::Row as _;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::sorted;
use crate::guards::matters::{Asked, Clock, Matters, Waits};
use crate::postgres::decode::{bytes, count, date_if_any};
use crate::store::StoreError;

/// Reads what these guards ask, within the open transaction.
pub(super) async fn read(
    connection: &mut PgConnection,
    asked: Asked,
    known: &mut Matters,
) -> Result<(), StoreError> {
    cases(connection, &asked, known).await?;
    rights(connection, &asked, known).await?;
    clocks(connection, &asked, known).await?;
    referrals(connection, &asked, known).await?;
    agreements(connection, &asked, known).await?;
    told(connection, &asked, known).await
}

async fn cases(connection: &mut PgConnection, asked: &Asked, known: &mut Matters) -> Result<(), StoreError> {
    const FOUND: &str = "SELECT id, steps FROM case_record WHERE id = ANY($1) ORDER BY id FOR UPDATE";
    if asked.cases.is_empty() {
        return Ok(());
    }
    let names: Vec<Uuid> = sorted(asked.cases.iter().map(|case| case.0));
    for row in sqlx::query(FOUND).bind(names).fetch_all(connection).await? {
        let steps = u32::try_from(row.try_get::<i32, _>(1)?).map_err(|_| StoreError::Corrupt("case"))?;
        known.cases.now.insert(CaseId(row.try_get(0)?), steps);
    }
    Ok(())
}

/// Not locked as rows: the advisory locks on these people are held already.
async fn rights(connection: &mut PgConnection, asked: &Asked, known: &mut Matters) -> Result<(), StoreError> {
    const FOUND: &str = "SELECT subject, revision FROM subject_rights WHERE subject = ANY($1)";
    if asked.rights.is_empty() {
        return Ok(());
    }
    let names: Vec<&[u8]> = asked.rights.iter().map(|subject| &subject.0[..]).collect();
    for row in sqlx::query(FOUND).bind(names).fetch_all(connection).await? {
        known
            .rights
            .now
            .insert(SubjectId(bytes(&row, 0)?), count(&row, 1)?);
    }
    Ok(())
}

async fn clocks(connection: &mut PgConnection, asked: &Asked, known: &mut Matters) -> Result<(), StoreError> {
    const FOUND: &str = "SELECT id, state = 'RUNNING', next_notice_on FROM clock WHERE id = ANY($1) \
        ORDER BY id FOR UPDATE";
    if asked.clocks.is_empty() {
        return Ok(());
    }
    let names: Vec<Uuid> = sorted(asked.clocks.iter().map(|clock| clock.0));
    for row in sqlx::query(FOUND).bind(names).fetch_all(connection).await? {
        let clock = if row.try_get(1)? {
            Clock::Runs(date_if_any(&row, 2)?)
        } else {
            Clock::Ended
        };
        known.clocks.now.insert(ClockId(row.try_get(0)?), clock);
    }
    Ok(())
}

async fn referrals(
    connection: &mut PgConnection,
    asked: &Asked,
    known: &mut Matters,
) -> Result<(), StoreError> {
    const FOUND: &str = "SELECT id, state = 'OPEN' FROM referral WHERE id = ANY($1) ORDER BY id FOR UPDATE";
    if asked.referrals.is_empty() {
        return Ok(());
    }
    let names: Vec<Uuid> = sorted(asked.referrals.iter().map(|referral| referral.0));
    for row in sqlx::query(FOUND).bind(names).fetch_all(connection).await? {
        let waits = if row.try_get(1)? {
            Waits::Yes
        } else {
            Waits::Decided
        };
        known.referrals.now.insert(ReferralId(row.try_get(0)?), waits);
    }
    Ok(())
}

async fn agreements(
    connection: &mut PgConnection,
    asked: &Asked,
    known: &mut Matters,
) -> Result<(), StoreError> {
    const FOUND: &str = "SELECT id, revision FROM agreement WHERE id = ANY($1) ORDER BY id FOR UPDATE";
    if asked.agreements.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = sorted(asked.agreements.iter().map(|agreement| agreement.as_str()));
    for row in sqlx::query(FOUND).bind(names).fetch_all(connection).await? {
        let id = AgreementId::parse(row.try_get(0)?).map_err(|_| StoreError::Corrupt("agreement"))?;
        known.agreements.now.insert(id, count(&row, 1)?);
    }
    Ok(())
}

async fn told(connection: &mut PgConnection, asked: &Asked, known: &mut Matters) -> Result<(), StoreError> {
    const FOUND: &str = "SELECT once FROM told WHERE once = ANY($1)";
    if asked.told.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = asked.told.iter().map(String::as_str).collect();
    for row in sqlx::query(FOUND).bind(keys).fetch_all(connection).await? {
        known.told.now.insert(row.try_get(0)?, ());
    }
    Ok(())
}
