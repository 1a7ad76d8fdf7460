//! The one place that reads the wall clock and makes random ids: everything else is handed a [`Clock`].

use std::fmt::Debug;
use std::path::PathBuf;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use uuid::Uuid;

/// Time and fresh names, as an argument. Tests move it; the gateway owns one.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Now, as the law and the log count it.
    fn now(&self) -> Timestamp;

    /// Now, as certificates and tokens count it: the machine's own time also where a rehearsal has moved the other.
    fn machine_now(&self) -> Timestamp {
        self.now()
    }

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

/// A clock for rehearsals: the machine's time of day, on the day that a file names. Tests and demonstrations move
/// the file; certificates and tokens keep to the machine's own time.
#[derive(Debug, Clone)]
pub struct RehearsalClock {
    file: PathBuf,
}

impl RehearsalClock {
    /// A clock moved by a file that holds one date (2027-06-26). While there is no such file, or none can be read
    /// in it, it is the machine's clock.
    #[must_use]
    pub const fn new(file: PathBuf) -> Self {
        Self { file }
    }

    fn moved(&self, now: Timestamp) -> Option<Timestamp> {
        let day: Date = std::fs::read_to_string(&self.file).ok()?.trim().parse().ok()?;
        let here = now.to_zoned_datetime(england());
        let days = here.date().until(day).ok()?.get_days();
        here.checked_add(Span::new().try_days(i64::from(days)).ok()?)
            .ok()
            .map(|moved| moved.timestamp())
    }
}

impl Clock for RehearsalClock {
    fn now(&self) -> Timestamp {
        let now = self.machine_now();
        self.moved(now).unwrap_or(now)
    }

    fn machine_now(&self) -> Timestamp {
        SystemClock.now()
    }

    fn new_id(&self) -> Uuid {
        SystemClock.new_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rehearsal_moves_the_day_and_not_the_machine() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("today");
        let clock = RehearsalClock::new(file.clone());
        assert_eq!(clock.today(), SystemClock.today());
        std::fs::write(&file, "2027-06-26\n").unwrap();
        assert_eq!(clock.today().to_string(), "2027-06-26");
        let apart = SystemClock.now().duration_since(clock.machine_now());
        assert!(apart.as_secs().abs() < 5);
        std::fs::write(&file, "nonsense").unwrap();
        assert_eq!(clock.today(), SystemClock.today());
    }
}
