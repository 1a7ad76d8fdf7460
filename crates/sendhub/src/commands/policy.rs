//! `sendhub policy`: tests, checks, lists and explains the rules by which the hub decides.

mod explain;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use jiff::civil::Date;
use sendhub_gateway::clock::{Clock as _, SystemClock};
use sendhub_policy::{
    Confidence, DisclosureReport, DisclosureTable, PolicyError, PolicySet, RowResult, Rule, TestReport,
};
use serde_json::{Value, json};

use crate::Output;

/// What a rule is marked with until an office has signed it.
const UNREVIEWED: &str = "UNREVIEWED";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the tables of tests that stand beside the rules, or one table of disclosures in CSV. Ends with 0 when
    /// every row held, with 1 when a row of confidence A differs, with 2 when something cannot be read.
    Test {
        /// A table of disclosures: id, item, sender, recipient, …, expected, reason_code, confidence.
        #[arg(long)]
        table: Option<PathBuf>,
        /// Let rows of confidence B and reasons that the rules do not have end it with 1 as well.
        #[arg(long)]
        strict: bool,
        #[command(flatten)]
        rules: Rules,
    },
    /// Check a folder of rules and name every fault. Ends with 1 when there is one.
    Check {
        /// The folder; the built-in rules otherwise.
        folder: Option<PathBuf>,
    },
    /// List what a lawyer or data-protection officer has to look at: rules that rest on a reading, are signed by
    /// nobody, or wait for commencement; with a table, its rows of confidence B as well.
    Review {
        /// A table of disclosures in CSV.
        #[arg(long)]
        table: Option<PathBuf>,
        #[command(flatten)]
        rules: Rules,
    },
    /// List every rule with what it rests on and its dates.
    List {
        #[command(flatten)]
        rules: Rules,
    },
    /// Explain one decision in words.
    Explain(Box<explain::Explain>),
}

/// Which rules, on which day.
#[derive(Debug, clap::Args)]
pub(crate) struct Rules {
    /// A folder of rules; the built-in ones otherwise.
    #[arg(long)]
    policies: Option<PathBuf>,
    /// The day of the decision, such as 2026-09-01; today otherwise.
    #[arg(long)]
    on: Option<Date>,
}

impl Rules {
    fn day(&self) -> Date {
        self.on.unwrap_or_else(|| SystemClock.today())
    }

    fn load(&self) -> Result<PolicySet> {
        load(self.policies.as_deref(), self.day()).context("the rules cannot be used")
    }
}

fn load(folder: Option<&Path>, on: Date) -> Result<PolicySet, PolicyError> {
    folder.map_or_else(PolicySet::built_in, |folder| PolicySet::load(folder, on))
}

pub(crate) fn run(command: &Command, output: Output) -> Result<ExitCode> {
    match command {
        Command::Test { table, strict, rules } => match table {
            Some(table) => test_table(table, rules, *strict, output),
            None => test_beside(rules, *strict, output),
        },
        Command::Check { folder } => check(folder.as_deref(), output),
        Command::Review { table, rules } => review(table.as_deref(), rules, output),
        Command::List { rules } => list(rules, output),
        Command::Explain(explain) => explain.run(output),
    }
}

fn ended(well: bool) -> ExitCode {
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn test_beside(rules: &Rules, strict: bool, output: Output) -> Result<ExitCode> {
    let set = rules.load()?;
    let report = match &rules.policies {
        Some(folder) => set.run_tests(folder)?,
        None => set.run_built_in_tests()?,
    };
    let TestReport {
        held_a,
        held_b,
        differing,
        untested_rules,
    } = &report;
    match output {
        Output::Json => {
            let rows: Vec<Value> = differing
                .iter()
                .map(|row| {
                    json!({
                        "file": row.file,
                        "row": row.row,
                        "expected": row.expected,
                        "found": row.found,
                        "confidence": row.confidence.code(),
                    })
                })
                .collect();
            println!(
                "{}",
                json!({
                    "policy_version": set.version(),
                    "held_a": held_a,
                    "held_b": held_b,
                    "differing": rows,
                    "untested_rules": untested_rules,
                })
            );
        }
        Output::Text => {
            for row in differing {
                println!("{}: `{}` differs", row.file, row.row);
                println!("  expected {}\n  found    {}", row.expected, row.found);
            }
            for rule in untested_rules {
                println!("no row is decided by {rule}");
            }
            println!("rows that held: {held_a} under rules of confidence A, {held_b} of confidence B");
            println!("rows that differ: {}", differing.len());
        }
    }
    Ok(ended(
        differing.is_empty() && (!strict || untested_rules.is_empty()),
    ))
}

fn test_table(file: &Path, rules: &Rules, strict: bool, output: Output) -> Result<ExitCode> {
    let table = DisclosureTable::read(file)?;
    let set = rules.load()?;
    let report = set.run_disclosure_table(&table, rules.day());
    let DisclosureReport {
        held_a,
        held_b,
        differing,
        unnamed,
    } = &report;
    match output {
        Output::Json => {
            let rows = |rows: &[RowResult]| -> Vec<Value> { rows.iter().map(row_json).collect() };
            println!(
                "{}",
                json!({
                    "policy_version": set.version(),
                    "rows": table.rows.len(),
                    "held_a": held_a,
                    "held_b": held_b,
                    "differing": rows(differing),
                    "effect_held_reason_unnamed": rows(unnamed),
                })
            );
        }
        Output::Text => {
            for row in differing {
                println!("{} ({}) differs", row.id, row.confidence.code());
                println!("  expected {}\n  found    {}", row.expected, row.found);
            }
            for row in unnamed {
                println!(
                    "{} ({}): effect held, the set has no reason of that name",
                    row.id,
                    row.confidence.code()
                );
                println!("  expected {}\n  found    {}", row.expected, row.found);
            }
            println!(
                "rows: {}, held: {held_a} of confidence A, {held_b} of confidence B",
                table.rows.len()
            );
            println!(
                "rows that differ: {}; of another reason's name: {}",
                differing.len(),
                unnamed.len()
            );
        }
    }
    let sure = differing.iter().any(|row| row.confidence == Confidence::A);
    let strictly = strict && !(differing.is_empty() && unnamed.is_empty());
    Ok(ended(!sure && !strictly))
}

fn row_json(row: &RowResult) -> Value {
    json!({
        "id": row.id,
        "confidence": row.confidence.code(),
        "expected": row.expected,
        "found": row.found,
    })
}

fn check(folder: Option<&Path>, output: Output) -> Result<ExitCode> {
    let (version, count, faults) = match load(folder, SystemClock.today()) {
        Ok(set) => (Some(set.version().to_owned()), set.rules().count(), Vec::new()),
        Err(error) if error.faults().is_empty() => return Err(error.into()),
        Err(error) => (None, 0, error.faults().iter().map(ToString::to_string).collect()),
    };
    match output {
        Output::Json => println!(
            "{}",
            json!({ "usable": faults.is_empty(), "policy_version": version, "rules": count, "faults": faults })
        ),
        Output::Text if faults.is_empty() => {
            println!(
                "{count} rules can be used, version {}",
                version.as_deref().unwrap_or_default()
            );
        }
        Output::Text => {
            faults.iter().for_each(|fault| println!("{fault}"));
            println!("{} faults", faults.len());
        }
    }
    Ok(ended(faults.is_empty()))
}

fn dates(rule: &Rule) -> String {
    match (rule.effective_from, rule.effective_to) {
        (None, _) => "not commenced".to_owned(),
        (Some(from), None) => format!("from {from}"),
        (Some(from), Some(to)) => format!("from {from} to {to}"),
    }
}

fn rule_json(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "file": rule.file,
        "line": rule.line,
        "effect": rule.effect.code(),
        "reason": rule.reason_code,
        "provision": rule.provision,
        "confidence": rule.confidence.code(),
        "effective_from": rule.effective_from.map(|day| day.to_string()),
        "effective_to": rule.effective_to.map(|day| day.to_string()),
        "reviewed_by": rule.reviewed_by,
        "remedy": rule.remedy,
        "after": rule.after.iter().map(|turn| turn.code()).collect::<Vec<_>>(),
    })
}

fn print_rule(rule: &Rule) {
    println!(
        "{} {} {} [{}] {}, reviewed by {}",
        rule.id,
        rule.effect.code(),
        rule.reason_code,
        rule.confidence.code(),
        dates(rule),
        rule.reviewed_by
    );
    println!("  {}", rule.provision);
    println!("  {}:{}", rule.file, rule.line);
}

fn list(rules: &Rules, output: Output) -> Result<ExitCode> {
    let set = rules.load()?;
    match output {
        Output::Json => {
            let all: Vec<Value> = set.rules().map(rule_json).collect();
            println!("{}", json!({ "policy_version": set.version(), "rules": all }));
        }
        Output::Text => {
            set.rules().for_each(print_rule);
            println!("{} rules, version {}", set.rules().count(), set.version());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn review(table: Option<&Path>, rules: &Rules, output: Output) -> Result<ExitCode> {
    let set = rules.load()?;
    let table = table.map(DisclosureTable::read).transpose()?;
    let unsure: Vec<_> = table
        .iter()
        .flat_map(|table| &table.rows)
        .filter(|row| row.confidence == Confidence::B)
        .collect();
    let open: Vec<&Rule> = set
        .rules()
        .filter(|rule| {
            rule.confidence == Confidence::B
                || rule.effective_from.is_none()
                || rule.reviewed_by == UNREVIEWED
        })
        .collect();
    let count = |test: &dyn Fn(&Rule) -> bool| open.iter().filter(|rule| test(rule)).count();
    let readings = count(&|rule| rule.confidence == Confidence::B);
    let unsigned = count(&|rule| rule.reviewed_by == UNREVIEWED);
    let asleep = count(&|rule| rule.effective_from.is_none());
    match output {
        Output::Json => {
            let rows: Vec<Value> = unsure
                .iter()
                .map(|row| {
                    json!({
                        "id": row.id,
                        "expected": row.effect.code(),
                        "reason": row.reason_code,
                        "authority": row.authority,
                    })
                })
                .collect();
            println!(
                "{}",
                json!({
                    "policy_version": set.version(),
                    "rules": open.iter().map(|rule| rule_json(rule)).collect::<Vec<_>>(),
                    "confidence_b": readings,
                    "unreviewed": unsigned,
                    "not_commenced": asleep,
                    "rows_of_confidence_b": rows,
                })
            );
        }
        Output::Text => {
            open.iter().for_each(|rule| print_rule(rule));
            for row in &unsure {
                println!(
                    "row {} {} {}: {}",
                    row.id,
                    row.effect.code(),
                    row.reason_code,
                    row.authority
                );
            }
            println!(
                "{readings} rules rest on a reading (B), {unsigned} are signed by nobody, {asleep} wait for commencement"
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
