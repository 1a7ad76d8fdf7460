//! The one place that reads the wall clock and makes random ids: everything else is handed a [`Clock`].

use std::fmt::Debug;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

/// Time and fresh names, as an argument. Tests move it; the gateway owns one.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// A new name: UUID version 7, ordered by time.
    fn new_id(&self) -> Uuid;

    /// Today in England: statutory days begin at midnight, local time.
    fn today(&self) -> Date {
        self.now().to_zoned_datetime(england()).date()
    }
}

/// England's time zone; UTC if the time-zone data were missing, which the bundled copy rules out.
#[must_use]
pub fn england() -> TimeZone {
    TimeZone::get("Europe/London").unwrap_or(TimeZone::UTC)
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}
