//! `sendhub clock`: what is due by when, on what that rests, and whether a table of dates holds.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use jiff::civil::Date;
use sendhub_domain::calendar::{BankHolidays, CalendarSet, SchoolCalendar};
use sendhub_domain::clock::{self, Answer, ClockRule, DueDate, Notice, NoticePlan, Party};
use sendhub_domain::identifiers::LaEstab;
use serde_json::{Value, json};

use crate::Output;

/// England's bank holidays of this version.
const BANK_HOLIDAYS: &str = include_str!("../../../../config/calendars/bank_holidays_england.csv");
/// The made-up school of the test tables: authority 999 does not exist.
const TEST_SCHOOL: &str = include_str!("../../../domain/tests/vectors/calendar_school_9999001.csv");

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Hold a table of dates against the rules. Prints each row that differs, then how many held. Ends with 1
    /// when a row of confidence A differs and with 2 when the table cannot be read.
    Test {
        /// The table: CSV with the columns id, rule, start, params, `due_or_result` and confidence.
        #[arg(long = "table", value_name = "FILE")]
        table: PathBuf,
        /// A folder with `bank_holidays_england.csv` and `school_NNNNNNN.csv` to use besides those built in.
        #[arg(long, value_name = "DIR")]
        calendars: Option<PathBuf>,
    },
    /// Say when something is due, on what that rests, and on which days notice of it is given.
    Due {
        /// The rule's code; see `sendhub clock list`.
        #[arg(long, value_name = "CODE")]
        rule: String,
        /// The day of the event (of a transfer between phases, its year).
        #[arg(long, value_name = "DATE")]
        event: String,
        /// A further fact, for instance `old_la_aware=2026-10-26`; may be given again.
        #[arg(long = "param", value_name = "NAME=VALUE")]
        params: Vec<String>,
        /// A folder with `bank_holidays_england.csv` and `school_NNNNNNN.csv` to use besides those built in.
        #[arg(long, value_name = "DIR")]
        calendars: Option<PathBuf>,
    },
    /// Print every rule: how it counts, what kind of duty it is, who owes it, and the provision.
    List,
}

pub(crate) fn run(command: &Command, output: Output) -> Result<ExitCode> {
    match command {
        Command::Test { table, calendars } => test(table, &load(calendars.as_deref())?, output),
        Command::Due {
            rule,
            event,
            params,
            calendars,
        } => due(rule, event, params, &load(calendars.as_deref())?, output),
        Command::List => {
            list(output);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The calendars built in, and over them those of a folder.
fn load(folder: Option<&Path>) -> Result<CalendarSet> {
    let mut set = CalendarSet::default();
    add(&mut set, "bank_holidays_england.csv", BANK_HOLIDAYS)?;
    add(&mut set, "school_9999001.csv", TEST_SCHOOL)?;
    let Some(folder) = folder else {
        return Ok(set);
    };
    let unread = |path: &Path| format!("cannot read {}", path.display());
    for entry in std::fs::read_dir(folder).with_context(|| unread(folder))? {
        let path = entry.with_context(|| unread(folder))?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if !is_calendar(&name) {
            continue;
        }
        let text = std::fs::read_to_string(&path).with_context(|| unread(&path))?;
        add(&mut set, &name, &text).with_context(|| path.display().to_string())?;
    }
    Ok(set)
}

fn is_calendar(name: &str) -> bool {
    name == "bank_holidays_england.csv" || school_of(name).is_some()
}

fn school_of(name: &str) -> Option<&str> {
    name.strip_prefix("school_")?.strip_suffix(".csv")
}

/// Adds the file of this name, which is the bank holidays' or a school's.
fn add(set: &mut CalendarSet, name: &str, text: &str) -> Result<()> {
    match school_of(name) {
        Some(school) => {
            set.schools
                .insert(LaEstab::parse(school)?, SchoolCalendar::from_csv(text)?);
        }
        None => set.holidays = BankHolidays::from_csv(text)?,
    }
    Ok(())
}

/// One row of a table that differs.
struct Differing {
    id: String,
    rule: String,
    confidence: &'static str,
    expected: String,
    found: String,
}

/// How many rows of one confidence there were, and how many held.
#[derive(Default)]
struct Count {
    rows: usize,
    held: usize,
}

impl Count {
    fn json(&self) -> Value {
        json!({ "rows": self.rows, "held": self.held })
    }
}

fn test(table: &Path, calendars: &CalendarSet, output: Output) -> Result<ExitCode> {
    let unread = || format!("cannot read {}", table.display());
    let file = std::fs::File::open(table).with_context(unread)?;
    let (differing, a, b) = compare(file, calendars).with_context(unread)?;
    match output {
        Output::Json => {
            let rows: Vec<Value> = differing
                .iter()
                .map(|row| {
                    json!({
                        "id": row.id,
                        "rule": row.rule,
                        "confidence": row.confidence,
                        "expected": row.expected,
                        "found": row.found,
                    })
                })
                .collect();
            println!("{}", json!({ "differing": rows, "a": a.json(), "b": b.json() }));
        }
        Output::Text => {
            for row in &differing {
                println!(
                    "{} {} ({}): expected {}, found {}",
                    row.id, row.rule, row.confidence, row.expected, row.found
                );
            }
            println!("A: {} of {} rows held", a.held, a.rows);
            println!("B: {} of {} rows held", b.held, b.rows);
        }
    }
    Ok(if a.held == a.rows {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn compare(table: impl Read, calendars: &CalendarSet) -> Result<(Vec<Differing>, Count, Count)> {
    let mut reader = csv::Reader::from_reader(table);
    let header = reader.headers()?.clone();
    let column = |name: &str| {
        let place = header.iter().position(|column| column.trim() == name);
        place.with_context(|| format!("there is no column \"{name}\""))
    };
    let (id, rule, start) = (column("id")?, column("rule")?, column("start")?);
    let (params, result) = (column("params")?, column("due_or_result")?);
    let confidence = column("confidence")?;
    let (mut differing, mut a, mut b) = (Vec::new(), Count::default(), Count::default());
    for row in reader.records() {
        let row = row?;
        let field = |place: usize| row.get(place).unwrap_or_default().trim();
        let (count, confidence) = match field(confidence) {
            "A" => (&mut a, "A"),
            "B" => (&mut b, "B"),
            _ => bail!("{}: the confidence must be A or B", field(id)),
        };
        let found = match clock::answer(field(rule), field(start), field(params), calendars) {
            Ok(answer) => answer.to_string(),
            Err(error) => error.to_string(),
        };
        count.rows += 1;
        if found == field(result) {
            count.held += 1;
        } else {
            differing.push(Differing {
                id: field(id).to_owned(),
                rule: field(rule).to_owned(),
                confidence,
                expected: field(result).to_owned(),
                found,
            });
        }
    }
    Ok((differing, a, b))
}

fn due(
    rule: &str,
    event: &str,
    params: &[String],
    calendars: &CalendarSet,
    output: Output,
) -> Result<ExitCode> {
    let found = clock::answer(rule, event, &params.join(";"), calendars).with_context(|| rule.to_owned())?;
    match (found, output) {
        (Answer::Holds(holds), Output::Json) => println!("{}", json!({ "rule": rule, "holds": holds })),
        (Answer::Holds(holds), Output::Text) => {
            println!(
                "{rule}: the exception {}",
                if holds { "holds" } else { "does not hold" }
            );
        }
        (Answer::Due(due), output) => {
            // Warnings before the event make no sense; of an event that lies after its due date (a meeting, a
            // transfer) the start is not known, so all of them are shown.
            let started = event.parse().unwrap_or(Date::MIN);
            let started = if started > due.due_on { Date::MIN } else { started };
            let notices = NoticePlan::of(due.rule).notices(started, due.due_on);
            match output {
                Output::Json => println!("{}", due_json(&due, &notices)),
                Output::Text => print_due(&due, &notices),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn due_json(due: &DueDate, notices: &[Notice]) -> Value {
    let mut value = rule_json(due.rule);
    value["due_on"] = json!(due.due_on.to_string());
    value["certainty"] = json!(due.certainty.code());
    value["notices"] = notices
        .iter()
        .map(|notice| json!({ "on": notice.on.to_string(), "code": notice.code.code() }))
        .collect();
    value
}

fn print_due(due: &DueDate, notices: &[Notice]) {
    let terms = due.rule.terms();
    println!("{} {}", due.rule, due.due_on);
    println!("  counted    {}: {}", terms.counting, terms.starts);
    println!("  means      {}", terms.nature);
    println!("  basis      {} (confidence {})", due.basis, terms.confidence);
    println!("  provision  {}", due.provision);
    println!("  certainty  {}", due.certainty);
    println!("  owed by    {}, told: {}", terms.owed_by, parties(terms.told));
    for notice in notices {
        println!("  notice     {} {}", notice.on, notice.code);
    }
}

fn rule_json(rule: ClockRule) -> Value {
    let terms = rule.terms();
    let told: Vec<&str> = terms.told.iter().map(|party| party.code()).collect();
    json!({
        "rule": rule.code(),
        "starts": terms.starts,
        "convention": terms.counting.code(),
        "counting": terms.counting.to_string(),
        "nature": terms.nature.code(),
        "basis": terms.basis.code(),
        "confidence": terms.confidence.code(),
        "provision": terms.provision,
        "owed_by": terms.owed_by.code(),
        "told": told,
        "lifted_by": terms.lifting.code(),
    })
}

fn parties(parties: &[Party]) -> String {
    let codes: Vec<&str> = parties.iter().map(|party| party.code()).collect();
    codes.join(", ")
}

fn list(output: Output) {
    if output == Output::Json {
        let rules: Vec<Value> = ClockRule::ALL.iter().map(|rule| rule_json(*rule)).collect();
        println!("{}", Value::from(rules));
        return;
    }
    for rule in ClockRule::ALL {
        let terms = rule.terms();
        println!(
            "{:<29} {:<8} {} {:<15} {:<25} {}",
            rule.code(),
            terms.basis.code(),
            terms.confidence.code(),
            terms.counting.code(),
            terms.owed_by.code(),
            terms.provision
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_law_holds() {
        let table = include_bytes!("../../../domain/tests/vectors/statutory_clocks.csv");
        let (differing, a, b) = compare(&table[..], &load(None).unwrap()).unwrap();
        assert!(differing.is_empty());
        assert_eq!((a.rows, a.held, b.rows, b.held), (44, 44, 4, 4));
    }

    #[test]
    fn a_row_that_differs_is_told() {
        let table = "id,rule,start,params,due_or_result,confidence\n\
             X1,EHCNA_DECIDE_6W,2026-09-07,,2026-10-20,A\n\
             X2,NO_SUCH_RULE,2026-09-07,,2026-10-19,B\n\
             X3,ADVICE_6W,2026-10-05,,2026-11-16,A\n";
        let (differing, a, b) = compare(table.as_bytes(), &load(None).unwrap()).unwrap();
        let told: Vec<_> = differing
            .iter()
            .map(|row| (row.id.as_str(), row.found.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("X1", "2026-10-19"),
                ("X2", "no clock and no exception has this name")
            ]
        );
        assert_eq!((a.rows, a.held, b.rows, b.held), (2, 1, 1, 0));
    }

    #[test]
    fn a_table_in_another_form_is_not_read() {
        for text in [
            "",
            "id,rule,start\nX1,EHCNA_DECIDE_6W,2026-09-07\n",
            "id,rule,start,params,due_or_result,confidence\nX1,EHCNA_DECIDE_6W,2026-09-07,,2026-10-19,C\n",
            "id,rule,start,params,due_or_result,confidence\nX1,EHCNA_DECIDE_6W\n",
        ] {
            assert!(
                compare(text.as_bytes(), &CalendarSet::default()).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_calendar_of_a_folder_stands_over_one_built_in() {
        let mut set = load(None).unwrap();
        add(
            &mut set,
            "school_9999001.csv",
            "date,kind\n2026-09-04,SCHOOL_DAY\n",
        )
        .unwrap();
        let school = LaEstab::parse("9999001").unwrap();
        let first = set.of(Some(&school)).school.covers().unwrap().start().to_string();
        assert_eq!(first, "2026-09-04");
        assert!(add(&mut set, "school_1.csv", "date,kind\n").is_err());
        assert!(!is_calendar("README.md"));
    }
}
