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
