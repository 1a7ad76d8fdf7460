//! How a clock counts from its event to its date.

use std::fmt;

use jiff::civil::Date;
use jiff::{Span, Unit};

use super::params::{ClockParams, NoticeReading, PhaseKind};
use crate::calendar::{
    Calendars, Certainty, school_days_after, school_days_from, working_days_after, working_days_from,
};

/// How a clock counts. Weeks are blocks of 7 days. A date that falls on a weekend or a holiday stays there: no
/// provision in England rolls it forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// The day of the event itself (`AT_ONCE`).
    AtOnce,
    /// So many days of any kind after the event, whose day is not counted (`X_AFTER`).
    DaysAfter(u32),
    /// The same, and not after the end of the 12 months when `anniversary_limit` gives it (`X_AFTER`).
    DaysAfterWithinTheYear(u32),
    /// So many days beginning with the day of the event (`X_FROM`).
    DaysFrom(u32),
    /// So many days before the event; one more when only clear days count (`AT_LEAST_CLEAR`).
    DaysAhead(u32),
    /// So many days with a session at the school after the event (`SD_AFTER`).
    SchoolDaysAfter(u32),
    /// So many days with a session at the school, the event's day being the first if it is one (`SD_FROM`).
    SchoolDaysFrom(u32),
    /// So many working days after the event (`WD_AFTER`).
    WorkingDaysAfter(u32),
    /// So many working days, the event's day being the first if it is one (`WD_FROM`).
    WorkingDaysFrom(u32),
    /// The day of the event or, when later, the last of so many working days beginning with the day on which the
    /// old body became aware (`WD_FROM`). Not knowing that day, the day of the event: it is never too late.
    MoveOrWorkingDaysFromAwareness(u32),
    /// The last day of so many months that begin with the day of the event (`MONTHS_FROM`).
    MonthsFrom(u32),
    /// So many months before the event (`MONTHS_BEFORE`).
    MonthsBefore(u32),
    /// The later of the last days of two periods: `since_last` months beginning with the day on which the plan
    /// was made or last reviewed, and `since_event` beginning with the event (`LATER_OF`). Not knowing the first,
    /// the second: it is never too late.
    LaterOfPeriods {
        /// Months from the making or last review.
        since_last: u32,
        /// Months from the event.
        since_event: u32,
    },
    /// The later of so many months after the event and so many after the certificate (`MONTHS_LATER_OF`).
    LaterOfMonths {
        /// Months after the event.
        event: u32,
        /// Months after the certificate, if there is one.
        certificate: u32,
    },
    /// The day before 31 March (to post-16) or 15 February (all others) in the year of the event (`BEFORE`).
    BeforePhaseTransfer,
}

impl Counting {
    /// The stable code of the convention.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AtOnce => "AT_ONCE",
            Self::DaysAfter(_) | Self::DaysAfterWithinTheYear(_) => "X_AFTER",
            Self::DaysFrom(_) => "X_FROM",
            Self::DaysAhead(_) => "AT_LEAST_CLEAR",
            Self::SchoolDaysAfter(_) => "SD_AFTER",
            Self::SchoolDaysFrom(_) => "SD_FROM",
            Self::WorkingDaysAfter(_) => "WD_AFTER",
            Self::WorkingDaysFrom(_) | Self::MoveOrWorkingDaysFromAwareness(_) => "WD_FROM",
            Self::MonthsFrom(_) => "MONTHS_FROM",
            Self::MonthsBefore(_) => "MONTHS_BEFORE",
            Self::LaterOfPeriods { .. } => "LATER_OF",
            Self::LaterOfMonths { .. } => "MONTHS_LATER_OF",
            Self::BeforePhaseTransfer => "BEFORE",
        }
    }

    /// The last day in time for an event, and how sure it is. `None` when a parameter is missing without which
    /// there is no date, or when the date would lie outside the years that can be written.
    pub(super) fn last_day(
        self,
        event: Date,
        params: &ClockParams,
        calendars: Calendars<'_>,
    ) -> Option<(Date, Certainty)> {
        let Calendars { school, holidays } = calendars;
        let day = match self {
            Self::SchoolDaysAfter(count) => return school_days_after(event, count, school, holidays),
            Self::SchoolDaysFrom(count) => return school_days_from(event, count, school, holidays),
            Self::WorkingDaysAfter(count) => return working_days_after(event, count, holidays),
            Self::WorkingDaysFrom(count) => return working_days_from(event, count, holidays),
            Self::MoveOrWorkingDaysFromAwareness(count) => {
                let Some(aware) = params.old_body_aware else {
                    return Some((event, Certainty::Estimated));
                };
                let (last, certainty) = working_days_from(aware, count, holidays)?;
                return Some((last.max(event), certainty));
            }
            Self::LaterOfPeriods {
                since_last,
                since_event,
            } => {
                let other = period_end(event, since_event)?;
                let Some(last) = params.last_made_or_reviewed else {
                    return Some((other, Certainty::Estimated));
                };
                period_end(last, since_last)?.max(other)
            }
            Self::AtOnce => event,
            Self::DaysAfter(count) => days_after(event, count)?,
            Self::DaysAfterWithinTheYear(count) => {
                let day = days_after(event, count)?;
                params.anniversary_limit.map_or(day, |limit| limit.min(day))
            }
            Self::DaysFrom(count) => days_after(event, count.saturating_sub(1))?,
            Self::DaysAhead(count) => {
                let clear = params.notice_reading == Some(NoticeReading::ClearDays);
                let days = i64::from(count) + i64::from(clear);
                event.checked_sub(Span::new().try_days(days).ok()?).ok()?
            }
            Self::MonthsFrom(count) => period_end(event, count)?,
            Self::MonthsBefore(count) => event.checked_sub(months(count)?).ok()?,
            Self::LaterOfMonths {
                event: first,
                certificate,
            } => {
                let by_event = months_after(event, first)?;
                match params.certificate {
                    Some(day) => months_after(day, certificate)?.max(by_event),
                    None => by_event,
                }
            }
            Self::BeforePhaseTransfer => before_phase_transfer(event.year(), params.phase?)?,
        };
        Some((day, Certainty::Counted))
    }
}

impl fmt::Display for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtOnce => f.write_str("at once"),
            Self::DaysAfter(count) => write!(f, "{count} days after"),
            Self::DaysAfterWithinTheYear(count) => write!(f, "{count} days after, within the 12 months"),
            Self::DaysFrom(count) => write!(f, "{count} days beginning with"),
            Self::DaysAhead(count) => write!(f, "{count} days before"),
            Self::SchoolDaysAfter(count) => write!(f, "{count} school days after"),
            Self::SchoolDaysFrom(count) => write!(f, "{count} school days beginning with"),
            Self::WorkingDaysAfter(count) => write!(f, "{count} working days after"),
            Self::WorkingDaysFrom(count) => write!(f, "{count} working days beginning with"),
            Self::MoveOrWorkingDaysFromAwareness(count) => {
                write!(
                    f,
                    "on the day, or {count} working days beginning with the old body's awareness, if later"
                )
            }
            Self::MonthsFrom(count) => write!(f, "{count} months beginning with"),
            Self::MonthsBefore(count) => write!(f, "{count} months before"),
            Self::LaterOfPeriods {
                since_last,
                since_event,
            } => write!(
                f,
                "the later of {since_last} months beginning with the last review and {since_event} months beginning with"
            ),
            Self::LaterOfMonths { event, certificate } => write!(
                f,
                "the later of {certificate} months after the certificate and {event} months after"
            ),
            Self::BeforePhaseTransfer => {
                f.write_str("before 31 March (to post-16) or 15 February (all others)")
            }
        }
    }
}

/// So many days after a day.
fn days_after(day: Date, count: u32) -> Option<Date> {
    day.checked_add(Span::new().try_days(i64::from(count)).ok()?).ok()
}

/// The day with the same number so many months on; the month's last day when it has no such number.
fn months_after(day: Date, count: u32) -> Option<Date> {
    day.checked_add(months(count)?).ok()
}

fn months(count: u32) -> Option<Span> {
    Span::new().try_months(i64::from(count)).ok()
}

/// The last day of a period of so many months that begins with `first`: the day before the one with the same
/// number, or the month's last day when it has no such number (from 29 February, 12 months end on 28 February).
#[must_use]
pub fn period_end(first: Date, months: u32) -> Option<Date> {
    let same = months_after(first, months)?;
    if same.day() == first.day() {
        same.yesterday().ok()
    } else {
        Some(same)
    }
}

/// The last lawful day for a transfer between phases in a calendar year. Reg 18(1) says *before* 31 March and
/// *before* 15 February, so those days themselves are late.
#[must_use]
pub fn before_phase_transfer(year: i16, kind: PhaseKind) -> Option<Date> {
    match kind {
        PhaseKind::SecondaryToPost16 => Date::new(year, 3, 30),
        PhaseKind::EarlyYearsToSchool
        | PhaseKind::InfantToJunior
        | PhaseKind::PrimaryToMiddle
        | PhaseKind::PrimaryToSecondary
        | PhaseKind::MiddleToSecondary => Date::new(year, 2, 14),
    }
    .ok()
}

/// Whole days from one day to another; negative when the second comes first.
pub(super) fn days_between(from: Date, to: Date) -> i64 {
    from.until((Unit::Day, to))
        .map_or(0, |span| i64::from(span.get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn periods_of_months_end_the_day_before_or_with_the_month() {
        for (first, months, last) in [
            (date(2025, 9, 1), 12, date(2026, 8, 31)),
            (date(2024, 2, 29), 12, date(2025, 2, 28)),
            (date(2023, 3, 1), 12, date(2024, 2, 29)),
            (date(2026, 11, 30), 3, date(2027, 2, 28)),
            (date(2026, 12, 1), 3, date(2027, 2, 28)),
            (date(2026, 1, 31), 1, date(2026, 2, 28)),
        ] {
            assert_eq!(
                period_end(first, months),
                Some(last),
                "{first} and {months} months"
            );
        }
        assert_eq!(period_end(Date::MAX, 1), None);
    }

    #[test]
    fn only_the_move_to_post_16_has_until_march() {
        for kind in PhaseKind::ALL {
            let expected = if *kind == PhaseKind::SecondaryToPost16 {
                date(2027, 3, 30)
            } else {
                date(2027, 2, 14)
            };
            assert_eq!(before_phase_transfer(2027, *kind), Some(expected), "{kind}");
        }
    }

    #[test]
    fn days_between_are_signed() {
        assert_eq!(days_between(date(2026, 10, 1), date(2026, 10, 28)), 27);
        assert_eq!(days_between(date(2026, 10, 28), date(2026, 10, 1)), -27);
    }
}
