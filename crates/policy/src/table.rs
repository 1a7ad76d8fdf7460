//! Tables of tests beside the rules: facts, and the decision that must follow.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::civil::Date;
use serde::Deserialize;

use crate::decision::{Decision, Effect};
use crate::error::{Fault, PolicyError};
use crate::facts::{DisclosureCodes, Facts, Question, TransferRow, UnclaimedRow};
use crate::rule::Confidence;
use crate::set::PolicySet;
use crate::sources::{Source, Sources};
use crate::term::Term;

/// A table file: a usual day, and rows for each exchange.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The day of every decision whose row names none.
    on: String,
    #[serde(default)]
    transfer: Vec<Row<TransferRow>>,
    #[serde(default)]
    unclaimed: Vec<Row<UnclaimedRow>>,
    #[serde(default)]
    disclosure: Vec<Row<DisclosureCodes>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row<F> {
    /// What the row shows.
    name: String,
    on: Option<String>,
    facts: F,
    expect: Expectation,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    effect: String,
    rule: String,
    reason: String,
}

/// A row that can be asked.
struct Case {
    file: String,
    name: String,
    question: Question,
    effect: Effect,
    rule: String,
    reason: String,
}

/// A row whose decision is not the expected one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowDifference {
    /// The table's file.
    pub file: String,
    /// The row's name.
    pub row: String,
    /// Effect, rule and reason that the table expects.
    pub expected: String,
    /// Effect, rule and reason that the rules gave.
    pub found: String,
    /// How sure the rule is that gave it.
    pub confidence: Confidence,
}

/// What running the tables showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestReport {
    /// Rows that held under a rule of confidence A.
    pub held_a: usize,
    /// Rows that held under a rule of confidence B.
    pub held_b: usize,
    /// Rows that differ, in the order of the tables.
    pub differing: Vec<RowDifference>,
    /// Rules that may come into force and that decided no row: nothing would notice if they broke.
    pub untested_rules: Vec<String>,
}

impl TestReport {
    /// Whether every row held and every rule decided one.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.differing.is_empty() && self.untested_rules.is_empty()
    }
}

impl PolicySet {
    /// Runs every `*.tests.toml` of a folder against these rules.
    ///
    /// # Errors
    /// [`PolicyError::Unreadable`], or [`PolicyError::BrokenTable`] with every row that cannot be read.
    pub fn run_tests(&self, dir: &Path) -> Result<TestReport, PolicyError> {
        self.run_tables(&Sources::read_tables(dir)?)
    }

    /// Runs the tables that the program was built with.
    ///
    /// # Errors
    /// [`PolicyError::BrokenTable`] if they were built in broken.
    pub fn run_built_in_tests(&self) -> Result<TestReport, PolicyError> {
        self.run_tables(&Sources::built_in_tables())
    }

    /// Runs tables from anywhere.
    ///
    /// # Errors
    /// [`PolicyError::BrokenTable`] with every row that cannot be read.
    pub fn run_tables(&self, tables: &[Source]) -> Result<TestReport, PolicyError> {
        let mut faults = Vec::new();
        let cases: Vec<Case> = tables
            .iter()
            .flat_map(|table| read_table(table, &mut faults))
            .collect();
        if !faults.is_empty() {
            return Err(PolicyError::BrokenTable(faults));
        }
        let mut report = TestReport::default();
        let mut decided = BTreeSet::new();
        for case in cases {
            let decision = self.decide_afresh(&case.question);
            report.count(&case, &decision);
            decided.insert(decision.rule_id);
        }
        let awake = self.rules().filter(|rule| rule.effective_from.is_some());
        report.untested_rules = awake
            .map(|rule| rule.id.clone())
            .filter(|id| !decided.contains(id))
            .collect();
        Ok(report)
    }
}

impl TestReport {
    fn count(&mut self, case: &Case, found: &Decision) {
        let held =
            case.effect == found.effect && case.rule == found.rule_id && case.reason == found.reason_code;
        if !held {
            self.differing.push(RowDifference {
                file: case.file.clone(),
                row: case.name.clone(),
                expected: format!("{} {} {}", case.effect.code(), case.rule, case.reason),
                found: format!("{} {} {}", found.effect.code(), found.rule_id, found.reason_code),
                confidence: found.confidence,
            });
            return;
        }
        match found.confidence {
            Confidence::A => self.held_a += 1,
            Confidence::B => self.held_b += 1,
        }
    }
}

fn read_table(source: &Source, faults: &mut Vec<Fault>) -> Vec<Case> {
    let table: Table = match toml::from_str(&source.text) {
        Ok(table) => table,
        Err(error) => {
            let offset = error.span().map(|span| span.start);
            faults.push(source.fault(offset, None, error.message()));
            return Vec::new();
        }
    };
    let mut cases = Vec::new();
    let rows = table
        .transfer
        .iter()
        .map(|row| (row.outside(), row.facts.facts().map(Facts::Transfer)));
    let more = table
        .unclaimed
        .iter()
        .map(|row| (row.outside(), row.facts.facts().map(Facts::Unclaimed)));
    let disclosures = table
        .disclosure
        .iter()
        .map(|row| (row.outside(), row.facts.facts().map(Facts::Disclosure)));
    for (row, facts) in rows.chain(more).chain(disclosures) {
        match row.case(source, &table.on, facts) {
            Ok(case) => cases.push(case),
            Err(message) => faults.push(source.fault(None, Some(row.name), message)),
        }
    }
    cases
}

/// A row without its facts, the same for every exchange.
struct Outside<'a> {
    name: &'a str,
    on: Option<&'a str>,
    expect: &'a Expectation,
}

impl<F> Row<F> {
    fn outside(&self) -> Outside<'_> {
        Outside {
            name: &self.name,
            on: self.on.as_deref(),
            expect: &self.expect,
        }
    }
}

impl Outside<'_> {
    fn case(&self, source: &Source, usual_day: &str, facts: Result<Facts, String>) -> Result<Case, String> {
        let on: Date = self
            .on
            .unwrap_or(usual_day)
            .parse()
            .map_err(|_| "on: not a date such as 2026-09-01".to_owned())?;
        let effect = Effect::read(&self.expect.effect).ok_or("effect: PERMIT, DENY, REFER or HOLD")?;
        Ok(Case {
            file: source.name.clone(),
            name: self.name.to_owned(),
            question: Question { on, facts: facts? },
            effect,
            rule: self.expect.rule.clone(),
            reason: self.expect.reason.clone(),
        })
    }
}
