//! School days, bank holidays and working days, as data.

use std::collections::{BTreeMap, BTreeSet};

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
    /// The first line does not name the columns.
    #[error("line 1: must be \"date,kind\" or \"date,name\"")]
    Header,
    /// A line is not a date and a kind.
    #[error("line {0}: must be a date as yyyy-mm-dd and a known kind")]
    Line(usize),
    /// A date stands there twice.
    #[error("line {0}: the date stands there twice")]
    Twice(usize),
}

/// England's bank holidays, as far as they are listed. Extra ones (royal occasions) come as data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BankHolidays(BTreeSet<Date>);

impl BankHolidays {
    /// Reads `date,name` lines.
    ///
    /// # Errors
    /// [`CalendarError`].
    pub fn from_csv(text: &str) -> Result<Self, CalendarError> {
        let mut days = BTreeSet::new();
        for (line, day, _name) in rows(text, "date,name")? {
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
    /// A calendar of these days.
    #[must_use]
    pub fn new(days: impl IntoIterator<Item = (Date, DayKind)>) -> Self {
        Self(days.into_iter().collect())
    }

    /// Reads `date,kind` lines.
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

    /// Whether pupils have a session that day; `None` outside the days that the calendar covers.
    #[must_use]
    pub fn is_school_day(&self, day: Date) -> Option<bool> {
        let (first, last) = (self.0.keys().next()?, self.0.keys().next_back()?);
        (*first..=*last)
            .contains(&day)
            .then(|| self.0.get(&day) == Some(&DayKind::SchoolDay))
    }
}

/// The date on which the `count`th school day after `from` falls; the day of the event is not counted.
/// Where the calendar does not reach, days are counted by [`BankHolidays::is_working_day`] and the result is an
/// estimate. `None` past the end of the calendar of the world.
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
fn rows<'a>(text: &'a str, header: &str) -> Result<Vec<(usize, Date, &'a str)>, CalendarError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with('#'));
    if lines.next().map(|(_, line)| line.trim()) != Some(header) {
        return Err(CalendarError::Header);
    }
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            let fault = CalendarError::Line(index + 1);
            let (day, second) = line.split_once(',').ok_or_else(|| fault.clone())?;
            let day = day.trim().parse().map_err(|_| fault)?;
            Ok((index + 1, day, second.trim()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn faults_name_their_line() {
        assert_eq!(SchoolCalendar::from_csv("day,kind\n"), Err(CalendarError::Header));
        assert_eq!(
            SchoolCalendar::from_csv("date,kind\n2026-02-30,INSET\n"),
            Err(CalendarError::Line(2))
        );
        assert_eq!(
            SchoolCalendar::from_csv("date,kind\n2026-02-20,FUN\n"),
            Err(CalendarError::Line(2))
        );
        let twice = "date,kind\n2026-02-20,INSET\n2026-02-20,INSET\n";
        assert_eq!(SchoolCalendar::from_csv(twice), Err(CalendarError::Twice(3)));
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
