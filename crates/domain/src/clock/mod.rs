//! Statutory clocks: what an event starts, when it is due, on what that rests, and what lifts it.

mod counting;
mod exception;
mod notice;
mod params;
mod review;
mod row;
mod rule;
mod terms;

use jiff::civil::Date;

use crate::agency::{AgencyKind, coded};
use crate::calendar::{BankHolidays, CalendarSet, Calendars, Certainty, SchoolCalendar};

pub use counting::{Counting, before_phase_transfer, period_end};
pub use exception::{ExceptionFacts, ExceptionGround, Lifting};
pub use notice::{Notice, NoticePlan, days_left};
pub use params::{ClockParams, NoticeReading, ParamsError, PhaseKind};
pub use review::{ReviewNotice, decision_due, review_notice};
pub use row::{Answer, RowError, answer};
pub use rule::{ALIASES, ClockRule};
pub use terms::{ClockNature, Confidence, Party, Terms};

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

/// A clock that was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueDate {
    /// Which clock.
    pub rule: ClockRule,
    /// The last day on which the duty is met in time; see [`ClockNature`] for the clocks that are no duties.
    pub due_on: Date,
    /// What kind of duty it is.
    pub basis: ClockBasis,
    /// The provision it rests on.
    pub provision: &'static str,
    /// How sure the date is.
    pub certainty: Certainty,
    /// The ground that lifts the limit. The date stays and still shows: the duty is then to be done as soon as
    /// practicable.
    pub lifted_by: Option<ExceptionGround>,
}

/// Starts a clock at an event. Of a transfer between phases, the event is any day in the year of the transfer.
/// `None` when a parameter is missing without which there is no date (the kind of a transfer between phases), or
/// when the date would lie outside the years that can be written.
#[must_use]
pub fn start(
    rule: ClockRule,
    event: Date,
    params: &ClockParams,
    calendars: Calendars<'_>,
) -> Option<DueDate> {
    let (due_on, certainty) = rule.counting().last_day(event, params, calendars)?;
    Some(DueDate {
        rule,
        due_on,
        basis: rule.basis(),
        provision: rule.provision(),
        certainty,
        lifted_by: None,
    })
}

impl ClockRule {
    /// What kind of duty a clock is for one kind of agency: guidance for those whom its provision does not bind.
    /// CFA 2014 s.31 binds authorities and health bodies to answer in 6 weeks, not schools, colleges and the
    /// Ministry of Defence; SI 2005/1437 regs 5 and 9 bind schools that an authority maintains.
    #[must_use]
    pub const fn basis_for(self, owed_by: AgencyKind) -> ClockBasis {
        let bound = match self {
            Self::AdviceReturn => matches!(owed_by, AgencyKind::LocalAuthority | AgencyKind::HealthBody),
            Self::PupilRecord | Self::DualRegistrationCopy | Self::PupilRecordCopy => matches!(
                owed_by,
                AgencyKind::MaintainedSchool | AgencyKind::PupilReferralUnit
            ),
            _ => true,
        };
        if bound { self.basis() } else { ClockBasis::Guidance }
    }
}

impl DueDate {
    /// The same day for one whom the provision does not bind but guidance asks to keep to it: an academy for the
    /// pupil record (SI 2005/1437 reg 9 binds maintained schools only).
    #[must_use]
    pub const fn as_guidance(self) -> Self {
        Self {
            basis: ClockBasis::Guidance,
            ..self
        }
    }

    /// The same day with the basis that it has for one kind of agency.
    #[must_use]
    pub const fn owed_by(self, kind: AgencyKind) -> Self {
        Self {
            basis: self.rule.basis_for(kind),
            ..self
        }
    }

    /// The same day, its limit lifted by a ground; `None` when that ground cannot lift this clock.
    #[must_use]
    pub const fn lifted(self, ground: ExceptionGround) -> Option<Self> {
        if !ground.open_for(self.rule) {
            return None;
        }
        Some(Self {
            lifted_by: Some(ground),
            ..self
        })
    }

    /// Whether the day is past and nothing lifts the limit. Only a duty can be overdue.
    #[must_use]
    pub fn overdue_on(&self, today: Date) -> bool {
        matches!(self.rule.terms().nature, ClockNature::Duty)
            && self.lifted_by.is_none()
            && today > self.due_on
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
    let school = calendar;
    start(
        ClockRule::PupilRecord,
        ceased_on,
        &ClockParams::default(),
        Calendars { school, holidays },
    )
}

/// When the copy must be sent after the head learned of a second registration: the 15th school day after (SI
/// 2005/1437 reg 9(3B)). `None` when the date would lie past the year 9999.
#[must_use]
pub fn dual_registration_copy_due(
    learned_on: Date,
    calendar: &SchoolCalendar,
    holidays: &BankHolidays,
) -> Option<DueDate> {
    let school = calendar;
    start(
        ClockRule::DualRegistrationCopy,
        learned_on,
        &ClockParams::default(),
        Calendars { school, holidays },
    )
}

/// When the new-pupil return is due: the end of the fifth day after entry (SI 2024/208 reg 13(1)), whatever kind
/// of days these are. `None` when the date would lie past the year 9999.
#[must_use]
pub fn new_pupil_return_due(entered_on: Date) -> Option<DueDate> {
    start(
        ClockRule::NewPupilReturn,
        entered_on,
        &ClockParams::default(),
        CalendarSet::default().of(None),
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
            let provision = rule.provision();
            let named = [
                " reg ",
                " regs ",
                " s.",
                " ss.",
                "Code of Practice 9.",
                "not read",
                "guidance",
            ];
            assert!(
                named.iter().any(|mark| provision.contains(mark)),
                "{rule}: {provision}"
            );
        }
    }

    #[test]
    fn the_end_of_time_is_not_passed() {
        let (calendar, holidays) = (SchoolCalendar::default(), BankHolidays::default());
        assert_eq!(new_pupil_return_due(Date::MAX), None);
        assert_eq!(pupil_record_due(Date::MAX, &calendar, &holidays), None);
    }
}
