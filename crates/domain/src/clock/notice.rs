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

    /// What is to be said today when notices were last looked for on another day: the latest of those since then.
    /// Several missed at once make one, so that nobody is told three times on the morning after an outage.
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

#[cfg(test)]
mod tests {
    use super::*;
    use HubNoticeCode::{ClockDueSoon, ClockDueToday, ClockOverdue};
    use jiff::civil::date;

    fn days(plan: &NoticePlan, started: Date, due: Date) -> Vec<(Date, HubNoticeCode)> {
        let notices = plan.notices(started, due);
        notices
            .into_iter()
            .map(|notice| (notice.on, notice.code))
            .collect()
    }

    #[test]
    fn a_late_adviser_is_warned_told_and_chased_on_the_right_days() {
        // CLK013: requested on 5 October 2026, due on 16 November 2026.
        let (started, due) = (date(2026, 10, 5), date(2026, 11, 16));
        let plan = NoticePlan::of(ClockRule::AdviceReturn);
        assert_eq!(
            days(&plan, started, due),
            [
                (date(2026, 11, 2), ClockDueSoon),
                (date(2026, 11, 9), ClockDueSoon),
                (date(2026, 11, 15), ClockDueSoon),
                (date(2026, 11, 16), ClockDueToday),
                (date(2026, 11, 17), ClockOverdue),
                (date(2026, 11, 24), ClockOverdue),
                (date(2026, 12, 1), ClockOverdue),
                (date(2026, 12, 8), ClockOverdue),
                (date(2026, 12, 15), ClockOverdue),
            ]
        );
        let next = |day| plan.next_after(day, started, due).map(|notice| notice.on);
        assert_eq!(
            plan.first_on(started, due).map(|notice| notice.on),
            Some(date(2026, 11, 2))
        );
        assert_eq!(next(date(2026, 11, 2)), Some(date(2026, 11, 9)));
        assert_eq!(next(due), Some(date(2026, 11, 17)));
        assert_eq!(next(date(2026, 11, 17)), Some(date(2026, 11, 24)));
        assert_eq!(next(date(2026, 12, 15)), None);
    }

    #[test]
    fn a_short_clock_has_no_warning_before_its_start() {
        // CLK085: entered on 18 December 2026, due on the 23rd.
        let (started, due) = (date(2026, 12, 18), date(2026, 12, 23));
        let first = NoticePlan::of(ClockRule::NewPupilReturn).first_on(started, due);
        assert_eq!(
            first,
            Some(Notice {
                on: date(2026, 12, 22),
                code: ClockDueSoon
            })
        );
        let at_once = NoticePlan::of(ClockRule::DeletionReturn).first_on(started, started);
        assert_eq!(
            at_once,
            Some(Notice {
                on: started,
                code: ClockDueToday
            })
        );
    }

    #[test]
    fn a_window_is_announced_and_never_chased() {
        let (started, due) = (date(2026, 12, 18), date(2027, 1, 1));
        for rule in ClockRule::ALL {
            let chased = days(&NoticePlan::of(*rule), started, due)
                .iter()
                .any(|(_, code)| *code == ClockOverdue);
            assert_eq!(chased, rule.terms().nature == ClockNature::Duty, "{rule}");
        }
    }

    #[test]
    fn a_child_protection_file_is_warned_of_on_the_fifth_day_of_any_kind() {
        let (started, due) = (date(2026, 7, 20), date(2026, 9, 7));
        let plan = NoticePlan::of(ClockRule::ChildProtectionFile);
        assert_eq!(
            plan.first_on(started, due).map(|notice| notice.on),
            Some(date(2026, 7, 25))
        );
        // When five school days are no more than five days, the due date itself says it.
        let short = plan.notices(started, date(2026, 7, 25));
        assert!(
            short
                .iter()
                .all(|notice| notice.code != ClockDueSoon || notice.on == date(2026, 7, 24))
        );
    }

    #[test]
    fn notices_missed_in_an_outage_make_one() {
        let (started, due) = (date(2026, 10, 5), date(2026, 11, 16));
        let plan = NoticePlan::default();
        let told = |last, today| plan.due_between(last, today, started, due);
        assert_eq!(told(date(2026, 11, 9), date(2026, 11, 14)), None);
        assert_eq!(
            told(date(2026, 11, 14), date(2026, 11, 17)).map(|notice| notice.code),
            Some(ClockOverdue)
        );
    }

    #[test]
    fn the_ends_of_time_are_not_passed() {
        let plan = NoticePlan::default();
        assert_eq!(plan.notices(Date::MIN, Date::MAX).len(), 4);
        assert_eq!(plan.notices(Date::MIN, Date::MIN).len(), 6);
        assert_eq!(days_left(date(2026, 11, 15), date(2026, 11, 16)), 1);
        assert_eq!(days_left(date(2026, 11, 17), date(2026, 11, 16)), -1);
    }
}
