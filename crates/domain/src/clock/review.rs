//! Two rules about the day of a review meeting: how much notice was given, and by when a decision is due.

use jiff::civil::Date;

use super::counting::{days_between, period_end};
use super::params::ClockParams;
use super::rule::ClockRule;
use crate::agency::coded;
use crate::calendar::CalendarSet;

coded! {
    /// What a notice before a review meeting is worth (SEND Regs 2014 reg 20(3): "at least two weeks").
    ReviewNotice {
        /// Fewer than 14 days: a breach on every reading.
        TooShort = "TOO_SHORT",
        /// Exactly 14 days: in time on the ordinary reading, one day short when only clear days count.
        FourteenWithWarning = "FOURTEEN_WITH_WARNING",
        /// 15 days or more: safe on every reading.
        Safe = "SAFE",
    }
}

/// What a notice sent on one day is worth for a meeting on another.
#[must_use]
pub fn review_notice(meeting: Date, sent: Date) -> ReviewNotice {
    match days_between(sent, meeting) {
        15.. => ReviewNotice::Safe,
        14 => ReviewNotice::FourteenWithWarning,
        _ => ReviewNotice::TooShort,
    }
}

/// By when the authority decides after a meeting: 28 days after it (reg 20(10)), and within the 12 months that
/// start with the day on which the plan was made or last reviewed (CFA 2014 s.44(1)), because a review ends with
/// the decision. `None` when the date would lie past the year 9999.
#[must_use]
pub fn decision_due(meeting: Date, made_or_last_reviewed: Option<Date>) -> Option<Date> {
    let params = ClockParams {
        anniversary_limit: made_or_last_reviewed.and_then(|day| period_end(day, 12)),
        ..ClockParams::default()
    };
    let due = super::start(
        ClockRule::ReviewDecision,
        meeting,
        &params,
        CalendarSet::default().of(None),
    )?;
    Some(due.due_on)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    /// SEND Regs 2014 reg 20(3), both readings.
    #[test]
    fn notice_is_weighed_on_both_readings() {
        let meeting = date(2026, 11, 16);
        for (sent, worth) in [
            (date(2026, 11, 17), ReviewNotice::TooShort),
            (date(2026, 11, 3), ReviewNotice::TooShort),
            (date(2026, 11, 2), ReviewNotice::FourteenWithWarning),
            (date(2026, 11, 1), ReviewNotice::Safe),
            (date(2026, 1, 1), ReviewNotice::Safe),
        ] {
            assert_eq!(review_notice(meeting, sent), worth, "{sent}");
        }
    }

    /// Reg 20(10) and CFA 2014 s.44(1): the earlier binds.
    #[test]
    fn a_decision_is_due_at_the_earlier_of_two_limits() {
        let meeting = date(2026, 12, 9);
        assert_eq!(decision_due(meeting, None), Some(date(2027, 1, 6)));
        assert_eq!(
            decision_due(meeting, Some(date(2026, 7, 1))),
            Some(date(2027, 1, 6))
        );
        assert_eq!(
            decision_due(meeting, Some(date(2025, 12, 20))),
            Some(date(2026, 12, 19))
        );
    }
}
