//! The one place that reads the wall clock and makes random ids: everything else is handed a [`Clock`].

use std::fmt::Debug;
use std::path::PathBuf;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use uuid::{NoContext, Uuid};

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

/// A clock for rehearsals, moved by a file. Tests and demonstrations move the file.
///
/// One date in it (2027-06-26): the machine's time of day on that day, and certificates and tokens keep to the
/// machine's own time. A span (`PT1H`, `-PT1H`): a machine whose clock is wrong by so much, in everything that it
/// counts: the log, tokens, and the time in new names.
#[derive(Debug, Clone)]
pub struct RehearsalClock {
    file: PathBuf,
}

/// How a rehearsal's file moves the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moved {
    /// The law's day is this one.
    Day(Date),
    /// The machine's clock is wrong by this much.
    Wrong(SignedDuration),
}

impl RehearsalClock {
    /// A clock moved by a file. While there is no such file, or nothing that can be read in it, it is the machine's
    /// clock.
    #[must_use]
    pub const fn new(file: PathBuf) -> Self {
        Self { file }
    }

    fn moved(&self) -> Option<Moved> {
        let text = std::fs::read_to_string(&self.file).ok()?;
        let text = text.trim();
        let day = text.parse().map(Moved::Day);
        day.or_else(|_| text.parse().map(Moved::Wrong)).ok()
    }
}

impl Clock for RehearsalClock {
    fn now(&self) -> Timestamp {
        let now = SystemClock.now();
        match self.moved() {
            None => now,
            Some(Moved::Day(day)) => on_day(now, day).unwrap_or(now),
            Some(Moved::Wrong(by)) => now.checked_add(by).unwrap_or(now),
        }
    }

    fn machine_now(&self) -> Timestamp {
        let now = SystemClock.now();
        match self.moved() {
            Some(Moved::Wrong(by)) => now.checked_add(by).unwrap_or(now),
            None | Some(Moved::Day(_)) => now,
        }
    }

    fn new_id(&self) -> Uuid {
        match self.moved() {
            Some(Moved::Wrong(_)) => id_of(self.machine_now()).unwrap_or_else(|| SystemClock.new_id()),
            None | Some(Moved::Day(_)) => SystemClock.new_id(),
        }
    }
}

/// The same time of day in England on another day.
fn on_day(now: Timestamp, day: Date) -> Option<Timestamp> {
    let here = now.to_zoned_datetime(england());
    let days = here.date().until(day).ok()?.get_days();
    here.checked_add(Span::new().try_days(i64::from(days)).ok()?)
        .ok()
        .map(|moved| moved.timestamp())
}

/// A new name as made at this time; none before 1970.
fn id_of(at: Timestamp) -> Option<Uuid> {
    let seconds = u64::try_from(at.as_second()).ok()?;
    let part = u32::try_from(at.subsec_nanosecond()).ok()?;
    Some(Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, part)))
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

    #[test]
    fn a_wrong_clock_is_wrong_in_everything() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wrong");
        let clock = RehearsalClock::new(file.clone());
        for (text, by) in [("PT1H\n", 3600), ("-PT1H", -3600)] {
            std::fs::write(&file, text).unwrap();
            let off = |at: Timestamp| at.duration_since(SystemClock.now()).as_secs() - by;
            assert!(off(clock.now()).abs() < 5);
            assert!(off(clock.machine_now()).abs() < 5);
            let (seconds, nanoseconds) = clock.new_id().get_timestamp().unwrap().to_unix();
            let named = Timestamp::new(
                i64::try_from(seconds).unwrap(),
                i32::try_from(nanoseconds).unwrap(),
            );
            assert!(off(named.unwrap()).abs() < 5);
        }
    }
}
