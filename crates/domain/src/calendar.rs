//! School days, bank holidays and working days, as data.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use jiff::civil::{Date, Weekday};

use crate::agency::coded;
use crate::identifiers::LaEstab;

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
        /// The calendar is missing or ends too early, so Monday to Friday less bank holidays was counted instead;
        /// or no bank holidays are listed for a year that the count touches; or a fact was missing and the
        /// earliest possible date stands for it.
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

    /// Whether any bank holiday is listed in a day's year. Every year has some, so a year without is not listed.
    #[must_use]
    pub fn lists_year_of(&self, day: Date) -> bool {
        let year = day.first_of_year()..=day.last_of_year();
        self.0.range(year).next().is_some()
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

/// The calendars by which one clock counts.
#[derive(Debug, Clone, Copy)]
pub struct Calendars<'a> {
    /// The calendar of the school concerned; an empty one when it is not known.
    pub school: &'a SchoolCalendar,
    /// England's bank holidays.
    pub holidays: &'a BankHolidays,
}

/// England's bank holidays and the calendars of schools by DfE number.
#[derive(Debug, Clone, Default)]
pub struct CalendarSet {
    /// England's bank holidays.
    pub holidays: BankHolidays,
    /// What each school has handed in.
    pub schools: HashMap<LaEstab, SchoolCalendar>,
}

impl CalendarSet {
    /// The calendars for a school; an empty one of its own when it has handed in none, so that what is counted
    /// is marked as an estimate.
    #[must_use]
    pub fn of(&self, school: Option<&LaEstab>) -> Calendars<'_> {
        static NONE: SchoolCalendar = SchoolCalendar(BTreeMap::new());
        Calendars {
            school: school
                .and_then(|school| self.schools.get(school))
                .unwrap_or(&NONE),
            holidays: &self.holidays,
        }
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
    count_days(from, count, |day| {
        calendar
            .is_school_day(day)
            .map_or((holidays.is_working_day(day), false), |school| (school, true))
    })
}

/// The same when the day of the event counts as the first, if it is a school day.
#[must_use]
pub fn school_days_from(
    from: Date,
    count: u32,
    calendar: &SchoolCalendar,
    holidays: &BankHolidays,
) -> Option<(Date, Certainty)> {
    school_days_after(from.yesterday().ok()?, count, calendar, holidays)
}

/// The date on which the `count`th working day after `from` falls; the day of the event is not counted. The
/// result is an estimate when no bank holidays are listed for a year that the count touches. `None` when the date
/// would lie past the year 9999.
#[must_use]
pub fn working_days_after(from: Date, count: u32, holidays: &BankHolidays) -> Option<(Date, Certainty)> {
    count_days(from, count, |day| {
        (holidays.is_working_day(day), holidays.lists_year_of(day))
    })
}

/// The same when the day of the event counts as the first, if it is a working day.
#[must_use]
pub fn working_days_from(from: Date, count: u32, holidays: &BankHolidays) -> Option<(Date, Certainty)> {
    working_days_after(from.yesterday().ok()?, count, holidays)
}

/// Counts on from a day: `of` says of each whether it counts and whether that is known.
fn count_days(from: Date, count: u32, of: impl Fn(Date) -> (bool, bool)) -> Option<(Date, Certainty)> {
    let (mut day, mut left, mut certainty) = (from, count, Certainty::Counted);
    while left > 0 {
        day = day.tomorrow().ok()?;
        let (counts, known) = of(day);
        if !known {
            certainty = Certainty::Estimated;
        }
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
pub(crate) fn iso_day(text: &str) -> Option<Date> {
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
    fn working_days_count_from_or_after_and_are_estimates_past_the_list() {
        let holidays = BankHolidays::new([date(2026, 12, 25), date(2026, 12, 28)]);
        let after = working_days_after(date(2026, 12, 23), 3, &holidays);
        assert_eq!(after, Some((date(2026, 12, 30), Certainty::Counted)));
        let from = working_days_from(date(2026, 12, 23), 3, &holidays);
        assert_eq!(from, Some((date(2026, 12, 29), Certainty::Counted)));
        // A weekend day is never the first working day.
        let from_saturday = working_days_from(date(2026, 12, 19), 1, &holidays);
        assert_eq!(from_saturday, Some((date(2026, 12, 21), Certainty::Counted)));
        let past = working_days_after(date(2026, 12, 31), 1, &holidays);
        assert_eq!(past, Some((date(2027, 1, 1), Certainty::Estimated)));
    }

    #[test]
    fn a_school_day_can_be_the_first_of_its_count() {
        let calendar = SchoolCalendar::new([
            (date(2026, 9, 3), DayKind::Inset),
            (date(2026, 9, 4), DayKind::SchoolDay),
            (date(2026, 9, 7), DayKind::SchoolDay),
        ]);
        for (first, count, last) in [(3, 1, 4), (4, 1, 4), (4, 2, 7)] {
            let found = school_days_from(date(2026, 9, first), count, &calendar, &BankHolidays::default());
            assert_eq!(found, Some((date(2026, 9, last), Certainty::Counted)), "{first}");
        }
    }

    #[test]
    fn a_school_without_a_calendar_has_an_empty_one() {
        let school = LaEstab::parse("9999001").unwrap();
        let own = SchoolCalendar::new([(date(2026, 9, 4), DayKind::SchoolDay)]);
        let mut set = CalendarSet::default();
        assert_eq!(set.of(Some(&school)).school, &SchoolCalendar::default());
        set.schools.insert(school.clone(), own.clone());
        assert_eq!(set.of(Some(&school)).school, &own);
        assert_eq!(set.of(None).school, &SchoolCalendar::default());
    }

    #[test]
    fn a_calendar_that_ends_too_early_gives_an_estimate() {
        let calendar = SchoolCalendar::new([(date(2026, 11, 23), DayKind::SchoolDay)]);
        let due = school_days_after(date(2026, 11, 22), 2, &calendar, &BankHolidays::default());
        assert_eq!(due, Some((date(2026, 11, 24), Certainty::Estimated)));
    }
}
