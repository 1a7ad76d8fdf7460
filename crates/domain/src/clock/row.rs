//! A question as a table of clocks writes it: a rule's name, its start and its parameters as text.

use std::fmt;

use jiff::civil::Date;

use super::counting::Counting;
use super::exception::{ExceptionFacts, ExceptionGround};
use super::params::{ClockParams, ParamsError};
use super::rule::ClockRule;
use super::{DueDate, start};
use crate::calendar::{CalendarSet, iso_day};

/// What a row asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A clock's date.
    Due(DueDate),
    /// Whether an exception holds.
    Holds(bool),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Due(due) => due.due_on.fmt(f),
            Self::Holds(holds) => holds.fmt(f),
        }
    }
}

/// Why a row has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// No clock and no exception has this name.
    #[error("no clock and no exception has this name")]
    Rule,
    /// The start is no date.
    #[error("the start must be a date as yyyy-mm-dd (a year, for a transfer between phases)")]
    Start,
    /// A parameter cannot be read.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// A parameter is missing, or the date would lie outside the years that can be written.
    #[error("with these parameters there is no answer")]
    NoAnswer,
}

/// Answers a row: a clock's date, or for a name that begins with `EXC_` whether that exception holds, its start
/// being the day on which advice was asked or the absence began.
///
/// # Errors
/// [`RowError`].
pub fn answer(rule: &str, event: &str, params: &str, calendars: &CalendarSet) -> Result<Answer, RowError> {
    let params = ClockParams::parse(params)?;
    if let Some(rule) = ClockRule::find(rule) {
        let event = event_day(rule, event).ok_or(RowError::Start)?;
        let calendars = calendars.of(params.calendar.as_ref());
        return start(rule, event, &params, calendars)
            .map(Answer::Due)
            .ok_or(RowError::NoAnswer);
    }
    let ground = rule
        .starts_with("EXC_")
        .then(|| ExceptionGround::find(rule))
        .flatten()
        .ok_or(RowError::Rule)?;
    let event = iso_day(event).ok_or(RowError::Start)?;
    let facts = ExceptionFacts {
        advice_asked: Some(event),
        absent_from: Some(event),
        closed_from: params.closed_from,
        reopens: params.reopens,
        returned: params.returned,
    };
    ground.holds(&facts).map(Answer::Holds).ok_or(RowError::NoAnswer)
}

/// The day a clock starts; of a transfer between phases a year is enough.
fn event_day(rule: ClockRule, text: &str) -> Option<Date> {
    let year_is_enough = rule.counting() == Counting::BeforePhaseTransfer;
    if year_is_enough && text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Date::new(text.parse().ok()?, 1, 1).ok();
    }
    iso_day(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_answered_says_why() {
        for (rule, event, params, fault) in [
            ("EHCNA_DECIDE_9W", "2026-09-07", "", RowError::Rule),
            ("SCHOOL_CLOSED_4W", "2026-09-07", "", RowError::Rule),
            ("EXC_WAITING_LIST", "2026-09-07", "", RowError::Rule),
            ("EHCNA_DECIDE_6W", "7/9/2026", "", RowError::Start),
            ("EHCNA_DECIDE_6W", "2026", "", RowError::Start),
            (
                "EHCNA_DECIDE_6W",
                "2026-09-07",
                "x=1",
                RowError::Params(ParamsError::Name),
            ),
            ("EHCNA_DECIDE_6W", "9999-12-31", "", RowError::NoAnswer),
            ("PHASE_TRANSFER", "2027", "", RowError::NoAnswer),
            ("EXC_ABSENT_4W", "2026-10-01", "", RowError::NoAnswer),
            ("EXC_PERSONAL_CIRCUMSTANCES", "2026-10-01", "", RowError::NoAnswer),
        ] {
            let found = answer(rule, event, params, &CalendarSet::default());
            assert_eq!(found, Err(fault), "{rule} {event}");
        }
    }
}
