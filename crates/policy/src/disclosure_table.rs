//! A table of disclosures in prose (CSV): who sends what to whom, and what must follow; read, decided and compared.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::civil::Date;

use crate::decision::{Decision, Effect};
use crate::facts::{Facts, Question};
use crate::prose::{self, Columns};
use crate::rule::Confidence;
use crate::set::PolicySet;
use crate::term::Term;

/// The columns, in any order.
const COLUMNS: [&str; 12] = [
    "id",
    "item",
    "sender",
    "recipient",
    "subject_status",
    "understanding_or_capacity",
    "consent_from",
    "ground_claimed",
    "expected",
    "reason_code",
    "authority",
    "confidence",
];

/// Why a table cannot be read at all. A single row whose words are not known differs instead.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be read as text.
    #[error("{file} cannot be read")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The text is no CSV.
    #[error("line {line}: a quoted field is not closed, or text follows its end")]
    Quotes {
        /// The line, from 1, on which the record begins.
        line: usize,
    },
    /// A column is missing.
    #[error("the first line has no column `{0}`")]
    ColumnMissing(&'static str),
    /// A record has more or fewer fields than the first line.
    #[error("line {line}: {found} fields where the first line has {expected}")]
    Fields {
        /// The line, from 1.
        line: usize,
        /// How many fields it has.
        found: usize,
        /// How many the first line has.
        expected: usize,
    },
    /// An effect or a confidence with another word than the known ones.
    #[error("line {line}: `expected` is ALLOW, DENY, REFER or HOLD, `confidence` is A or B")]
    Word {
        /// The line, from 1.
        line: usize,
    },
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisclosureTableRow {
    /// Its name.
    pub id: String,
    /// The facts, or what in it cannot be read.
    pub facts: Result<Facts, String>,
    /// What must follow.
    pub effect: Effect,
    /// The reason that must be given.
    pub reason_code: String,
    /// What the row rests on.
    pub authority: String,
    /// How sure the row is.
    pub confidence: Confidence,
}

/// A row and what the rules gave for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowResult {
    /// The row's name.
    pub id: String,
    /// How sure the row is.
    pub confidence: Confidence,
    /// The effect and reason that the row expects.
    pub expected: String,
    /// The effect, reason and rule that the rules gave, or what could not be read.
    pub found: String,
}

/// What a table showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DisclosureReport {
    /// Rows of confidence A that held, effect and reason.
    pub held_a: usize,
    /// Rows of confidence B that held, effect and reason.
    pub held_b: usize,
    /// Rows that differ or cannot be read.
    pub differing: Vec<RowResult>,
    /// Rows whose effect held while no rule of the set has a reason of the row's name.
    pub unnamed: Vec<RowResult>,
}

/// Rows read from a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisclosureTable {
    /// In the order of the file.
    pub rows: Vec<DisclosureTableRow>,
}

impl DisclosureTable {
    /// Reads a file.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn read(file: &Path) -> Result<Self, TableError> {
        let text = std::fs::read_to_string(file).map_err(|source| TableError::Unreadable {
            file: file.display().to_string(),
            source,
        })?;
        Self::parse(&text)
    }

    /// Reads a table's text.
    ///
    /// # Errors
    /// [`TableError`], except [`TableError::Unreadable`].
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let mut records = records(text)?.into_iter();
        let (_, head) = records.next().unwrap_or_default();
        let mut at = [0; COLUMNS.len()];
        for (place, column) in at.iter_mut().zip(COLUMNS) {
            let found = head
                .iter()
                .position(|name| name.trim().trim_start_matches('\u{feff}') == column);
            *place = found.ok_or(TableError::ColumnMissing(column))?;
        }
        let mut rows = Vec::new();
        for (line, fields) in records {
            if fields.len() != head.len() {
                return Err(TableError::Fields {
                    line,
                    found: fields.len(),
                    expected: head.len(),
                });
            }
            rows.push(row(line, &at.map(|place| fields[place].as_str()))?);
        }
        Ok(Self { rows })
    }
}

fn row(line: usize, fields: &[&str; COLUMNS.len()]) -> Result<DisclosureTableRow, TableError> {
    let [
        id,
        item,
        sender,
        recipient,
        status,
        ability,
        consent,
        ground,
        expected,
        reason,
        authority,
        confidence,
    ] = fields;
    let effect = match expected.trim() {
        "ALLOW" => Some(Effect::Permit),
        other => Effect::read(other),
    };
    let confidence = Confidence::read(confidence.trim());
    let (Some(effect), Some(confidence)) = (effect, confidence) else {
        return Err(TableError::Word { line });
    };
    let columns = Columns {
        item,
        sender,
        recipient,
        status,
        ability,
        consent,
        ground,
    };
    Ok(DisclosureTableRow {
        id: id.trim().to_owned(),
        facts: prose::facts(&columns).map(Facts::Disclosure),
        effect,
        reason_code: reason.trim().to_owned(),
        authority: authority.trim().to_owned(),
        confidence,
    })
}

impl PolicySet {
    /// Decides every row of a table on a day and compares effect and reason.
    #[must_use]
    pub fn run_disclosure_table(&self, table: &DisclosureTable, on: Date) -> DisclosureReport {
        let reasons: BTreeSet<&str> = self.rules().map(|rule| rule.reason_code.as_str()).collect();
        let mut report = DisclosureReport::default();
        for row in &table.rows {
            let decision = row
                .facts
                .as_ref()
                .map(|facts| self.decide_afresh(&Question { on, facts: *facts }));
            report.count(row, decision, &reasons);
        }
        report
    }
}

impl DisclosureReport {
    fn count(
        &mut self,
        row: &DisclosureTableRow,
        found: Result<Decision, &String>,
        reasons: &BTreeSet<&str>,
    ) {
        let result = |found: String| RowResult {
            id: row.id.clone(),
            confidence: row.confidence,
            expected: format!("{} {}", row.effect.code(), row.reason_code),
            found,
        };
        let decision = match found {
            Ok(decision) => decision,
            Err(unread) => return self.differing.push(result(unread.clone())),
        };
        let said = result(format!(
            "{} {} ({})",
            decision.effect.code(),
            decision.reason_code,
            decision.rule_id
        ));
        if decision.effect != row.effect {
            self.differing.push(said);
        } else if decision.reason_code == row.reason_code {
            match row.confidence {
                Confidence::A => self.held_a += 1,
                Confidence::B => self.held_b += 1,
            }
        } else if reasons.contains(row.reason_code.as_str()) {
            self.differing.push(said);
        } else {
            self.unnamed.push(said);
        }
    }
}

/// The records of a CSV text (RFC 4180), each with its line. Empty lines are passed over.
fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, TableError> {
    let mut records = Vec::new();
    let (mut fields, mut field) = (Vec::new(), String::new());
    let (mut line, mut begun) = (1, 1);
    let mut closed = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if field.is_empty() && !closed => {
                loop {
                    match chars.next() {
                        None => return Err(TableError::Quotes { line: begun }),
                        Some('"') if chars.peek() == Some(&'"') => field.extend(chars.next()),
                        Some('"') => break,
                        Some(inner) => {
                            line += usize::from(inner == '\n');
                            field.push(inner);
                        }
                    }
                }
                closed = true;
            }
            ',' => {
                fields.push(std::mem::take(&mut field));
                closed = false;
            }
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' => {
                line += 1;
                if !fields.is_empty() || !field.is_empty() {
                    fields.push(std::mem::take(&mut field));
                    records.push((begun, std::mem::take(&mut fields)));
                }
                begun = line;
                closed = false;
            }
            _ if closed => return Err(TableError::Quotes { line: begun }),
            other => field.push(other),
        }
    }
    if !fields.is_empty() || !field.is_empty() {
        fields.push(field);
        records.push((begun, fields));
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_may_be_quoted() {
        let read = records("a,\"b, \"\"c\"\"\"\r\n\nd,e").unwrap();
        assert_eq!(read[0], (1, vec!["a".to_owned(), "b, \"c\"".to_owned()]));
        assert_eq!(read[1], (3, vec!["d".to_owned(), "e".to_owned()]));
        assert!(records("a,\"b").is_err() && records("\"a\"b").is_err());
    }
}
