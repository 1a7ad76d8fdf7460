//! Instants and civil dates as PostgreSQL's own `timestamptz` and `date`.

use jiff::Timestamp;
use jiff::civil::{Date, date};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};

/// PostgreSQL counts from 2000-01-01; this many microseconds after 1970-01-01.
const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;
const EPOCH: Date = date(2000, 1, 1);
const DAY_SECONDS: i64 = 86_400;

/// An instant, to the microsecond.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instant(pub(crate) Timestamp);

impl Type<Postgres> for Instant {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("timestamptz")
    }
}

impl PgHasArrayType for Instant {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("_timestamptz")
    }
}

impl Encode<'_, Postgres> for Instant {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(&(self.0.as_microsecond() - EPOCH_MICROSECONDS).to_be_bytes());
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for Instant {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let microseconds = i64::from_be_bytes(value.as_bytes()?.try_into()?);
        let since_1970 = microseconds
            .checked_add(EPOCH_MICROSECONDS)
            .ok_or("an instant beyond all reckoning")?;
        Ok(Self(Timestamp::from_microsecond(since_1970)?))
    }
}

/// A civil date.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Day(pub(crate) Date);

impl Type<Postgres> for Day {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("date")
    }
}

impl PgHasArrayType for Day {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("_date")
    }
}

impl Encode<'_, Postgres> for Day {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let days = i32::try_from(self.0.duration_since(EPOCH).as_secs() / DAY_SECONDS)?;
        buffer.extend_from_slice(&days.to_be_bytes());
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for Day {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let days = i32::from_be_bytes(value.as_bytes()?.try_into()?);
        let span = jiff::Span::new().try_days(days)?;
        Ok(Self(EPOCH.checked_add(span)?))
    }
}
