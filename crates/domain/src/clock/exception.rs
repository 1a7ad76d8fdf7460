//! The grounds on which a limit of time is lifted. A ground lifts the limit; it never moves the date: the duty is
//! then to be done as soon as practicable, and the date still shows.

use jiff::civil::Date;

use super::counting::days_between;
use super::rule::ClockRule;
use crate::agency::coded;

coded! {
    /// A ground of exception. Nothing else excuses delay: a waiting list or a missing psychologist does not.
    ExceptionGround {
        /// The school or post-16 institution is closed for at least 4 weeks and its head was asked for advice
        /// between one week before it closes and one week before it opens again.
        SchoolClosed = "SCHOOL_CLOSED_4W",
        /// The same of an early-years provider.
        EarlyYearsClosed = "EARLY_YEARS_CLOSED_4W",
        /// Exceptional personal circumstances of the child, the parent or the young person in the period.
        PersonalCircumstances = "PERSONAL_CIRCUMSTANCES",
        /// The child, parent or young person is out of the authority's area for at least 4 weeks continuously.
        Absent = "ABSENT_4W",
        /// The same for at least 2 weeks, which is enough after an order of the tribunal or an appeal not
        /// opposed.
        AbsentAfterTribunal = "ABSENT_2W",
        /// The child or young person misses an examination or test appointment that the adviser made.
        MissedAppointment = "MISSED_APPOINTMENT",
    }
}

coded! {
    /// Which list of grounds lifts a clock's limit.
    Lifting {
        /// None does.
        Nothing = "NOTHING",
        /// SEND Regs 2014 regs 5(4), 10(4), 13(3) and 27(3): closures, personal circumstances, 4 weeks' absence.
        Authority = "AUTHORITY",
        /// SEND Regs 2014 reg 8(2): personal circumstances, 4 weeks' absence, a missed appointment; no closure.
        Adviser = "ADVISER",
        /// SEND Regs 2014 regs 44(3) and 45(7): personal circumstances, 2 weeks' absence, closures.
        Tribunal = "TRIBUNAL",
    }
}

/// What is known of an exception.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExceptionFacts {
    /// The day on which the head or provider was asked for advice.
    pub advice_asked: Option<Date>,
    /// The first day on which the school or provider is closed.
    pub closed_from: Option<Date>,
    /// The day on which it opens again.
    pub reopens: Option<Date>,
    /// The first day of an absence from the authority's area.
    pub absent_from: Option<Date>,
    /// The first day back.
    pub returned: Option<Date>,
}

impl ExceptionGround {
    /// Other spellings of a ground and of the `EXC_` names under which tables test it.
    const ALIASES: &'static [(&'static str, Self)] = &[
        ("POST16_CLOSED_4W", Self::SchoolClosed),
        ("EY_CLOSED_4W", Self::EarlyYearsClosed),
        ("EXCEPTIONAL_PERSONAL", Self::PersonalCircumstances),
        ("TRIB_ABSENT_2W", Self::AbsentAfterTribunal),
        ("ABSENT_TRIBUNAL_2W", Self::AbsentAfterTribunal),
        ("APPOINTMENT_MISSED", Self::MissedAppointment),
    ];

    /// The ground that a code names, with or without `EXC_` before it; `None` when none does.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        let name = name.strip_prefix("EXC_").unwrap_or(name);
        Self::from_code(name).or_else(|| {
            Self::ALIASES
                .iter()
                .find_map(|(alias, ground)| (*alias == name).then_some(*ground))
        })
    }

    /// Whether this ground can lift the limit of a clock at all.
    #[must_use]
    pub const fn open_for(self, rule: ClockRule) -> bool {
        match rule.terms().lifting {
            Lifting::Nothing => false,
            Lifting::Authority => matches!(
                self,
                Self::SchoolClosed | Self::EarlyYearsClosed | Self::PersonalCircumstances | Self::Absent
            ),
            Lifting::Adviser => matches!(
                self,
                Self::PersonalCircumstances | Self::Absent | Self::MissedAppointment
            ),
            Lifting::Tribunal => matches!(
                self,
                Self::SchoolClosed
                    | Self::EarlyYearsClosed
                    | Self::PersonalCircumstances
                    | Self::AbsentAfterTribunal
            ),
        }
    }

    /// Whether the ground holds on these facts. `None` when the dates it turns on are missing, and for a ground
    /// that no date decides: there a person judges and says so.
    #[must_use]
    pub fn holds(self, facts: &ExceptionFacts) -> Option<bool> {
        match self {
            Self::SchoolClosed | Self::EarlyYearsClosed => Some(closure_ok(
                facts.advice_asked?,
                facts.closed_from?,
                facts.reopens?,
            )),
            Self::Absent => Some(days_between(facts.absent_from?, facts.returned?) >= 28),
            Self::AbsentAfterTribunal => Some(days_between(facts.absent_from?, facts.returned?) >= 14),
            Self::PersonalCircumstances | Self::MissedAppointment => None,
        }
    }
}

/// Whether a closure excuses: it lasts at least 28 days, and the head was asked from one week before it began to
/// one week before it ends, both days included (SEND Regs 2014 reg 5(4)(a), 10(4)(a)).
fn closure_ok(asked: Date, closed_from: Date, reopens: Date) -> bool {
    days_between(closed_from, reopens) >= 28
        && days_between(asked, closed_from) <= 7
        && days_between(asked, reopens) >= 7
}

#[cfg(test)]
mod tests {
    use super::*;
    use ExceptionGround::{
        Absent, AbsentAfterTribunal, EarlyYearsClosed, MissedAppointment, PersonalCircumstances, SchoolClosed,
    };
    use jiff::civil::date;

    /// SEND Regs 2014 regs 5(4), 10(4), 13(3), 27(3), 8(2), 44(3) and 45(7); reg 4(1) has none left.
    #[test]
    fn each_ground_lifts_what_the_regulations_say() {
        let authority: &[ExceptionGround] = &[SchoolClosed, EarlyYearsClosed, PersonalCircumstances, Absent];
        let adviser: &[ExceptionGround] = &[PersonalCircumstances, Absent, MissedAppointment];
        let tribunal: &[ExceptionGround] = &[
            SchoolClosed,
            EarlyYearsClosed,
            PersonalCircumstances,
            AbsentAfterTribunal,
        ];
        for (rule, open) in [
            (ClockRule::EhcnaDecide, authority),
            (ClockRule::NoPlanNotice, authority),
            (ClockRule::FinalPlan, authority),
            (ClockRule::ReassessFinal, authority),
            (ClockRule::AdviceReturn, adviser),
            (ClockRule::TribunalAssessFinal, tribunal),
            (ClockRule::UnopposedFinal, tribunal),
            (ClockRule::TribunalCeaseDismissed, &[]),
            (ClockRule::ConsideringTell, &[]),
            (ClockRule::ConsultReply, &[]),
            (ClockRule::ReviewDecision, &[]),
            (ClockRule::AmendFinal, &[]),
            (ClockRule::AnnualReview, &[]),
            (ClockRule::PhaseTransfer, &[]),
            (ClockRule::LaTransfer, &[]),
            (ClockRule::PupilRecord, &[]),
        ] {
            for ground in ExceptionGround::ALL {
                assert_eq!(ground.open_for(rule), open.contains(ground), "{rule} {ground}");
            }
        }
    }

    fn closure(asked: Date, closed_from: Date, reopens: Date) -> ExceptionFacts {
        ExceptionFacts {
            advice_asked: Some(asked),
            closed_from: Some(closed_from),
            reopens: Some(reopens),
            ..ExceptionFacts::default()
        }
    }

    /// Both ends of the window of reg 5(4)(a), and 27 days against 28.
    #[test]
    fn a_closure_excuses_only_when_the_head_was_asked_in_its_window() {
        let (closed, reopens) = (date(2026, 7, 22), date(2026, 9, 3));
        for (asked, holds) in [
            (date(2026, 7, 14), false),
            (date(2026, 7, 15), true),
            (date(2026, 8, 27), true),
            (date(2026, 8, 28), false),
        ] {
            let facts = closure(asked, closed, reopens);
            assert_eq!(SchoolClosed.holds(&facts), Some(holds), "{asked}");
            assert_eq!(EarlyYearsClosed.holds(&facts), Some(holds), "{asked}");
        }
        let short = closure(date(2026, 7, 20), closed, date(2026, 8, 18));
        assert_eq!(SchoolClosed.holds(&short), Some(false));
    }

    #[test]
    fn an_absence_is_counted_to_the_first_day_back() {
        for (ground, returned, holds) in [
            (Absent, date(2026, 10, 28), false),
            (Absent, date(2026, 10, 29), true),
            (AbsentAfterTribunal, date(2026, 10, 14), false),
            (AbsentAfterTribunal, date(2026, 10, 15), true),
        ] {
            let facts = ExceptionFacts {
                absent_from: Some(date(2026, 10, 1)),
                returned: Some(returned),
                ..ExceptionFacts::default()
            };
            assert_eq!(ground.holds(&facts), Some(holds), "{ground} {returned}");
        }
    }

    #[test]
    fn what_no_date_decides_is_for_a_person() {
        for ground in ExceptionGround::ALL {
            assert_eq!(ground.holds(&ExceptionFacts::default()), None, "{ground}");
        }
        let facts = ExceptionFacts {
            absent_from: Some(date(2026, 10, 1)),
            returned: Some(date(2026, 12, 1)),
            ..closure(date(2026, 7, 20), date(2026, 7, 22), date(2026, 9, 3))
        };
        assert_eq!(PersonalCircumstances.holds(&facts), None);
        assert_eq!(MissedAppointment.holds(&facts), None);
    }

    #[test]
    fn a_ground_is_found_with_and_without_its_prefix() {
        for ground in ExceptionGround::ALL {
            assert_eq!(ExceptionGround::find(ground.code()), Some(*ground));
            assert_eq!(ExceptionGround::find(&format!("EXC_{ground}")), Some(*ground));
        }
        for (alias, ground) in ExceptionGround::ALIASES {
            assert_eq!(ExceptionGround::from_code(alias), None, "{alias}");
            assert_eq!(ExceptionGround::find(alias), Some(*ground), "{alias}");
        }
        assert_eq!(ExceptionGround::find("WAITING_LIST"), None);
    }
}
