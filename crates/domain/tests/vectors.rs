//! The test tables made from the law: every row of those that this crate computes, every computed column.

#![expect(
    clippy::unwrap_used,
    reason = "a test table that cannot be read must stop the test"
)]

use jiff::civil::Date;
use sendhub_domain::age::{self, AgeStatus, SchoolYearStart};
use sendhub_domain::calendar::{BankHolidays, CalendarSet, Certainty, SchoolCalendar};
use sendhub_domain::clock::{Answer, ClockBasis};
use sendhub_domain::identifiers::LaEstab;
use sendhub_domain::plan_limit::{Provision, plan_limit};
use sendhub_domain::rights::{Decision, DecisionKind, RightsFacts};
use sendhub_domain::{clock, identifiers};

const BANK_HOLIDAYS: &str = include_str!("vectors/calendar_bank_holidays_england.csv");
const SCHOOL_9999001: &str = include_str!("vectors/calendar_school_9999001.csv");

fn rows(table: &str) -> Vec<csv::StringRecord> {
    csv::Reader::from_reader(table.as_bytes())
        .records()
        .map(Result::unwrap)
        .collect()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

#[test]
fn age_status() {
    let rows = rows(include_str!("vectors/age_status.csv"));
    assert_eq!(rows.len(), 46);
    for row in rows {
        let id = &row[0];
        let (born, start, on) = (day(&row[1]), day(&row[2]), day(&row[3]));
        let status = age::literal_status_on(born, on, start);
        assert_eq!(age::csa_first_day(born), day(&row[4]), "{id} csa_first_day");
        assert_eq!(
            age::anniversary(born, 16),
            day(&row[5]),
            "{id} sixteenth_birthday"
        );
        assert_eq!(age::csa_last_day(born, start), day(&row[6]), "{id} csa_last_day");
        assert_eq!(
            age::young_person_from(born, start),
            day(&row[7]),
            "{id} young_person_from"
        );
        assert_eq!(status.code(), &row[8], "{id} status_on_date");
        assert_eq!(
            status.right_holder().code(),
            &row[9],
            "{id} send_rights_holder_if_capacity"
        );
        assert_eq!(
            age::mca2005_can_apply(born, on).to_string(),
            row[10],
            "{id} mca2005_can_apply"
        );
        assert_eq!(
            age::school_calendar_matters(born).to_string(),
            row[11],
            "{id} school_calendar_matters"
        );
        assert_eq!(
            age::differs_from_1_september_rule(born, start).to_string(),
            row[12],
            "{id} differs"
        );
        assert_eq!(
            age::status_on(born, on, SchoolYearStart::Confirmed(start)),
            status,
            "{id} confirmed"
        );
        assert_eq!(
            age::status_on(born, on, SchoolYearStart::Unconfirmed(start)),
            if UNDETERMINED.contains(&id) {
                AgeStatus::NeedsDetermination
            } else {
                status
            },
            "{id} unconfirmed"
        );
        let facts = RightsFacts::new(born, SchoolYearStart::Confirmed(start));
        let holder = facts
            .holder_on(&Decision::Of(DecisionKind::RequestAssessment), on)
            .holder;
        assert_eq!(holder.code(), &row[9], "{id} holder with nothing recorded");
    }
}

#[test]
fn age25_plan_limit() {
    let rows = rows(include_str!("vectors/age25_plan_limit.csv"));
    assert_eq!(rows.len(), 4);
    for row in rows {
        let id = &row[0];
        let finishes = (!row[3].is_empty()).then(|| day(&row[3]));
        let limit = plan_limit(day(&row[1]), Provision::from_code(&row[2]).unwrap(), finishes);
        assert_eq!(
            limit.twenty_fifth_birthday,
            day(&row[4]),
            "{id} twenty_fifth_birthday"
        );
        assert_eq!(
            limit.last_day_as_young_person,
            day(&row[5]),
            "{id} last_day_as_young_person"
        );
        assert_eq!(
            limit.maintained_until,
            Some(day(&row[6])),
            "{id} plan_may_be_maintained_until"
        );
        assert_eq!(
            limit.absolute_last_day,
            day(&row[7]),
            "{id} absolute_last_day_before_26"
        );
    }
}

/// The rows whose day lies between the two possible leaving dates, so that a calendar which nobody confirmed
/// cannot settle it. On the days of the other rows where the calendar matters, every possible calendar gives the
/// same status.
const UNDETERMINED: [&str; 8] = [
    "AGE017", "AGE021", "AGE027", "AGE033", "AGE035", "AGE037", "AGE063", "AGE065",
];

#[test]
fn identifiers_table() {
    let rows = rows(include_str!("vectors/identifiers.csv"));
    assert_eq!(rows.len(), 47);
    for row in rows {
        let expected = (&row[3] == "true", &row[4]);
        let found = identifiers::classify(&row[1], &row[2]);
        assert_eq!(found, expected, "{}", &row[0]);
    }
}

/// Every row through the same door as `sendhub clock test`, and what the row says of the rule itself.
#[test]
fn statutory_clocks() {
    let set = calendars();
    let rows = rows(include_str!("vectors/statutory_clocks.csv"));
    assert_eq!(rows.len(), 48);
    for row in rows {
        let (id, rule) = (&row[0], &row[1]);
        let found = clock::answer(rule, &row[3], &row[4], &set).unwrap();
        assert_eq!(found.to_string(), row[5], "{id} due_or_result");
        let Answer::Due(due) = found else {
            assert_eq!(&row[6], "WINDOW", "{id} convention");
            continue;
        };
        assert_eq!(due.rule.code(), rule, "{id} rule");
        assert_eq!(due.rule.counting().code(), &row[6], "{id} convention");
        assert_eq!(due.rule.terms().confidence.code(), &row[8], "{id} confidence");
        assert_eq!(due.certainty, Certainty::Counted, "{id} certainty");
        let basis = match &row[7] {
            source if source.starts_with("Devon") => ClockBasis::Court,
            source if source.starts_with("SEND Code") => ClockBasis::Guidance,
            _ => ClockBasis::Hard,
        };
        assert_eq!(due.basis, basis, "{id} basis");
        assert_eq!(due.lifted_by, None, "{id}");
    }
}

/// The functions that the transfer of a record calls give what the table says.
#[test]
fn transfer_clocks() {
    let set = calendars();
    let school = set.schools.values().next().unwrap();
    let mut seen = 0;
    for row in rows(include_str!("vectors/statutory_clocks.csv")) {
        let start = || day(&row[3]);
        let due = match &row[1] {
            "PUPIL_RECORD_15SD" => clock::pupil_record_due(start(), school, &set.holidays),
            "DUAL_REG_COPY_15SD" => clock::dual_registration_copy_due(start(), school, &set.holidays),
            "NEW_PUPIL_RETURN_5D" => clock::new_pupil_return_due(start()),
            _ => continue,
        };
        assert_eq!(due.unwrap().due_on, day(&row[5]), "{}", &row[0]);
        seen += 1;
    }
    assert_eq!(seen, 5);
}

fn calendars() -> CalendarSet {
    let school = LaEstab::parse("9999001").unwrap();
    CalendarSet {
        holidays: BankHolidays::from_csv(BANK_HOLIDAYS).unwrap(),
        schools: [(school, SchoolCalendar::from_csv(SCHOOL_9999001).unwrap())].into(),
    }
}
