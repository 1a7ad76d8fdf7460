//! School days, bank holidays and working days, as data.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use jiff::civil::{Date, Weekday};

use crate::agency::coded;

coded! {
    /// What a day is at one school.
    DayKind {
        /// A day with a session for pupils.
        SchoolDay = "SCHOOL_DAY",
        /// Staff only.
        Inset = "INSET",
        /// School holiday.
        Holiday = "HOLIDAY",
        /// Bank holiday in England.
        BankHoliday = "BANK_HOLIDAY",
        /// Saturday or Sunday.
        Weekend = "WEEKEND",
        /// Closed for another reason.
        Closed = "CLOSED",
    }
}

coded! {
    /// How sure a counted date is.
    Certainty {
        /// Counted on the school's own calendar.
        Counted = "COUNTED",
        /// The calendar is missing or ends too early: Monday to Friday less bank holidays was counted instead.
        Estimated = "ESTIMATED",
    }
}

/// Why a calendar cannot be read. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// The first line that is not a comment does not name the columns.
    #[error("the first line must be \"{0}\"")]
    Header(&'static str),
    /// A line is not a date and a kind or a name.
    #[error("line {0}: must be a date as yyyy-mm-dd, a comma, and a known kind or a name")]
    Line(usize),
    /// A date stands there twice.
    #[error("line {0}: the date stands there twice")]
    Twice(usize),
}

/// England's bank holidays, as far as they are listed. Extra ones (royal occasions) come as data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BankHolidays(BTreeSet<Date>);

impl BankHolidays {
    /// These days.
    #[must_use]
    pub fn new(days: impl IntoIterator<Item = Date>) -> Self {
        Self(days.into_iter().collect())
    }

    /// Reads `date,name` lines after a header of those words; empty lines and lines that begin with `#` are
    /// passed over.
    ///
    /// # Errors
    /// [`CalendarError`].
    pub fn from_csv(text: &str) -> Result<Self, CalendarError> {
        let mut days = BTreeSet::new();
        for (line, day, name) in rows(text, "date,name")? {
            if name.is_empty() {
                return Err(CalendarError::Line(line));
            }
            if !days.insert(day) {
                return Err(CalendarError::Twice(line));
            }
        }
        Ok(Self(days))
    }

    /// Whether a day is a bank holiday.
    #[must_use]
    pub fn contains(&self, day: Date) -> bool {
        self.0.contains(&day)
    }

    /// Whether a day is a working day: Monday to Friday and not a bank holiday. (The Regulations do not define
    /// it; this is the ordinary reading.)
    #[must_use]
    pub fn is_working_day(&self, day: Date) -> bool {
        !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !self.contains(day)
    }
}

/// One school's calendar: every day it lists, by kind. Days between the first and the last listed that are not
/// listed are not school days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchoolCalendar(BTreeMap<Date, DayKind>);

impl SchoolCalendar {
    /// A calendar of these days; of a date that comes twice, the last counts.
    #[must_use]
    pub fn new(days: impl IntoIterator<Item = (Date, DayKind)>) -> Self {
        Self(days.into_iter().collect())
    }

    /// Reads `date,kind` lines after a header of those words, the kind a code of [`DayKind`]; empty lines and
    /// lines that begin with `#` are passed over.
    ///
    /// # Errors
    /// [`CalendarError`].
    pub fn from_csv(text: &str) -> Result<Self, CalendarError> {
        let mut days = BTreeMap::new();
        for (line, day, kind) in rows(text, "date,kind")? {
            let kind = DayKind::from_code(kind).ok_or(CalendarError::Line(line))?;
            if days.insert(day, kind).is_some() {
                return Err(CalendarError::Twice(line));
            }
        }
        Ok(Self(days))
    }

    /// What a day is; `None` when the calendar does not list it.
    #[must_use]
    pub fn kind_of(&self, day: Date) -> Option<DayKind> {
        self.0.get(&day).copied()
    }

    /// The first and the last day that the calendar lists; `None` when it is empty.
    #[must_use]
    pub fn covers(&self) -> Option<RangeInclusive<Date>> {
        let (first, _) = self.0.first_key_value()?;
        let (last, _) = self.0.last_key_value()?;
        Some(*first..=*last)
    }

    /// Whether pupils have a session that day; `None` outside the days that the calendar covers.
    #[must_use]
    pub fn is_school_day(&self, day: Date) -> Option<bool> {
        self.covers()?
            .contains(&day)
            .then(|| self.kind_of(day) == Some(DayKind::SchoolDay))
    }
}

/// The date on which the `count`th school day after `from` falls; the day of the event is not counted.
/// Where the calendar does not reach, days are counted by [`BankHolidays::is_working_day`] and the result is an
/// estimate (SI 1999/3181: each school has its own days). `None` when the date would lie past the year 9999.
#[must_use]
pub fn school_days_after(
    from: Date,
    count: u32,
    calendar: &SchoolCalendar,
    holidays: &BankHolidays,
) -> Option<(Date, Certainty)> {
    let (mut day, mut left, mut certainty) = (from, count, Certainty::Counted);
    while left > 0 {
        day = day.tomorrow().ok()?;
        let counts = calendar.is_school_day(day).unwrap_or_else(|| {
            certainty = Certainty::Estimated;
            holidays.is_working_day(day)
        });
        left -= u32::from(counts);
    }
    Some((day, certainty))
}

/// Lines of two columns after a header: line number, date, second column.
fn rows<'a>(text: &'a str, header: &'static str) -> Result<Vec<(usize, Date, &'a str)>, CalendarError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
    if lines.next().map(|(_, line)| line.trim()) != Some(header) {
        return Err(CalendarError::Header(header));
    }
    lines
        .map(|(number, line)| {
            let (day, second) = line.split_once(',').ok_or(CalendarError::Line(number))?;
            let day = iso_day(day.trim()).ok_or(CalendarError::Line(number))?;
            Ok((number, day, second.trim()))
        })
        .collect()
}

/// A date written as yyyy-mm-dd and in no other way (the date library would also take a time after it).
fn iso_day(text: &str) -> Option<Date> {
    let formed = text.len() == 10
        && text.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    formed.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn faults_name_their_line() {
        for (text, fault) in [
            ("", CalendarError::Header("date,kind")),
            ("day,kind\n", CalendarError::Header("date,kind")),
            ("date,kind\n2026-02-30,INSET\n", CalendarError::Line(2)),
            ("date,kind\n2026-02-20,FUN\n", CalendarError::Line(2)),
            ("date,kind\n2026-02-20\n", CalendarError::Line(2)),
            ("date,kind\n20/02/2026,INSET\n", CalendarError::Line(2)),
            ("date,kind\n20260220,INSET\n", CalendarError::Line(2)),
            ("date,kind\n2026-02-20T09:00,INSET\n", CalendarError::Line(2)),
            (
                "# ours\n\ndate,kind\n\n# spring\nx,INSET\n",
                CalendarError::Line(6),
            ),
            (
                "date,kind\r\n2026-02-20,INSET\r\n2026-02-20,INSET\r\n",
                CalendarError::Twice(3),
            ),
        ] {
            assert_eq!(SchoolCalendar::from_csv(text), Err(fault), "{text:?}");
        }
        for (text, fault) in [
            ("date,kind\n", CalendarError::Header("date,name")),
            ("date,name\n2026-12-25,\n", CalendarError::Line(2)),
            ("date,name\n2026-12-25,A\n2026-12-25,B\n", CalendarError::Twice(3)),
        ] {
            assert_eq!(BankHolidays::from_csv(text), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn a_table_reads_as_its_days() {
        let text = "\u{feff}# term\ndate,kind\n2026-02-20,INSET\n2026-02-23,SCHOOL_DAY\n";
        let calendar = SchoolCalendar::from_csv(text).unwrap();
        let (inset, school) = (date(2026, 2, 20), date(2026, 2, 23));
        assert_eq!(
            calendar,
            SchoolCalendar::new([(inset, DayKind::Inset), (school, DayKind::SchoolDay)])
        );
        assert_eq!(calendar.covers(), Some(inset..=school));
        let told: Vec<_> = [inset, date(2026, 2, 21), school, date(2026, 2, 24)]
            .map(|day| calendar.is_school_day(day))
            .into();
        assert_eq!(told, [Some(false), Some(false), Some(true), None]);
    }

    #[test]
    fn working_days_are_monday_to_friday_less_bank_holidays() {
        let holidays = BankHolidays::new([date(2026, 12, 25), date(2026, 12, 28)]);
        let working: Vec<_> = (24..=29)
            .filter(|day| holidays.is_working_day(date(2026, 12, *day)))
            .collect();
        assert_eq!(working, [24, 29]);
    }

    #[test]
    fn the_end_of_time_is_not_passed() {
        let due = school_days_after(Date::MAX, 1, &SchoolCalendar::default(), &BankHolidays::default());
        assert_eq!(due, None);
    }

    #[test]
    fn a_missing_calendar_gives_an_estimate() {
        let holidays = BankHolidays::from_csv("date,name\n2026-12-25,Christmas Day\n").unwrap();
        let none = SchoolCalendar::default();
        let due = school_days_after(date(2026, 12, 24), 1, &none, &holidays);
        assert_eq!(due, Some((date(2026, 12, 28), Certainty::Estimated)));
    }

    #[test]
    fn a_calendar_that_ends_too_early_gives_an_estimate() {
        let calendar = SchoolCalendar::new([(date(2026, 11, 23), DayKind::SchoolDay)]);
        let due = school_days_after(date(2026, 11, 22), 2, &calendar, &BankHolidays::default());
        assert_eq!(due, Some((date(2026, 11, 24), Certainty::Estimated)));
    }
}
