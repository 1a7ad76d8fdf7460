//! The empty database that takes a history: what is found in it, its schema and partitions, the numbers it gives next.

use futures_util::TryStreamExt as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Executor as _, Row as _};
use uuid::Uuid;

use crate::postgres::{History, migrate, partitions_for};
use crate::store::StoreError;

/// The tables, views and sequences that somebody has made in a database; what extensions bring is not counted.
///
/// # Errors
/// [`StoreError::Database`].
pub(super) async fn found(connection: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    const FOUND: &str = "SELECT n.nspname || '.' || c.relname FROM pg_class c \
        JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') \
        AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)' \
        AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid \
            AND d.deptype = 'e') ORDER BY 1";
    let rows = sqlx::query(FOUND).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Makes schema and partitions for what a file holds. Run in a transaction, nothing of it stays unless that commits.
///
/// # Errors
/// [`StoreError::Schema`], [`StoreError::Database`].
pub(super) async fn prepare(
    connection: &mut PgConnection,
    source: &mut SqliteConnection,
) -> Result<(), StoreError> {
    const LARGEST: &str = "SELECT coalesce(max(size), 0) FROM log";
    migrate(connection).await?;
    let mut days = days(source, "exchange").await?;
    days.extend(self::days(source, "delivery").await?);
    let row = sqlx::query(LARGEST).fetch_one(source).await?;
    let history = History {
        days,
        log_size: row.try_get::<i64, _>(0)?.cast_unsigned(),
    };
    partitions_for(connection, &history).await?;
    // The row that the migration makes comes with the history.
    connection.execute("DELETE FROM generation").await?;
    Ok(())
}

/// A day of each month in which a table of SQLite has rows, found with one look into its index for each.
async fn days(source: &mut SqliteConnection, table: &str) -> Result<Vec<Date>, StoreError> {
    let next = format!("SELECT min(id) FROM {table} WHERE id >= ?");
    let (mut days, mut from) = (Vec::new(), Uuid::nil());
    loop {
        let asked = sqlx::query(AssertSqlSafe(next.clone())).bind(from.as_bytes().to_vec());
        let row = asked.fetch_one(&mut *source).await?;
        let Some(id) = row.try_get_unchecked::<Option<Vec<u8>>, _>(0)? else {
            return Ok(days);
        };
        let id = Uuid::from_slice(&id).map_err(|_| StoreError::Corrupt("id"))?;
        let milliseconds = i64::try_from(id.as_u128() >> 80).unwrap_or(i64::MAX);
        // An id that holds no time goes where there is no month: into the partition of what is later.
        let Ok(at) = Timestamp::from_millisecond(milliseconds) else {
            return Ok(days);
        };
        let day = at.to_zoned_datetime(TimeZone::UTC).date();
        days.push(day);
        let Ok(following) = day.first_of_month().checked_add(1.month()) else {
            return Ok(days);
        };
        let Ok(midnight) = following.to_zoned_datetime(TimeZone::UTC) else {
            return Ok(days);
        };
        let milliseconds = midnight.timestamp().as_millisecond().cast_unsigned();
        from = Uuid::from_u128(u128::from(milliseconds) << 80);
    }
}

/// Lets the numbers that the database gives go on after those that came, and its planner know what is there.
///
/// # Errors
/// [`StoreError::Database`].
pub(super) async fn conclude(connection: &mut PgConnection) -> Result<(), StoreError> {
    const STEPS: &str =
        "SELECT setval('case_step', max(case_no)) FROM exchange HAVING max(case_no) IS NOT NULL";
    for statement in [
        STEPS,
        "SELECT setval(pg_get_serial_sequence('rights_record', 'no'), max(no)) FROM rights_record \
         HAVING max(no) IS NOT NULL",
        "SELECT setval(pg_get_serial_sequence('clock_exception', 'no'), max(no)) FROM clock_exception \
         HAVING max(no) IS NOT NULL",
        "SELECT setval(pg_get_serial_sequence('log', 'no'), max(no)) FROM log HAVING max(no) IS NOT NULL",
    ] {
        let mut set = sqlx::query(statement).fetch(&mut *connection);
        while set.try_next().await?.is_some() {}
    }
    connection.execute("ANALYZE").await?;
    Ok(())
}
