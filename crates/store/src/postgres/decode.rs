//! Rows back into the domain's values; a value that does not read is corruption, named by what it is.

use jiff::Timestamp;
use jiff::civil::Date;
use sendhub_domain::agency::AgencyId;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::native::{Day, Instant};
use crate::store::StoreError;

/// Fixed-length bytes: tags and hashes.
pub(super) fn bytes<const N: usize>(row: &PgRow, column: usize) -> Result<[u8; N], StoreError> {
    row.try_get::<&[u8], _>(column)?
        .try_into()
        .map_err(|_| StoreError::Corrupt("tag or hash"))
}

/// An agency's id.
pub(super) fn agency_id(row: &PgRow, column: usize) -> Result<AgencyId, StoreError> {
    AgencyId::parse(row.try_get(column)?).map_err(|_| StoreError::Corrupt("agency id"))
}

/// A count or an index.
pub(super) fn count(row: &PgRow, column: usize) -> Result<u64, StoreError> {
    u64::try_from(row.try_get::<i64, _>(column)?).map_err(|_| StoreError::Corrupt("count"))
}

/// An instant.
pub(crate) fn instant(row: &PgRow, column: usize) -> Result<Timestamp, StoreError> {
    Ok(row.try_get::<Instant, _>(column)?.0)
}

/// An instant that may not have come yet.
pub(super) fn instant_if_any(row: &PgRow, column: usize) -> Result<Option<Timestamp>, StoreError> {
    Ok(row
        .try_get::<Option<Instant>, _>(column)?
        .map(|instant| instant.0))
}

/// A civil date.
pub(super) fn date(row: &PgRow, column: usize) -> Result<Date, StoreError> {
    Ok(row.try_get::<Day, _>(column)?.0)
}

/// A civil date that need not be there.
pub(super) fn date_if_any(row: &PgRow, column: usize) -> Result<Option<Date>, StoreError> {
    Ok(row.try_get::<Option<Day>, _>(column)?.map(|day| day.0))
}

/// The value of a stable code; `what` names it when it is none.
pub(super) fn code<T>(
    row: &PgRow,
    column: usize,
    what: &'static str,
    from_code: fn(&str) -> Option<T>,
) -> Result<T, StoreError> {
    from_code(row.try_get(column)?).ok_or(StoreError::Corrupt(what))
}

/// The value of a stable code that need not be there.
pub(super) fn code_if_any<T>(
    row: &PgRow,
    column: usize,
    what: &'static str,
    from_code: fn(&str) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(|text| from_code(text).ok_or(StoreError::Corrupt(what)))
        .transpose()
}
