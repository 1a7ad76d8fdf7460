//! Statutory clocks: what an event starts, when it is due, and on what that rests.

use jiff::Span;
use jiff::civil::Date;

use crate::agency::coded;
use crate::calendar::{BankHolidays, Certainty, SchoolCalendar, school_days_after};

coded! {
    /// What kind of duty a clock expresses.
    ClockBasis {
        /// In an Act or regulations.
        Hard = "HARD",
        /// Set by a court.
        Court = "COURT",
        /// In statutory or other guidance.
        Guidance = "GUIDANCE",
        /// Chosen by policy.
        Policy = "POLICY",
    }
}

coded! {
    /// Which clock. Issue by issue the others join.
    ClockRule {
        /// Pupil record to the new school: 15 school days after the pupil ceases to be registered.
        PupilRecord = "PUPIL_RECORD_15SD",
        /// Copy on a second registration: 15 school days after the head learns of it.
        DualRegistrationCopy = "DUAL_REG_COPY_15SD",
        /// New-pupil return to the local authority: end of the fifth day after entry.
        NewPupilReturn = "NEW_PUPIL_RETURN_5D",
    }
}

/// How a clock counts from its event. The day of the event is not counted, and a due date that falls on a weekend
/// or holiday stays there: no provision rolls it forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// So many days of any kind after the event (`X_AFTER`).
    DaysAfter(u32),
    /// So many days with a session at the school after the event (`SD_AFTER`).
    SchoolDaysAfter(u32),
}

impl Counting {
    /// The stable code of the convention.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::DaysAfter(_) => "X_AFTER",
            Self::SchoolDaysAfter(_) => "SD_AFTER",
        }
    }

    /// The last day in time for an event, and how sure it is. `None` when it would lie past the year 9999.
    fn last_day(
        self,
        event: Date,
        calendar: &SchoolCalendar,
        holidays: &BankHolidays,
    ) -> Option<(Date, Certainty)> {
        match self {
            Self::DaysAfter(days) => {
                let due_on = event
                    .checked_add(Span::new().try_days(i64::from(days)).ok()?)
                    .ok()?;
                Some((due_on, Certainty::Counted))
            }
            Self::SchoolDaysAfter(days) => school_days_after(event, days, calendar, holidays),
        }
    }
}

impl ClockRule {
    /// How it counts. The new-pupil return says neither school days nor working days, so all days count.
    #[must_use]
    pub const fn counting(self) -> Counting {
        match self {
            Self::PupilRecord | Self::DualRegistrationCopy => Counting::SchoolDaysAfter(15),
            Self::NewPupilReturn => Counting::DaysAfter(5),
        }
    }

    /// What kind of duty it is for those whom the provision binds; see [`DueDate::as_guidance`] for the others.
    #[must_use]
    pub const fn basis(self) -> ClockBasis {
        match self {
            Self::PupilRecord | Self::DualRegistrationCopy | Self::NewPupilReturn => ClockBasis::Hard,
        }
    }

    /// The provision it rests on.
    #[must_use]
    pub const fn provision(self) -> &'static str {
        match self {
            Self::PupilRecord => {
                "Education (Pupil Information) (England) Regulations 2005 (SI 2005/1437) reg 9(3)"
            }
            Self::DualRegistrationCopy => {
                "Education (Pupil Information) (England) Regulations 2005 (SI 2005/1437) reg 9(3B)"
            }
            Self::NewPupilReturn => {
                "School Attendance (Pupil Registration) (England) Regulations 2024 (SI 2024/208) reg 13(1)"
            }
        }
    }
}

/// A clock that was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueDate {
    /// Which clock.
    pub rule: ClockRule,
    /// The last day on which the duty is met in time.
    pub due_on: Date,
    /// What kind of duty it is.
    pub basis: ClockBasis,
    /// The provision it rests on.
    pub provision: &'static str,
    /// How sure the date is.
    pub certainty: Certainty,
}

impl DueDate {
    fn start(
        rule: ClockRule,
        event: Date,
        calendar: &SchoolCalendar,
        holidays: &BankHolidays,
    ) -> Option<Self> {
        let (due_on, certainty) = rule.counting().last_day(event, calendar, holidays)?;
        Some(Self {
            rule,
            due_on,
            basis: rule.basis(),
            provision: rule.provision(),
            certainty,
        })
    }

    /// The same day for one whom the provision does not bind but guidance asks to keep to it: an academy for the
    /// pupil record (SI 2005/1437 reg 9 binds maintained schools only).
    #[must_use]
    pub const fn as_guidance(self) -> Self {
        Self {
            basis: ClockBasis::Guidance,
            ..self
        }
    }
}

/// When the pupil record must be with the new school: the 15th school day after the day the pupil ceased to be
/// registered (SI 2005/1437 reg 9(3)), by the calendar of the school that sends it. `None` when the date would
/// lie past the year 9999.
#[must_use]
pub fn pupil_record_due(
    ceased_on: Date,
    calendar: &SchoolCalendar,
    holidays: &BankHolidays,
) -> Option<DueDate> {
    DueDate::start(ClockRule::PupilRecord, ceased_on, calendar, holidays)
}

/// When the copy must be sent after the head learned of a second registration: the 15th school day after (SI
/// 2005/1437 reg 9(3B)). `None` when the date would lie past the year 9999.
#[must_use]
pub fn dual_registration_copy_due(
    learned_on: Date,
    calendar: &SchoolCalendar,
    holidays: &BankHolidays,
) -> Option<DueDate> {
    DueDate::start(ClockRule::DualRegistrationCopy, learned_on, calendar, holidays)
}

/// When the new-pupil return is due: the end of the fifth day after entry (SI 2024/208 reg 13(1)), whatever kind
/// of days these are. `None` when the date would lie past the year 9999.
#[must_use]
pub fn new_pupil_return_due(entered_on: Date) -> Option<DueDate> {
    DueDate::start(
        ClockRule::NewPupilReturn,
        entered_on,
        &SchoolCalendar::default(),
        &BankHolidays::default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_pupil_record_is_a_hard_duty_and_guidance_for_an_academy() {
        let due = pupil_record_due(
            date(2026, 11, 20),
            &SchoolCalendar::default(),
            &BankHolidays::default(),
        )
        .unwrap();
        assert_eq!(due.basis, ClockBasis::Hard);
        let academy = due.as_guidance();
        assert_eq!(academy.basis, ClockBasis::Guidance);
        assert_eq!((academy.due_on, academy.rule), (due.due_on, due.rule));
    }

    #[test]
    fn without_a_calendar_the_date_is_an_estimate() {
        let due = pupil_record_due(
            date(2026, 12, 18),
            &SchoolCalendar::default(),
            &BankHolidays::new([date(2026, 12, 25), date(2026, 12, 28), date(2027, 1, 1)]),
        )
        .unwrap();
        assert_eq!(
            (due.due_on, due.certainty),
            (date(2027, 1, 13), Certainty::Estimated)
        );
    }

    #[test]
    fn every_clock_names_its_provision() {
        for rule in ClockRule::ALL {
            assert!(rule.provision().contains(" reg "), "{rule}");
        }
    }

    #[test]
    fn the_end_of_time_is_not_passed() {
        let (calendar, holidays) = (SchoolCalendar::default(), BankHolidays::default());
        assert_eq!(new_pupil_return_due(Date::MAX), None);
        assert_eq!(pupil_record_due(Date::MAX, &calendar, &holidays), None);
    }
}
