//! Lookups for the guards of cases, rights, clocks, referrals, agreements and notices.

use sendhub_domain::agreement::AgreementId;
use sendhub_domain::exchange::{CaseId, ClockId, ReferralId};
use sendhub_domain::person::SubjectId;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::guards::matters::{Asked, Clock, Matters, Waits};
use crate::sqlite::decode::{bytes, count, date_if_any};
use crate::sqlite::rows::{Script, Statement};
use crate::store::StoreError;

static CASES: Statement = Statement::new(
    "WITH q(id) AS (VALUES ",
    "(?)",
    ") SELECT 7, c.id, c.steps FROM q CROSS JOIN case_record c ON c.id = q.id",
);
static RIGHTS: Statement = Statement::new(
    "WITH q(id) AS (VALUES ",
    "(?)",
    ") SELECT 8, s.subject, s.revision FROM q CROSS JOIN subject_rights s ON s.subject = q.id",
);
static CLOCKS: Statement = Statement::new(
    "WITH q(id) AS (VALUES ",
    "(?)",
    ") SELECT 9, c.id, c.state = 'RUNNING', c.next_notice_on FROM q CROSS JOIN clock c ON c.id = q.id",
);
static REFERRALS: Statement = Statement::new(
    "WITH q(id) AS (VALUES ",
    "(?)",
    ") SELECT 10, r.id, r.state = 'OPEN' FROM q CROSS JOIN referral r ON r.id = q.id",
);
static AGREEMENTS: Statement = Statement::new(
    "WITH q(id) AS (VALUES ",
    "(?)",
    ") SELECT 11, a.id, a.revision FROM q CROSS JOIN agreement a ON a.id = q.id",
);
static TOLD: Statement = Statement::new(
    "WITH q(once) AS (VALUES ",
    "(?)",
    ") SELECT 12, t.once FROM q CROSS JOIN told t ON t.once = q.once",
);

pub(super) fn look_up(asked: Asked, script: &mut Script) {
    let cases: Vec<_> = asked.cases.into_iter().collect();
    script.look_up(&CASES, &cases, |case, values| {
        values.bind(case.0);
    });
    let rights: Vec<_> = asked.rights.into_iter().collect();
    script.look_up(&RIGHTS, &rights, |subject, values| {
        values.bind(&subject.0[..]);
    });
    let clocks: Vec<_> = asked.clocks.into_iter().collect();
    script.look_up(&CLOCKS, &clocks, |clock, values| {
        values.bind(clock.0);
    });
    let referrals: Vec<_> = asked.referrals.into_iter().collect();
    script.look_up(&REFERRALS, &referrals, |referral, values| {
        values.bind(referral.0);
    });
    let agreements: Vec<_> = asked.agreements.into_iter().collect();
    script.look_up(&AGREEMENTS, &agreements, |agreement, values| {
        values.bind(agreement.as_str());
    });
    let told: Vec<_> = asked.told.into_iter().collect();
    script.look_up(&TOLD, &told, |once, values| {
        values.bind(once.as_str());
    });
}

/// Takes a row of a lookup; `which` is its first column.
pub(super) fn take(known: &mut Matters, which: i64, row: &SqliteRow) -> Result<(), StoreError> {
    match which {
        7 => {
            known.cases.now.insert(CaseId(row.try_get(1)?), row.try_get(2)?);
        }
        8 => {
            known.rights.now.insert(SubjectId(bytes(row, 1)?), count(row, 2)?);
        }
        9 => {
            let clock = if row.try_get(2)? {
                Clock::Runs(date_if_any(row, 3)?)
            } else {
                Clock::Ended
            };
            known.clocks.now.insert(ClockId(row.try_get(1)?), clock);
        }
        10 => {
            let waits = if row.try_get(2)? {
                Waits::Yes
            } else {
                Waits::Decided
            };
            known.referrals.now.insert(ReferralId(row.try_get(1)?), waits);
        }
        11 => {
            let id = AgreementId::parse(row.try_get(1)?).map_err(|_| StoreError::Corrupt("agreement"))?;
            known.agreements.now.insert(id, count(row, 2)?);
        }
        _ => {
            known.told.now.insert(row.try_get(1)?, ());
        }
    }
    Ok(())
}
