//! Age and status: compulsory school age, when a child becomes a young person, and who decides.
//!
//! Sources: Education Act 1996 s.8 (compulsory school age), School Leaving Date Order 1997 (SI 1997/1970),
//! Start of Compulsory School Age Order 1998 (SI 1998/1607), Children and Families Act 2014 s.83(2).

use jiff::civil::{Date, Weekday, date};

use crate::agency::coded;

coded! {
    /// A person's status on a day, for the purposes of Part 3 of the Children and Families Act 2014.
    AgeStatus {
        /// The day lies before the date of birth: the dates cannot both be right.
        NotYetBorn = "NOT_YET_BORN",
        /// Below compulsory school age.
        ChildBelowCsa = "CHILD_BELOW_CSA",
        /// Of compulsory school age.
        ChildOfCsa = "CHILD_OF_CSA",
        /// Over compulsory school age and not yet 16: the Mental Capacity Act 2005 cannot be used (s.2(5)).
        YoungPersonUnder16 = "YOUNG_PERSON_UNDER_16",
        /// Over compulsory school age, 16 or 17.
        YoungPerson16To17 = "YOUNG_PERSON_16_17",
        /// 18 and before the 25th birthday.
        YoungPerson18To24 = "YOUNG_PERSON_18_24",
        /// 25 or over: nobody decides under the Act; a plan may run on (s.46).
        Over25 = "OVER_25",
        /// The school's own first day of term decides, and it is not known or not confirmed. Only what parent
        /// and pupil both authorise may be done until the local authority records its ruling.
        NeedsDetermination = "NEEDS_DETERMINATION",
    }
}

coded! {
    /// Who decides SEND matters, given capacity.
    RightHolder {
        /// The child's parent.
        ChildsParent = "CHILDS_PARENT",
        /// The young person.
        YoungPerson = "YOUNG_PERSON",
        /// Nobody under Part 3.
        None = "NONE",
        /// Not settled: see [`AgeStatus::NeedsDetermination`].
        NeedsDetermination = "NEEDS_DETERMINATION",
    }
}

impl AgeStatus {
    /// Who decides SEND matters for a person of this status, given capacity.
    #[must_use]
    pub const fn right_holder(self) -> RightHolder {
        match self {
            Self::ChildBelowCsa | Self::ChildOfCsa => RightHolder::ChildsParent,
            Self::YoungPersonUnder16 | Self::YoungPerson16To17 | Self::YoungPerson18To24 => {
                RightHolder::YoungPerson
            }
            Self::Over25 | Self::NotYetBorn => RightHolder::None,
            Self::NeedsDetermination => RightHolder::NeedsDetermination,
        }
    }
}

/// What is known of the first day of the school year that begins in the calendar year in which a person turns
/// 16: the first day of the first term to start after July (SI 1999/3181 reg 2), which is not 1 September in law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchoolYearStart {
    /// From the school's own confirmed calendar.
    Confirmed(Date),
    /// From a calendar that nobody has confirmed.
    Unconfirmed(Date),
    /// Not known.
    Unknown,
}

/// The earliest and latest days on which school years are known to begin (Scottish-style late-August terms and
/// late starts): outside these days a birthday cannot be touched by a school's calendar.
const EARLIEST_START: (i8, i8) = (8, 20);
const LATEST_START: (i8, i8) = (9, 10);

/// The day on which a person attains an age: the anniversary of birth, from 00:00 (Family Law Reform Act 1969
/// s.9). Born on 29 February, it is 1 March in a common year.
#[must_use]
pub fn anniversary(born: Date, years: i16) -> Date {
    let year = born.year().saturating_add(years).clamp(-9999, 9999);
    Date::new(year, born.month(), born.day()).unwrap_or(date(year, 3, 1))
}

/// The last Friday in June: the school leaving date of a year (SI 1997/1970).
#[must_use]
pub fn last_friday_in_june(year: i16) -> Date {
    let end = date(year.clamp(-9999, 9999), 6, 30);
    let back = end.weekday().since(Weekday::Friday);
    date(end.year(), 6, 30 - back)
}

/// The first day of compulsory school age: the first of 31 March, 31 August and 31 December on or after the
/// fifth birthday (Education Act 1996 s.8(2)).
#[must_use]
pub fn csa_first_day(born: Date) -> Date {
    let fifth = anniversary(born, 5);
    let year = fifth.year();
    let prescribed = [date(year, 3, 31), date(year, 8, 31), date(year, 12, 31)];
    prescribed
        .into_iter()
        .find(|day| *day >= fifth)
        .unwrap_or(prescribed[2])
}

/// The last day of compulsory school age, given the first day of the school year that begins in the calendar
/// year of the sixteenth birthday (Education Act 1996 s.8(3)).
#[must_use]
pub fn csa_last_day(born: Date, school_year_start: Date) -> Date {
    let sixteenth = anniversary(born, 16);
    let leaving = last_friday_in_june(sixteenth.year());
    // Limb (a): turns 16 after the leaving date and before the next school year: ends before the birthday.
    // Limbs (b) and (c): turns 16 on or before it.
    if sixteenth <= leaving || sixteenth < school_year_start {
        leaving
    } else {
        last_friday_in_june(sixteenth.year() + 1)
    }
}

/// The first day as a young person: the day after compulsory school age ends.
#[must_use]
pub fn young_person_from(born: Date, school_year_start: Date) -> Date {
    let last = csa_last_day(born, school_year_start);
    last.tomorrow().unwrap_or(last)
}

/// Whether the Mental Capacity Act 2005 can apply: from the sixteenth birthday (s.2(5)).
#[must_use]
pub fn mca_2005_can_apply(born: Date, on: Date) -> bool {
    on >= anniversary(born, 16)
}

/// Whether the school's own calendar can change the answer: the sixteenth birthday lies between 20 August and
/// 10 September.
#[must_use]
pub fn school_calendar_matters(born: Date) -> bool {
    let sixteenth = anniversary(born, 16);
    let day = (sixteenth.month(), sixteenth.day());
    (EARLIEST_START..=LATEST_START).contains(&day)
}

/// Whether a school year that begins on this day gives another leaving date than the common rule of
/// 1 September would.
#[must_use]
pub fn differs_from_1_september_rule(born: Date, school_year_start: Date) -> bool {
    csa_last_day(born, school_year_start) != csa_last_day(born, first_of_september(born))
}

fn first_of_september(born: Date) -> Date {
    date(anniversary(born, 16).year(), 9, 1)
}

/// The status that the statute gives for a known first day of the school year.
#[must_use]
pub fn literal_status_on(born: Date, on: Date, school_year_start: Date) -> AgeStatus {
    if on < born {
        AgeStatus::NotYetBorn
    } else if on < csa_first_day(born) {
        AgeStatus::ChildBelowCsa
    } else if on <= csa_last_day(born, school_year_start) {
        AgeStatus::ChildOfCsa
    } else if on < anniversary(born, 16) {
        AgeStatus::YoungPersonUnder16
    } else if on < anniversary(born, 18) {
        AgeStatus::YoungPerson16To17
    } else if on < anniversary(born, 25) {
        AgeStatus::YoungPerson18To24
    } else {
        AgeStatus::Over25
    }
}

/// A person's status on a day.
///
/// A confirmed calendar gives the statute's literal answer. Without one the answer is
/// [`AgeStatus::NeedsDetermination`] on exactly those days on which some school year that could be the
/// person's own gives another status: for a birthday that the calendar can touch, the days between the two
/// possible leaving dates. On every other day all calendars agree and so does this function.
#[must_use]
pub fn status_on(born: Date, on: Date, start: SchoolYearStart) -> AgeStatus {
    if let SchoolYearStart::Confirmed(start) = start {
        return literal_status_on(born, on, start);
    }
    let common = first_of_september(born);
    let literal = literal_status_on(born, on, common);
    let mut possible = vec![];
    if let SchoolYearStart::Unconfirmed(start) = start {
        possible.push(start);
    }
    if school_calendar_matters(born) {
        let year = common.year();
        possible.push(date(year, EARLIEST_START.0, EARLIEST_START.1));
        // The day after the latest start, so that a birthday on that day is before it.
        possible.push(date(year, LATEST_START.0, LATEST_START.1 + 1));
    }
    if possible
        .into_iter()
        .all(|start| literal_status_on(born, on, start) == literal)
    {
        literal
    } else {
        AgeStatus::NeedsDetermination
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn leaving_dates_of_law_1_1() {
        for (year, month, day) in [
            (2024, 6, 28),
            (2025, 6, 27),
            (2026, 6, 26),
            (2027, 6, 25),
            (2028, 6, 30),
            (2029, 6, 29),
        ] {
            assert_eq!(last_friday_in_june(year), date(year, month, day));
        }
    }

    #[test]
    fn a_leap_day_birthday_is_attained_on_1_march() {
        assert_eq!(anniversary(date(2000, 2, 29), 25), date(2025, 3, 1));
        assert_eq!(anniversary(date(2008, 2, 29), 16), date(2024, 2, 29));
    }

    #[test]
    fn an_unconfirmed_calendar_needs_determination_only_between_the_leaving_dates() {
        let born = date(2010, 9, 1);
        for start in [
            SchoolYearStart::Unknown,
            SchoolYearStart::Unconfirmed(date(2026, 9, 2)),
        ] {
            assert_eq!(status_on(born, date(2026, 6, 26), start), AgeStatus::ChildOfCsa);
            assert_eq!(
                status_on(born, date(2026, 6, 27), start),
                AgeStatus::NeedsDetermination
            );
            assert_eq!(
                status_on(born, date(2027, 6, 25), start),
                AgeStatus::NeedsDetermination
            );
            assert_eq!(
                status_on(born, date(2027, 6, 26), start),
                AgeStatus::YoungPerson16To17
            );
        }
        let confirmed = SchoolYearStart::Confirmed(date(2026, 9, 2));
        assert_eq!(
            status_on(born, date(2026, 6, 27), confirmed),
            AgeStatus::YoungPersonUnder16
        );
    }

    #[test]
    fn most_birthdays_need_no_calendar() {
        assert_eq!(
            status_on(date(2010, 7, 24), date(2026, 6, 27), SchoolYearStart::Unknown),
            AgeStatus::YoungPersonUnder16
        );
    }

    fn any_date(years: std::ops::Range<i16>) -> impl Strategy<Value = Date> {
        (years, 0_i32..366)
            .prop_map(|(year, day)| date(year, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap())
    }

    proptest! {
        /// Status never goes back as days pass, and every day has exactly one.
        #[test]
        fn status_only_moves_forward(born in any_date(1990..2025), first in any_date(1990..2060), later in 0_i32..4000) {
            let second = first.checked_add(jiff::Span::new().days(later)).unwrap();
            let start = date(anniversary(born, 16).year(), 9, 1);
            prop_assert!(literal_status_on(born, first, start) <= literal_status_on(born, second, start));
        }

        /// Without a calendar the answer is either the one that every possible calendar gives, or none.
        #[test]
        fn an_unknown_calendar_never_guesses(born in any_date(1990..2025), on in any_date(1990..2060), day in 0_i32..22) {
            let start = date(anniversary(born, 16).year(), 8, 20).checked_add(jiff::Span::new().days(day)).unwrap();
            let answer = status_on(born, on, SchoolYearStart::Unknown);
            prop_assert!(answer == AgeStatus::NeedsDetermination || answer == literal_status_on(born, on, start));
        }
    }
}
