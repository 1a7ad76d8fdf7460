//! Age and status: compulsory school age, when a child becomes a young person, and who decides.
//!
//! Every function is total: dates that cannot both be right have the status [`AgeStatus::NotYetBorn`], and years
//! are held within the calendar (-9999 to 9999).
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
///
/// A day in another year, or before August, cannot be that day: [`status_on`] reads it as [`Self::Unknown`],
/// since it would move the leaving date by a whole year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchoolYearStart {
    /// From the school's own confirmed calendar.
    Confirmed(Date),
    /// From a calendar that nobody has confirmed.
    Unconfirmed(Date),
    /// Not known.
    Unknown,
}

impl SchoolYearStart {
    /// The same, or `Unknown` when the day cannot be the start of the school year of the sixteenth birthday.
    fn if_possible(self, sixteenth: Date) -> Self {
        match self {
            Self::Confirmed(day) | Self::Unconfirmed(day)
                if day.year() != sixteenth.year() || day.month() < 8 =>
            {
                Self::Unknown
            }
            known => known,
        }
    }
}

/// The earliest and latest days on which school years are known to begin (Scottish-style late-August terms and
/// late starts): outside these days a birthday cannot be touched by a school's calendar.
const EARLIEST_START: (i8, i8) = (8, 20);
const LATEST_START: (i8, i8) = (9, 10);

/// The day on which a person attains an age: the anniversary of birth, from 00:00 (Family Law Reform Act 1969
/// s.9). Born on 29 February, it is 1 March in a common year (a date library's own arithmetic says 28 February).
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
pub fn mca2005_can_apply(born: Date, on: Date) -> bool {
    on >= anniversary(born, 16)
}

/// Whether the school's own calendar can change the answer: the sixteenth birthday lies between 20 August and
/// 10 September, both included (law as found says "about 10 September"; the wider reading asks once too often
/// rather than once too seldom).
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
/// person's own gives another status: for a birthday that the calendar can touch, the days from the day after
/// the earlier leaving date to the later one. On every other day all calendars agree and so does this function:
/// nobody doubts that a pupil of ten is a child because of a birthday in September.
///
/// So [`differs_from_1_september_rule`] and [`school_calendar_matters`] say of a *person* that the calendar is in
/// question; this function says whether it is in question on that *day*.
#[must_use]
pub fn status_on(born: Date, on: Date, start: SchoolYearStart) -> AgeStatus {
    let start = start.if_possible(anniversary(born, 16));
    if let SchoolYearStart::Confirmed(start) = start {
        return literal_status_on(born, on, start);
    }
    let common = first_of_september(born);
    let status = literal_status_on(born, on, common);
    let agrees = |start: Date| literal_status_on(born, on, start) == status;
    if let SchoolYearStart::Unconfirmed(start) = start
        && !agrees(start)
    {
        return AgeStatus::NeedsDetermination;
    }
    if school_calendar_matters(born) {
        let earliest = date(common.year(), EARLIEST_START.0, EARLIEST_START.1);
        // The day after the latest start, so that a birthday on that day is before it.
        let latest = date(common.year(), LATEST_START.0, LATEST_START.1 + 1);
        if !agrees(earliest) || !agrees(latest) {
            return AgeStatus::NeedsDetermination;
        }
    }
    status
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

    #[test]
    fn a_day_that_cannot_be_the_start_is_not_believed() {
        let born = date(2010, 11, 1);
        let on = date(2026, 6, 27);
        for wrong in [date(2027, 9, 1), date(2025, 9, 1), date(2026, 7, 31)] {
            for start in [
                SchoolYearStart::Confirmed(wrong),
                SchoolYearStart::Unconfirmed(wrong),
            ] {
                assert_eq!(status_on(born, on, start), AgeStatus::ChildOfCsa, "{start:?}");
            }
        }
        // A term that starts in July is not the first after July.
        let summer = SchoolYearStart::Confirmed(date(2026, 7, 15));
        assert_eq!(
            status_on(date(2010, 7, 20), on, summer),
            AgeStatus::YoungPersonUnder16
        );
        let autumn = date(2010, 9, 1);
        assert_eq!(
            status_on(autumn, on, SchoolYearStart::Confirmed(date(2025, 9, 3))),
            AgeStatus::NeedsDetermination
        );
    }

    #[test]
    fn a_very_late_term_that_nobody_confirmed_needs_determination() {
        let born = date(2010, 9, 14);
        let on = date(2026, 7, 1);
        let late = date(2026, 9, 15);
        assert_eq!(
            status_on(born, on, SchoolYearStart::Unknown),
            AgeStatus::ChildOfCsa
        );
        assert_eq!(
            status_on(born, on, SchoolYearStart::Unconfirmed(late)),
            AgeStatus::NeedsDetermination
        );
        assert_eq!(
            status_on(born, on, SchoolYearStart::Confirmed(late)),
            AgeStatus::YoungPersonUnder16
        );
    }

    #[test]
    fn the_calendar_matters_from_20_august_to_10_september() {
        for (month, day, matters) in [
            (8, 19, false),
            (8, 20, true),
            (8, 31, true),
            (9, 10, true),
            (9, 11, false),
        ] {
            assert_eq!(
                school_calendar_matters(date(2010, month, day)),
                matters,
                "{day}/{month}"
            );
            let undetermined = status_on(
                date(2010, month, day),
                date(2026, 6, 27),
                SchoolYearStart::Unknown,
            );
            assert_eq!(
                undetermined == AgeStatus::NeedsDetermination,
                matters,
                "{day}/{month}"
            );
        }
    }

    #[test]
    fn a_day_before_birth_has_a_status_of_its_own() {
        let status = status_on(date(2020, 1, 2), date(2020, 1, 1), SchoolYearStart::Unknown);
        assert_eq!(status, AgeStatus::NotYetBorn);
        assert_eq!(status.right_holder(), RightHolder::None);
    }

    #[test]
    fn the_ends_of_the_calendar_do_not_panic() {
        for born in [Date::MIN, Date::MAX, date(9984, 2, 29), date(-9999, 2, 28)] {
            for on in [Date::MIN, Date::MAX] {
                for start in [
                    SchoolYearStart::Unknown,
                    SchoolYearStart::Confirmed(Date::MAX),
                    SchoolYearStart::Unconfirmed(Date::MIN),
                ] {
                    let status = status_on(born, on, start);
                    assert_eq!(status == AgeStatus::NotYetBorn, on < born);
                }
                let _ = young_person_from(born, on);
                let _ = differs_from_1_september_rule(born, on);
            }
        }
    }

    fn any_date(years: std::ops::Range<i16>) -> impl Strategy<Value = Date> {
        (years, 0_i32..366)
            .prop_map(|(year, day)| date(year, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap())
    }

    fn days_after(day: Date, days: i32) -> Date {
        day.checked_add(jiff::Span::new().days(days)).unwrap()
    }

    /// A plausible first day of the school year of the sixteenth birthday, `days` from 20 August.
    fn start_for(born: Date, days: i32) -> Date {
        days_after(date(anniversary(born, 16).year(), 8, 20), days)
    }

    proptest! {
        /// Every day has exactly one status, and it is the one of the table of bounds (law 1.2): the statuses
        /// that the bounds let in are counted, not looked up.
        #[test]
        fn every_day_has_exactly_one_status(born in any_date(1990..2025), on in any_date(1985..2060), days in 0_i32..22) {
            let start = start_for(born, days);
            let young = young_person_from(born, start);
            let (first, sixteenth) = (csa_first_day(born), anniversary(born, 16));
            let (eighteenth, last) = (anniversary(born, 18), anniversary(born, 25));
            let bounds = [
                (AgeStatus::NotYetBorn, on < born),
                (AgeStatus::ChildBelowCsa, born <= on && on < first),
                (AgeStatus::ChildOfCsa, first <= on && on < young),
                (AgeStatus::YoungPersonUnder16, young <= on && on < sixteenth),
                (AgeStatus::YoungPerson16To17, young.max(sixteenth) <= on && on < eighteenth),
                (AgeStatus::YoungPerson18To24, eighteenth <= on && on < last),
                (AgeStatus::Over25, last <= on),
            ];
            let held: Vec<_> = bounds.iter().filter(|(_, holds)| *holds).map(|(status, _)| *status).collect();
            prop_assert_eq!(held, [literal_status_on(born, on, start)]);
        }

        /// Status never goes back as days pass, with or without a calendar.
        #[test]
        fn status_only_moves_forward(born in any_date(1990..2025), first in any_date(1990..2060), later in 0_i32..4000, days in 0_i32..22) {
            let second = days_after(first, later);
            let start = start_for(born, days);
            prop_assert!(literal_status_on(born, first, start) <= literal_status_on(born, second, start));
            for start in [SchoolYearStart::Unconfirmed(start), SchoolYearStart::Unknown] {
                let (before, after) = (status_on(born, first, start), status_on(born, second, start));
                // The undetermined days stand between child and young person.
                match (before, after) {
                    (AgeStatus::NeedsDetermination, AgeStatus::NeedsDetermination) => {}
                    (AgeStatus::NeedsDetermination, after) => prop_assert!(after > AgeStatus::ChildOfCsa),
                    (before, AgeStatus::NeedsDetermination) => prop_assert!(before <= AgeStatus::ChildOfCsa),
                    (before, after) => prop_assert!(before <= after),
                }
            }
        }

        /// Without a confirmed calendar the answer is the one that every possible calendar gives, and there is no
        /// answer exactly where two of them differ.
        #[test]
        fn an_unknown_calendar_neither_guesses_nor_doubts(born in any_date(1990..2025), after_16 in -500_i32..500) {
            let on = days_after(anniversary(born, 16), after_16);
            let possible: Vec<_> = if school_calendar_matters(born) {
                (0..=22).map(|days| literal_status_on(born, on, start_for(born, days))).collect()
            } else {
                vec![literal_status_on(born, on, first_of_september(born))]
            };
            let agreed = possible.iter().all(|status| *status == possible[0]);
            let expected = if agreed { possible[0] } else { AgeStatus::NeedsDetermination };
            prop_assert_eq!(status_on(born, on, SchoolYearStart::Unknown), expected);
        }
    }
}
