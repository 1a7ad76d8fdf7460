//! `sendhub rights`: who decides for somebody on a day, and whether the rules give what a table of worked rows says.

mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use jiff::civil::Date;
use sendhub_domain::age::{self, SchoolYearStart};
use sendhub_domain::plan_limit::{Provision, plan_limit};
use sendhub_domain::rights::{Decision, DecisionKind, RightsFacts, RightsPass};
use serde_json::{Value, json};

use crate::Output;
use table::{Count, Outcome};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compare a table of worked rows with the rules: age status, plan limit after 25, or identifiers. Ends with 0
    /// when every row of confidence A holds, with 1 when one does not, with 2 when the table cannot be read.
    Test {
        /// The table, as CSV.
        #[arg(long, value_name = "FILE")]
        table: PathBuf,
    },
    Show(Show),
}

/// Say who decides for somebody on a day, why, and when that changes: by age alone, with nothing else recorded.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Date of birth, for instance 2010-07-24.
    #[arg(long, value_name = "DATE")]
    born: Date,
    /// The day that is asked about.
    #[arg(long, value_name = "DATE")]
    on: Date,
    /// The first day of the school year that begins in the year of the sixteenth birthday.
    #[arg(long, value_name = "DATE")]
    school_year_start: Option<Date>,
    /// The school has confirmed that day.
    #[arg(long, requires = "school_year_start")]
    confirmed: bool,
}

pub(crate) fn run(command: &Command, output: Output) -> Result<ExitCode> {
    match command {
        Command::Test { table } => test(table, output),
        Command::Show(show) => {
            show.print(output);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn test(path: &Path, output: Output) -> Result<ExitCode> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let outcome = table::compare(&bytes).with_context(|| path.display().to_string())?;
    match output {
        Output::Json => println!("{}", outcome_json(path, &outcome)),
        Output::Text => print_outcome(path, &outcome),
    }
    Ok(if outcome.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print_outcome(path: &Path, outcome: &Outcome) {
    for one in &outcome.differences {
        println!(
            "{} {} ({}): expected {}, found {}",
            one.id,
            one.column,
            one.confidence,
            shown(&one.expected),
            shown(&one.found)
        );
    }
    println!(
        "{}: {} of {} rows of confidence A held, {} of {} of confidence B",
        path.display(),
        outcome.text_read.held,
        outcome.text_read.rows,
        outcome.reading.held,
        outcome.reading.rows
    );
}

fn shown(cell: &str) -> &str {
    if cell.is_empty() { "(blank)" } else { cell }
}

fn outcome_json(path: &Path, outcome: &Outcome) -> Value {
    let differences: Vec<Value> = outcome
        .differences
        .iter()
        .map(|one| {
            json!({
                "id": one.id,
                "confidence": one.confidence.code(),
                "column": one.column,
                "expected": one.expected,
                "found": one.found,
            })
        })
        .collect();
    let count = |count: Count| json!({ "rows": count.rows, "held": count.held });
    json!({
        "table": path.display().to_string(),
        "holds": outcome.holds(),
        "a": count(outcome.text_read),
        "b": count(outcome.reading),
        "differences": differences,
    })
}

impl Show {
    fn print(&self, output: Output) {
        let start = match self.school_year_start {
            Some(day) if self.confirmed => SchoolYearStart::Confirmed(day),
            Some(day) => SchoolYearStart::Unconfirmed(day),
            None => SchoolYearStart::Unknown,
        };
        let facts = RightsFacts::new(self.born, start);
        let answer = facts.holder_on(&Decision::Of(DecisionKind::RequestAssessment), self.on);
        let changes = self.changes(&facts);
        match output {
            Output::Json => println!(
                "{}",
                json!({
                    "status": answer.status.code(),
                    "right_holder": answer.holder.code(),
                    "basis": answer.in_words(),
                    "provision": answer.provision(),
                    "mca2005_can_apply": age::mca2005_can_apply(self.born, self.on),
                    "changes": changes
                        .iter()
                        .map(|(day, what)| json!({ "on": day.to_string(), "what": what }))
                        .collect::<Vec<_>>(),
                    "school_year_start_heeded": self.start_is_possible(),
                })
            ),
            Output::Text => {
                println!("status        {}", answer.status);
                println!("right-holder  {}", answer.holder);
                println!("basis         {}", answer.in_words());
                println!("              {}", answer.provision());
                for (day, what) in changes {
                    println!("{day}    {what}");
                }
                if self.start_is_possible() == Some(false) {
                    println!(
                        "note: no school year of the sixteenth birthday can begin on the day given; it is not heeded"
                    );
                }
            }
        }
    }

    /// Whether the day given can be the first day of that school year: the first term after July, in the year of
    /// the sixteenth birthday (SI 1999/3181 reg 2).
    fn start_is_possible(&self) -> Option<bool> {
        self.school_year_start
            .map(|day| day.year() == age::anniversary(self.born, 16).year() && day.month() >= 8)
    }

    /// The days on which something changes, in their order.
    fn changes(&self, facts: &RightsFacts) -> Vec<(Date, &'static str)> {
        let limit = plan_limit(self.born, Provision::FurtherEducation, None);
        let mut changes = vec![
            (
                age::csa_first_day(self.born),
                "of compulsory school age; the parent decides",
            ),
            (
                age::anniversary(self.born, 16),
                "sixteenth birthday: from here on the Mental Capacity Act can be used",
            ),
            (age::anniversary(self.born, 18), "eighteenth birthday"),
            (
                limit.twenty_fifth_birthday,
                "twenty-fifth birthday: nobody holds rights under Part 3",
            ),
            (
                limit.absolute_last_day,
                "the last day on which a plan that the local authority keeps can run at all",
            ),
        ];
        match facts.rights_pass(self.on) {
            RightsPass::On(day) => changes.push((day, "rights pass to the young person")),
            RightsPass::Undetermined { earliest, latest } => changes.extend([
                (
                    earliest,
                    "rights pass to the young person, or not yet: the school's first day of term decides",
                ),
                (latest, "rights pass to the young person at the latest"),
            ]),
        }
        changes.sort_unstable();
        changes
    }
}
