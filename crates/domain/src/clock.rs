//! Statutory clocks: what an event starts, when it is due, and on what that rests.

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

impl ClockRule {
    /// What kind of duty it is.
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
    /// How sure the date is.
    pub certainty: Certainty,
}

/// When the pupil record must be with the new school: the 15th school day after the day the pupil ceased to be
/// registered (SI 2005/1437 reg 9(3)).
#[must_use]
pub fn pupil_record_due(
    ceased_on: Date,
    calendar: &SchoolCalendar,
    holidays: &BankHolidays,
) -> Option<DueDate> {
    fifteen_school_days(ClockRule::PupilRecord, ceased_on, calendar, holidays)
}

/// When the copy must be sent after the head learned of a second registration (SI 2005/1437 reg 9(3B)).
#[must_use]
pub fn dual_registration_copy_due(
    learned_on: Date,
    calendar: &SchoolCalendar,
    holidays: &BankHolidays,
) -> Option<DueDate> {
    fifteen_school_days(ClockRule::DualRegistrationCopy, learned_on, calendar, holidays)
}

/// When the new-pupil return is due: the end of the fifth day after entry. The text says neither school days
/// nor working days, so calendar days are counted (SI 2024/208 reg 13(1)).
#[must_use]
pub fn new_pupil_return_due(entered_on: Date) -> Option<DueDate> {
    let due_on = entered_on.checked_add(jiff::Span::new().days(5)).ok()?;
    Some(DueDate {
        rule: ClockRule::NewPupilReturn,
        due_on,
        certainty: Certainty::Counted,
    })
}

fn fifteen_school_days(
    rule: ClockRule,
    from: Date,
    calendar: &SchoolCalendar,
    holidays: &BankHolidays,
) -> Option<DueDate> {
    let (due_on, certainty) = school_days_after(from, 15, calendar, holidays)?;
    Some(DueDate {
        rule,
        due_on,
        certainty,
    })
}
