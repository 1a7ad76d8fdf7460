//! On which days those who owe a clock are warned, told and chased.

use jiff::Span;
use jiff::civil::Date;

use super::counting::days_between;
use super::rule::ClockRule;
use super::terms::ClockNature;
use crate::exchange::HubNoticeCode;

/// When notices go out about a clock. A value of its own, so that an agency can choose another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticePlan {
    /// How many days before the due date a warning goes out.
    pub days_before: Vec<u16>,
    /// Whether one goes out on the day.
    pub on_the_day: bool,
    /// How many days after the due date the first chase goes out; none when there is no chase.
    pub first_chase: Option<u16>,
    /// After how many days each further chase follows.
    pub chase_every: u16,
    /// How many further chases follow the first.
    pub chase_times: u16,
    /// How many days of any kind after the start one more warning goes out, if the due date has not come by then.
    pub days_after_start: Option<u16>,
}

/// One notice that goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    /// The day.
    pub on: Date,
    /// What it says: due soon, due today or overdue.
    pub code: HubNoticeCode,
}

impl Default for NoticePlan {
    /// 14, 7 and 1 days before; on the day; 1 day after, then 4 times every 7 days. The warning on the day before
    /// serves the authorities that count the day of receipt as the first.
    fn default() -> Self {
        Self {
            days_before: vec![14, 7, 1],
            on_the_day: true,
            first_chase: Some(1),
            chase_every: 7,
            chase_times: 4,
            days_after_start: None,
        }
    }
}

impl NoticePlan {
    /// The plan that fits a clock: a window that closes, or a day from which something may be done, is announced
    /// and never chased; a child-protection file is warned of on the fifth day of any kind.
    #[must_use]
    pub fn of(rule: ClockRule) -> Self {
        let plan = Self::default();
        let days_after_start = matches!(
            rule,
            ClockRule::ChildProtectionFile | ClockRule::ChildProtectionFileTerm
        )
        .then_some(5);
        match rule.terms().nature {
            ClockNature::Duty => Self {
                days_after_start,
                ..plan
            },
            ClockNature::Window => Self {
                first_chase: None,
                chase_times: 0,
                ..plan
            },
            ClockNature::Earliest => Self {
                days_before: Vec::new(),
                first_chase: None,
                chase_times: 0,
                ..plan
            },
        }
    }

    /// Every notice of a clock, in order of days, a day at most once. Warnings that would lie on the day of the
    /// start or before are left out: who starts a clock is told of it then.
    #[must_use]
    pub fn notices(&self, started: Date, due: Date) -> Vec<Notice> {
        let day = |from: Date, days: i64| from.checked_add(Span::new().try_days(days).ok()?).ok();
        let before = self
            .days_before
            .iter()
            .filter_map(|days| day(due, -i64::from(*days)))
            .chain(
                self.days_after_start
                    .and_then(|days| day(started, i64::from(days))),
            )
            .filter(|on| *on > started && *on < due)
            .map(|on| (on, HubNoticeCode::ClockDueSoon));
        let on_the_day = self.on_the_day.then_some((due, HubNoticeCode::ClockDueToday));
        let after = self
            .first_chase
            .into_iter()
            .flat_map(|first| {
                (0..=self.chase_times)
                    .map(move |time| i64::from(first) + i64::from(time) * i64::from(self.chase_every))
            })
            .filter_map(|days| day(due, days))
            .map(|on| (on, HubNoticeCode::ClockOverdue));
        let mut notices: Vec<Notice> = before
            .chain(on_the_day)
            .chain(after)
            .map(|(on, code)| Notice { on, code })
            .collect();
        notices.sort_unstable();
        notices.dedup_by_key(|notice| notice.on);
        notices
    }

    /// The first notice of a clock that starts.
    #[must_use]
    pub fn first_on(&self, started: Date, due: Date) -> Option<Notice> {
        self.notices(started, due).into_iter().next()
    }

    /// The first notice after a day; `None` when the last has gone out.
    #[must_use]
    pub fn next_after(&self, day: Date, started: Date, due: Date) -> Option<Notice> {
        self.notices(started, due)
            .into_iter()
            .find(|notice| notice.on > day)
    }

    /// What is to be said on a day, when no run of the notices was missed or some were: the latest notice not
    /// before `last_run` (exclusive) and not after `today`. Several missed at once make one.
    #[must_use]
    pub fn due_between(&self, last_run: Date, today: Date, started: Date, due: Date) -> Option<Notice> {
        self.notices(started, due)
            .into_iter()
            .rfind(|notice| notice.on > last_run && notice.on <= today)
    }
}

/// Whole days left until a due date; negative when it is past.
#[must_use]
pub fn days_left(today: Date, due: Date) -> i64 {
    days_between(today, due)
}
