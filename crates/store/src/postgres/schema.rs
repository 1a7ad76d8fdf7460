//! The schema that a database must have, and the partitions that must be there before their time.

use std::ops::RangeInclusive;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};
use tracing::warn;
use uuid::Uuid;

use super::native::Instant;
use crate::migrations::{migration, refused};
use crate::store::StoreError;

/// Months for which partitions are there ahead of time, this one included.
const MONTHS: i32 = 3;
/// Log entries in one partition: at the national load of about five million a month, two months of one gateway.
const LEAVES: u64 = 1 << 23;
/// A row up to this size stays whole in its table: a sealed record of some KiB is read and written with its row.
const WHOLE: u32 = 8_160;
/// Any one number, the same in every process: who migrates or makes partitions holds this advisory lock.
const SCHEMA_LOCK: i64 = 0x5345_4e44_4855_4201;

/// Brings a database to this version's schema.
///
/// # Errors
/// [`StoreError::Schema`] when a newer version made it, or a migration fails.
pub(crate) async fn migrate(connection: &mut PgConnection) -> Result<(), StoreError> {
    let migrator = Migrator::with_migrations(vec![
        migration(1, "hub", include_str!("../../migrations/postgres/0001_hub.sql")),
        migration(
            2,
            "endings",
            include_str!("../../migrations/postgres/0002_endings.sql"),
        ),
        migration(
            3,
            "stand",
            include_str!("../../migrations/postgres/0003_stand.sql"),
        ),
    ]);
    migrator
        .run_direct(None, connection, false)
        .await
        .map_err(refused)
}

/// Makes the partitions of this month and the next ones, and of the next log entries, where they are not there.
///
/// # Errors
/// [`StoreError::Database`].
pub(super) async fn partitions(connection: &mut PgConnection, log_size: u64) -> Result<(), StoreError> {
    const NOW: &str = "SELECT now()";
    let row = sqlx::query(NOW).fetch_one(&mut *connection).await?;
    let today = row
        .try_get::<Instant, _>(0)?
        .0
        .to_zoned_datetime(TimeZone::UTC)
        .date();
    let months = (0..MONTHS).map(|ahead| month(today, ahead)).collect();
    let block = log_size / LEAVES;
    make_all(connection, months, block..=block + 1).await
}

/// What a history that is moved here needs partitions for.
#[derive(Debug)]
pub(crate) struct History {
    /// A day of each month in which it has exchanges or copies, in any order.
    pub(crate) days: Vec<Date>,
    /// The size of its largest log.
    pub(crate) log_size: u64,
}

/// Makes the partitions that a history needs, before its rows come, and those of the next months.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn partitions_for(
    connection: &mut PgConnection,
    history: &History,
) -> Result<(), StoreError> {
    let mut months: Vec<Date> = history.days.iter().map(|day| day.first_of_month()).collect();
    months.sort_unstable();
    months.dedup();
    // What is older than everything goes below the first month: so it is made first.
    make_all(connection, months, 0..=history.log_size / LEAVES).await?;
    partitions(connection, history.log_size).await
}

/// Makes the partitions of these months, the earliest first, and of these blocks of log entries.
async fn make_all(
    connection: &mut PgConnection,
    months: Vec<Date>,
    blocks: RangeInclusive<u64>,
) -> Result<(), StoreError> {
    let mut statements = Vec::new();
    for month in months {
        let (from, to) = (first_id(month), first_id(next(month)));
        for table in ["exchange", "delivery"] {
            let name = format!("{table}_{:04}_{:02}", month.year(), month.month());
            // The first ever made also takes what is older.
            let before = format!("{table}_before");
            statements.push((
                before.clone(),
                format!(
                    "{before} PARTITION OF {table} FOR VALUES FROM (MINVALUE) TO ('{from}') {}",
                    options(table)
                ),
            ));
            statements.push((
                name.clone(),
                format!(
                    "{name} PARTITION OF {table} FOR VALUES FROM ('{from}') TO ('{to}') {}",
                    options(table)
                ),
            ));
        }
    }
    for table in ["exchange", "delivery"] {
        let name = format!("{table}_later");
        statements.push((
            name.clone(),
            format!("{name} PARTITION OF {table} DEFAULT {}", options(table)),
        ));
    }
    for block in blocks {
        let (name, from) = (format!("leaf_{block:04}"), block * LEAVES);
        statements.push((
            name.clone(),
            format!(
                "{name} PARTITION OF leaf FOR VALUES FROM ({from}) TO ({})",
                from + LEAVES
            ),
        ));
    }
    for (name, text) in statements {
        make(connection, &name, &text).await?;
    }
    Ok(())
}

/// A transaction in which nobody else makes what all processes share.
///
/// # Errors
/// [`StoreError::Database`].
pub(super) async fn alone(
    connection: &mut PgConnection,
) -> Result<sqlx::Transaction<'_, sqlx::Postgres>, StoreError> {
    let mut transaction = connection.begin().await?;
    transaction
        .execute(sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(SCHEMA_LOCK))
        .await?;
    Ok(transaction)
}

/// Copies change twice or three times, most of it without touching an index when their page has room.
fn options(table: &str) -> String {
    match table {
        "delivery" => "WITH (fillfactor = 85)".to_owned(),
        _ => format!("WITH (toast_tuple_target = {WHOLE})"),
    }
}

/// Makes a partition unless it is there. Rows that came too early lie in the partition for what is later, and keep
/// theirs from being made: they stay where they are.
async fn make(connection: &mut PgConnection, name: &str, text: &str) -> Result<(), StoreError> {
    let there = sqlx::query("SELECT to_regclass($1) IS NOT NULL").bind(name.to_owned());
    if there.fetch_one(&mut *connection).await?.try_get(0)? {
        return Ok(());
    }
    let mut transaction = alone(connection).await?;
    let create = AssertSqlSafe(format!("CREATE TABLE IF NOT EXISTS {text}"));
    match transaction.execute(sqlx::raw_sql(create)).await {
        Ok(_) => transaction.commit().await?,
        Err(sqlx::Error::Database(refused)) => {
            warn!(
                partition = name,
                code = refused.code().as_deref(),
                "a partition cannot be made"
            );
            transaction.rollback().await?;
        }
        Err(failure) => return Err(failure.into()),
    }
    Ok(())
}

/// The first day of the month so many months after a day's.
fn month(of: Date, ahead: i32) -> Date {
    let first = of.first_of_month();
    first.saturating_add(jiff::Span::new().months(ahead))
}

fn next(month: Date) -> Date {
    month.saturating_add(jiff::Span::new().months(1))
}

/// The smallest version 7 UUID of a day: its first 48 bits are milliseconds.
fn first_id(day: Date) -> Uuid {
    let milliseconds = day
        .to_zoned_datetime(TimeZone::UTC)
        .map_or(0, |midnight| midnight.timestamp().as_millisecond());
    Uuid::from_u128(u128::from(milliseconds.cast_unsigned()) << 80)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_month_holds_its_own_ids() {
        let (from, to) = (first_id(date(2026, 11, 1)), first_id(date(2026, 12, 1)));
        let at = |text: &str| {
            let at: jiff::Timestamp = text.parse().unwrap();
            let seconds = at.as_second().cast_unsigned();
            let nanoseconds = at.subsec_nanosecond().cast_unsigned();
            Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanoseconds))
        };
        assert!(at("2026-10-31T23:59:59.999Z") < from);
        assert!(from <= at("2026-11-01T00:00:00Z") && at("2026-11-30T23:59:59.999Z") < to);
        assert!(at("2026-12-01T00:00:00Z") >= to);
        assert_eq!(month(date(2026, 11, 24), 2), date(2027, 1, 1));
    }
}
