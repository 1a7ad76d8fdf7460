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

    /// CFA 2014 s.31; SI 2005/1437 reg 9 and SI 2008/1747.
    #[test]
    fn a_provision_binds_some_and_guides_the_others() {
        use AgencyKind as K;
        for (rule, kind, basis) in [
            (ClockRule::AdviceReturn, K::LocalAuthority, ClockBasis::Hard),
            (ClockRule::AdviceReturn, K::HealthBody, ClockBasis::Hard),
            (ClockRule::AdviceReturn, K::MaintainedSchool, ClockBasis::Guidance),
            (ClockRule::AdviceReturn, K::Post16, ClockBasis::Guidance),
            (
                ClockRule::AdviceReturn,
                K::MinistryOfDefence,
                ClockBasis::Guidance,
            ),
            (ClockRule::PupilRecord, K::MaintainedSchool, ClockBasis::Hard),
            (ClockRule::PupilRecord, K::PupilReferralUnit, ClockBasis::Hard),
            (ClockRule::PupilRecord, K::Academy, ClockBasis::Guidance),
            (ClockRule::ConsultReply, K::Academy, ClockBasis::Guidance),
            (ClockRule::FinalPlan, K::LocalAuthority, ClockBasis::Hard),
            (ClockRule::AmendNotice, K::LocalAuthority, ClockBasis::Court),
        ] {
            assert_eq!(rule.basis_for(kind), basis, "{rule} {kind}");
        }
    }

    #[test]
    fn an_exception_lifts_and_never_moves() {
        let none = CalendarSet::default();
        for rule in ClockRule::ALL {
            let params = ClockParams {
                phase: Some(PhaseKind::InfantToJunior),
                ..ClockParams::default()
            };
            let due = start(*rule, date(2026, 11, 20), &params, none.of(None)).unwrap();
            let late = due.due_on.tomorrow().unwrap();
            assert!(!due.overdue_on(due.due_on), "{rule}");
            assert_eq!(
                due.overdue_on(late),
                rule.terms().nature == ClockNature::Duty,
                "{rule}"
            );
            for ground in ExceptionGround::ALL {
                let lifted = due.lifted(*ground);
                assert_eq!(lifted.is_some(), ground.open_for(*rule), "{rule} {ground}");
                if let Some(lifted) = lifted {
                    assert_eq!((lifted.due_on, lifted.basis), (due.due_on, due.basis));
                    assert_eq!(lifted.lifted_by, Some(*ground));
                    assert!(!lifted.overdue_on(late));
                }
            }
        }
    }

    /// A date that may be too early is an estimate, and is never later than the true one.
    #[test]
    fn a_missing_fact_gives_the_earliest_date_as_an_estimate() {
        let holidays = BankHolidays::new([date(2026, 12, 25), date(2027, 1, 1)]);
        let set = CalendarSet {
            holidays,
            ..CalendarSet::default()
        };
        let event = date(2026, 11, 16);
        for (rule, fact, text) in [
            (ClockRule::LaTransfer, "old_la_aware", "2026-11-09"),
            (ClockRule::IcbChangeNotify, "old_icb_aware", "2026-11-09"),
            (ClockRule::LaTransferReview, "last_made_or_reviewed", "2026-06-01"),
        ] {
            let without = start(rule, event, &ClockParams::default(), set.of(None)).unwrap();
            let mut params = ClockParams::default();
            params.set(fact, text).unwrap();
            let with = start(rule, event, &params, set.of(None)).unwrap();
            assert_eq!(without.certainty, Certainty::Estimated, "{rule}");
            assert_eq!(with.certainty, Certainty::Counted, "{rule}");
            assert!(without.due_on < with.due_on, "{rule}");
        }
    }

    /// Each count that the table of test vectors does not reach, from 20 November 2026.
    #[test]
    fn clocks_beside_the_table_count_as_the_law_says() {
        let holidays = BankHolidays::new([date(2026, 12, 25), date(2026, 12, 28), date(2027, 1, 1)]);
        let set = CalendarSet {
            holidays,
            ..CalendarSet::default()
        };
        for (rule, due_on) in [
            (ClockRule::ConsideringTell, date(2026, 11, 20)),  // reg 4(2)
            (ClockRule::FinalPlanEarliest, date(2026, 12, 5)), // reg 13(1)
            (ClockRule::ReassessDecide, date(2026, 12, 5)),
            (ClockRule::ReassessRefusalWindow, date(2027, 5, 19)),
            (ClockRule::ReassessFinal, date(2027, 2, 26)), // reg 27(2)
            (ClockRule::IcbSectionG, date(2026, 12, 10)),  // reg 16
            (ClockRule::DsaPlan, date(2026, 12, 11)),      // reg 47
            (ClockRule::UnderFiveReview, date(2027, 5, 19)), // Code 9.178
            (ClockRule::ReviewList, date(2026, 11, 6)),    // Code 9.172
            (ClockRule::ReviewInvite, date(2026, 11, 6)),  // reg 20(3)
            (ClockRule::ReviewAdviceCirculate, date(2026, 11, 6)), // reg 20(4)
            (ClockRule::AmendNotice, date(2026, 12, 18)),  // Devon
            (ClockRule::TribunalAssessNoPlan, date(2027, 1, 29)), // reg 44(2)
            (ClockRule::TribunalMakeDraft, date(2026, 12, 25)),
            (ClockRule::TribunalAmend, date(2026, 12, 25)),
            (ClockRule::TribunalNameSchool, date(2026, 12, 4)),
            (ClockRule::TribunalCeaseDismissed, date(2026, 11, 20)),
            (ClockRule::UnopposedAssessNotify, date(2026, 12, 4)), // reg 45
            (ClockRule::UnopposedFinal, date(2027, 2, 26)),
            (ClockRule::UnopposedMakeDraft, date(2026, 12, 25)),
            (ClockRule::UnopposedMakeFinal, date(2027, 2, 5)),
            (ClockRule::UnopposedNameSchool, date(2026, 12, 4)),
            (ClockRule::MediationArrange, date(2026, 12, 20)),
            (ClockRule::MediationHealthArrange, date(2026, 12, 20)),
            (ClockRule::MediationHealthTell, date(2026, 11, 25)),
            (ClockRule::PupilRecordCopy, date(2026, 12, 11)),
            (ClockRule::DeletionReturn, date(2026, 11, 20)),
            (ClockRule::ChildProtectionFile, date(2026, 11, 27)), // KCSIE
            (ClockRule::ChildProtectionFileTerm, date(2026, 11, 26)),
            (ClockRule::ComplaintAcknowledge, date(2026, 12, 20)),
        ] {
            let due = start(rule, date(2026, 11, 20), &ClockParams::default(), set.of(None)).unwrap();
            assert_eq!(due.due_on, due_on, "{rule}");
        }
    }
}
