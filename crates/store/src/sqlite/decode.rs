//! Rows back into the domain's values; a value that does not read is corruption, named by its table.

use jiff::Timestamp;
use jiff::civil::Date;
use sendhub_domain::agency::AgencyId;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::store::StoreError;

/// Fixed-length bytes: tags and hashes.
pub(super) fn bytes<const N: usize>(row: &SqliteRow, column: usize) -> Result<[u8; N], StoreError> {
    row.try_get::<&[u8], _>(column)?
        .try_into()
        .map_err(|_| StoreError::Corrupt("tag or hash"))
}

/// An agency's id.
pub(super) fn agency_id(row: &SqliteRow, column: usize) -> Result<AgencyId, StoreError> {
    AgencyId::parse(row.try_get(column)?).map_err(|_| StoreError::Corrupt("agency id"))
}

/// A count or an index.
pub(super) fn count(row: &SqliteRow, column: usize) -> Result<u64, StoreError> {
    u64::try_from(row.try_get::<i64, _>(column)?).map_err(|_| StoreError::Corrupt("count"))
}

/// An instant.
pub(super) fn instant(row: &SqliteRow, column: usize) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(row.try_get(column)?).map_err(|_| StoreError::Corrupt("instant"))
}

/// An instant that may not have come yet.
pub(super) fn instant_if_any(row: &SqliteRow, column: usize) -> Result<Option<Timestamp>, StoreError> {
    let microseconds: Option<i64> = row.try_get(column)?;
    let instant = microseconds.map(Timestamp::from_microsecond).transpose();
    instant.map_err(|_| StoreError::Corrupt("instant"))
}

/// A civil date that need not be there.
pub(super) fn date_if_any(row: &SqliteRow, column: usize) -> Result<Option<Date>, StoreError> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(str::parse)
        .transpose()
        .map_err(|_| StoreError::Corrupt("date"))
}

/// A civil date.
pub(super) fn date(row: &SqliteRow, column: usize) -> Result<Date, StoreError> {
    date_if_any(row, column)?.ok_or(StoreError::Corrupt("date"))
}

/// The value of a stable code; `what` names it when it is none.
pub(super) fn code<T>(
    row: &SqliteRow,
    column: usize,
    what: &'static str,
    from_code: fn(&str) -> Option<T>,
) -> Result<T, StoreError> {
    from_code(row.try_get(column)?).ok_or(StoreError::Corrupt(what))
}

/// The value of a stable code that need not be there.
pub(super) fn code_if_any<T>(
    row: &SqliteRow,
    column: usize,
    what: &'static str,
    from_code: fn(&str) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(|text| from_code(text).ok_or(StoreError::Corrupt(what)))
        .transpose()
}
