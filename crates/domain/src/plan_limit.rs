//! 25 and after: how long a local authority may keep an EHC plan running (Children and Families Act 2014 s.46;
//! SEND Regulations 2014 reg 46; JL v Somerset County Council \[2021\] UKUT 324 (AAC)).
//!
//! The Act's end of "young person" is text read at second hand, and so is the rule for colleges; the rules for
//! apprenticeships and other training are a reading (confidence B).

use jiff::civil::{Date, date};

use crate::age::anniversary;
use crate::agency::coded;

coded! {
    /// Where somebody of 25 learns or trains: what decides when the academic year ends.
    Provision {
        /// An institution within the further-education sector.
        FurtherEducation = "FE",
        /// An apprenticeship.
        Apprenticeship = "APPRENTICESHIP",
        /// Other education or training.
        OtherTraining = "OTHER",
    }
}

/// The days on which a plan's life turns at 25.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanLimit {
    /// The 25th birthday: from here on nobody holds rights under Part 3 (CFA 2014 s.83(2)).
    pub twenty_fifth_birthday: Date,
    /// The day before it.
    pub last_day_as_young_person: Date,
    /// The last day to which the authority may keep the plan. `None` when that hangs on the end of an
    /// apprenticeship or course and no end is recorded: then nothing allows the plan to run on.
    pub maintained_until: Option<Date>,
    /// The day before the 26th birthday, past which no plan runs.
    pub absolute_last_day: Date,
}

fn day_before(day: Date) -> Date {
    day.yesterday().unwrap_or(day)
}

/// How long a plan may be kept for somebody born on this day.
///
/// - Further education: to the next 31 July on or after the 25th birthday.
/// - Apprenticeship and other training: to its end.
/// - Never past the day before the 26th birthday.
#[must_use]
pub fn plan_limit(born: Date, provision: Provision, training_finishes: Option<Date>) -> PlanLimit {
    let birthday = anniversary(born, 25);
    let absolute_last_day = day_before(anniversary(born, 26));
    let end = match provision {
        Provision::FurtherEducation => {
            let this_year = date(birthday.year(), 7, 31);
            let next_year = date(birthday.year().saturating_add(1).min(9999), 7, 31);
            Some(if birthday <= this_year {
                this_year
            } else {
                next_year
            })
        }
        Provision::Apprenticeship | Provision::OtherTraining => training_finishes,
    };
    PlanLimit {
        twenty_fifth_birthday: birthday,
        last_day_as_young_person: day_before(birthday),
        maintained_until: end.map(|end| end.min(absolute_last_day)),
        absolute_last_day,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_ends_of_law_1_5() {
        let fe = Provision::FurtherEducation;
        let (apprentice, other) = (Provision::Apprenticeship, Provision::OtherTraining);
        for (born, provision, finishes, until) in [
            // Reg 46, further education: the next 31 July on or after the birthday.
            (date(2001, 7, 31), fe, None, Some(date(2026, 7, 31))),
            (date(2001, 8, 1), fe, None, Some(date(2027, 7, 31))),
            (date(2004, 2, 29), fe, None, Some(date(2029, 7, 31))),
            // A course's end does not move a college's year.
            (
                date(2001, 11, 23),
                fe,
                Some(date(2027, 3, 1)),
                Some(date(2027, 7, 31)),
            ),
            // Reg 46, apprenticeship and other training: its end, at most the day before 26.
            (
                date(2001, 11, 23),
                apprentice,
                Some(date(2027, 9, 30)),
                Some(date(2027, 9, 30)),
            ),
            (
                date(2001, 11, 23),
                apprentice,
                Some(date(2027, 11, 23)),
                Some(date(2027, 11, 22)),
            ),
            (
                date(2001, 11, 23),
                other,
                Some(date(2028, 1, 1)),
                Some(date(2027, 11, 22)),
            ),
            (
                date(2004, 2, 29),
                other,
                Some(date(2031, 1, 1)),
                Some(date(2030, 2, 28)),
            ),
            (date(2001, 11, 23), apprentice, None, None),
            (date(2001, 11, 23), other, None, None),
        ] {
            let limit = plan_limit(born, provision, finishes);
            assert_eq!(limit.maintained_until, until, "{born} {provision} {finishes:?}");
        }
    }

    proptest! {
        /// No plan runs past the day before 26, and a college's year ends on a 31 July within a year of 25.
        #[test]
        fn never_past_the_day_before_26(year in 1990_i16..2030, month in 1_i8..13, day in 1_i8..29, finish in 0_i32..4000) {
            let born = date(year, month, day);
            let finishes = anniversary(born, 20).checked_add(jiff::Span::new().days(finish)).unwrap();
            for provision in Provision::ALL {
                let limit = plan_limit(born, *provision, Some(finishes));
                let until = limit.maintained_until.unwrap();
                prop_assert!(until < anniversary(born, 26));
                if *provision == Provision::FurtherEducation {
                    prop_assert!(until >= limit.twenty_fifth_birthday);
                    prop_assert_eq!((until.month(), until.day()), (7, 31));
                } else {
                    prop_assert!(until <= finishes);
                }
            }
        }
    }

    #[test]
    fn the_ends_of_the_calendar_do_not_panic() {
        for born in [Date::MIN, Date::MAX, date(9974, 8, 1), date(-9999, 1, 1)] {
            for provision in Provision::ALL {
                let limit = plan_limit(born, *provision, Some(Date::MAX));
                assert!(limit.last_day_as_young_person <= limit.absolute_last_day);
            }
        }
    }
}
