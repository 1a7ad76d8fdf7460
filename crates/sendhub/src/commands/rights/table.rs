//! A table of worked rows against the rules: every computed column of every row.
//!
//! Three tables are known, told apart by their header: age status, how long a plan may run after 25, and
//! identifiers. A column that is not computed (`note`) is not looked at. A row of confidence B rests on a reading:
//! it is compared and told, but it decides nothing.

use anyhow::{Context as _, Result, bail};
use jiff::civil::Date;
use sendhub_domain::age::{self, SchoolYearStart};
use sendhub_domain::identifiers;
use sendhub_domain::plan_limit::{Provision, plan_limit};
use sendhub_domain::rights::Confidence;

/// Which table it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    AgeStatus,
    PlanLimit,
    Identifiers,
}

impl Table {
    const ALL: [Self; 3] = [Self::AgeStatus, Self::PlanLimit, Self::Identifiers];

    /// The columns that the rules read: by these the table is known.
    const fn inputs(self) -> &'static [&'static str] {
        match self {
            Self::AgeStatus => &["id", "dob", "school_year_start_in_year_turning_16", "on_date"],
            Self::PlanLimit => &["id", "dob", "provision", "training_finishes"],
            Self::Identifiers => &["id", "type", "value"],
        }
    }
}

/// One cell that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The row.
    pub(crate) id: String,
    /// How far the row is settled.
    pub(crate) confidence: Confidence,
    /// The column.
    pub(crate) column: &'static str,
    /// What the table says.
    pub(crate) expected: String,
    /// What the rules say.
    pub(crate) found: String,
}

/// How many rows of one confidence there were, and how many held in every column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Count {
    /// Rows.
    pub(crate) rows: usize,
    /// Those in which nothing differed.
    pub(crate) held: usize,
}

/// What a table came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Outcome {
    /// Every cell that differs, in the table's order.
    pub(crate) differences: Vec<Difference>,
    /// Rows of which the text of the law was read.
    pub(crate) text_read: Count,
    /// Rows that rest on a reading.
    pub(crate) reading: Count,
}

impl Outcome {
    /// Whether every row held of which the text of the law was read.
    pub(crate) const fn holds(&self) -> bool {
        self.text_read.rows == self.text_read.held
    }
}

/// Compares a table with the rules.
///
/// Fails when the bytes are not CSV, the header is none of the three, there are no rows or none of the computed
/// columns, or a cell from which the rules start cannot be read. Errors name the row and column, not the cell.
pub(crate) fn compare(bytes: &[u8]) -> Result<Outcome> {
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers().context("the table has no header")?.clone();
    let has = |name: &str| header.iter().any(|column| column == name);
    let table = Table::ALL
        .into_iter()
        .find(|table| table.inputs().iter().all(|name| has(name)));
    let Some(table) = table else {
        bail!("the header is that of no known table: age status, plan limit after 25, or identifiers");
    };
    let mut outcome = Outcome::default();
    for record in reader.records() {
        let record = record?;
        let row = Row {
            header: &header,
            record: &record,
        };
        let confidence = row.confidence();
        let computed = match table {
            Table::AgeStatus => age_status(&row),
            Table::PlanLimit => plan_limits(&row),
            Table::Identifiers => Ok(identifier(&row)),
        };
        let id = row.cell("id").unwrap_or_default();
        let computed = computed.with_context(|| format!("row {id}"))?;
        let before = outcome.differences.len();
        let mut compared = 0;
        for (column, found) in computed {
            let Some(expected) = row.cell(column) else {
                continue;
            };
            compared += 1;
            if !agrees(expected, &found) {
                outcome.differences.push(Difference {
                    id: id.to_owned(),
                    confidence,
                    column,
                    expected: expected.to_owned(),
                    found,
                });
            }
        }
        if compared == 0 {
            bail!("the table has none of the columns that the rules compute");
        }
        let count = match confidence {
            Confidence::TextRead => &mut outcome.text_read,
            Confidence::Reading => &mut outcome.reading,
        };
        count.rows += 1;
        count.held += usize::from(outcome.differences.len() == before);
    }
    if outcome.text_read.rows + outcome.reading.rows == 0 {
        bail!("the table has no rows");
    }
    Ok(outcome)
}

/// A spreadsheet writes `TRUE` where the table had `true`; everything else is compared letter by letter.
fn agrees(expected: &str, found: &str) -> bool {
    match found {
        "true" | "false" => expected.eq_ignore_ascii_case(found),
        _ => expected == found,
    }
}

/// What the rules say of a row, column by column.
type Computed = Vec<(&'static str, String)>;

struct Row<'a> {
    header: &'a csv::StringRecord,
    record: &'a csv::StringRecord,
}

impl Row<'_> {
    /// The cell of a column, as it stands; `None` when the table has no such column.
    fn cell(&self, column: &str) -> Option<&str> {
        let place = self.header.iter().position(|name| name == column)?;
        self.record.get(place)
    }

    fn date_or_blank(&self, column: &str) -> Result<Option<Date>> {
        let text = self.cell(column).unwrap_or_default();
        if text.is_empty() {
            return Ok(None);
        }
        match text.parse() {
            Ok(date) => Ok(Some(date)),
            Err(_) => bail!("{column}: not a date (year-month-day)"),
        }
    }

    fn date(&self, column: &str) -> Result<Date> {
        self.date_or_blank(column)?
            .with_context(|| format!("{column}: no date"))
    }

    /// A table without the column, or a row without the entry, claims to be settled.
    fn confidence(&self) -> Confidence {
        self.cell("confidence")
            .and_then(Confidence::from_code)
            .unwrap_or(Confidence::TextRead)
    }
}

/// Education Act 1996 s.8; CFA 2014 s.83(2). The table's school year is the school's own, confirmed; where it is
/// blank nobody knows it, and the leaving date is that of the common rule.
fn age_status(row: &Row<'_>) -> Result<Computed> {
    let (born, on) = (row.date("dob")?, row.date("on_date")?);
    let known = row.date_or_blank("school_year_start_in_year_turning_16")?;
    let sixteenth = age::anniversary(born, 16);
    let start = known.unwrap_or(jiff::civil::date(sixteenth.year(), 9, 1));
    let status = match known {
        Some(start) => age::literal_status_on(born, on, start),
        None => age::status_on(born, on, SchoolYearStart::Unknown),
    };
    Ok(vec![
        ("csa_first_day", age::csa_first_day(born).to_string()),
        ("sixteenth_birthday", sixteenth.to_string()),
        ("csa_last_day", age::csa_last_day(born, start).to_string()),
        (
            "young_person_from",
            age::young_person_from(born, start).to_string(),
        ),
        ("status_on_date", status.code().to_owned()),
        (
            "send_rights_holder_if_capacity",
            status.right_holder().code().to_owned(),
        ),
        ("mca2005_can_apply", age::mca2005_can_apply(born, on).to_string()),
        (
            "school_calendar_matters",
            age::school_calendar_matters(born).to_string(),
        ),
        (
            "differs_from_1_september_rule",
            age::differs_from_1_september_rule(born, start).to_string(),
        ),
    ])
}

/// CFA 2014 s.46; SEND Regulations 2014 reg 46. What is neither college nor apprenticeship is other training.
fn plan_limits(row: &Row<'_>) -> Result<Computed> {
    let provision = match row.cell("provision").unwrap_or_default() {
        "" => bail!("provision: blank"),
        code => Provision::from_code(code).unwrap_or(Provision::OtherTraining),
    };
    let limit = plan_limit(
        row.date("dob")?,
        provision,
        row.date_or_blank("training_finishes")?,
    );
    Ok(vec![
        ("twenty_fifth_birthday", limit.twenty_fifth_birthday.to_string()),
        (
            "last_day_as_young_person",
            limit.last_day_as_young_person.to_string(),
        ),
        (
            "plan_may_be_maintained_until",
            limit
                .maintained_until
                .map(|until| until.to_string())
                .unwrap_or_default(),
        ),
        ("absolute_last_day_before_26", limit.absolute_last_day.to_string()),
    ])
}

fn identifier(row: &Row<'_>) -> Computed {
    let cell = |column| row.cell(column).unwrap_or_default();
    let (valid, class_or_reason) = identifiers::classify(cell("type"), cell("value"));
    vec![
        ("valid", valid.to_string()),
        ("class_or_reason", class_or_reason.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGES: &[u8] = include_bytes!("../../../../domain/tests/vectors/age_status.csv");
    const LIMITS: &[u8] = include_bytes!("../../../../domain/tests/vectors/age25_plan_limit.csv");
    const IDENTIFIERS: &[u8] = include_bytes!("../../../../domain/tests/vectors/identifiers.csv");

    #[test]
    fn the_tables_hold() {
        for (table, rows) in [(AGES, 46), (LIMITS, 4), (IDENTIFIERS, 47)] {
            let outcome = compare(table).unwrap();
            assert!(outcome.holds());
            assert_eq!(outcome.differences, []);
            assert_eq!(outcome.text_read, Count { rows, held: rows });
        }
    }

    /// CRLF, a byte-order mark, quoted cells and capitals change nothing.
    #[test]
    fn as_a_spreadsheet_writes_it() {
        for table in [AGES, LIMITS, IDENTIFIERS] {
            let text = String::from_utf8(table.to_vec()).unwrap();
            let written = text
                .replace(",true,", ",TRUE,")
                .replace(",false,", ",\"FALSE\",")
                .replace('\n', "\r\n");
            let outcome = compare(format!("\u{feff}{written}").as_bytes()).unwrap();
            assert_eq!(outcome, compare(table).unwrap());
        }
    }

    /// Every computed column is looked at: one changed cell of the first row is one difference.
    #[test]
    fn every_column_is_compared() {
        for table in [AGES, LIMITS, IDENTIFIERS] {
            let mut reader = csv::Reader::from_reader(table);
            let header = reader.headers().unwrap().clone();
            let row = reader.records().next().unwrap().unwrap();
            let kind = Table::ALL
                .into_iter()
                .find(|kind| {
                    kind.inputs()
                        .iter()
                        .all(|name| header.iter().any(|one| one == *name))
                })
                .unwrap();
            for (place, column) in header.iter().enumerate() {
                if kind.inputs().contains(&column) || column == "note" {
                    continue;
                }
                let changed: Vec<&str> = (0..row.len())
                    .map(|cell| if cell == place { "other" } else { &row[cell] })
                    .collect();
                let mut writer = csv::Writer::from_writer(vec![]);
                writer.write_record(&header).unwrap();
                writer.write_record(&changed).unwrap();
                let outcome = compare(&writer.into_inner().unwrap()).unwrap();
                assert!(!outcome.holds(), "{column}");
                assert_eq!(outcome.differences.len(), 1, "{column}");
                assert_eq!(outcome.differences[0].column, column);
                assert_eq!(outcome.differences[0].expected, "other");
            }
        }
    }

    #[test]
    fn a_row_that_rests_on_a_reading_decides_nothing() {
        let table = "id,dob,provision,training_finishes,plan_may_be_maintained_until,confidence\n\
                     X1,2001-11-23,FE,,2027-07-31,\nX2,2001-11-23,TRAINING,,2027-07-31,B\n\
                     X3,2001-11-23,OTHER,,,B\n";
        let outcome = compare(table.as_bytes()).unwrap();
        assert!(outcome.holds());
        assert_eq!(outcome.text_read, Count { rows: 1, held: 1 });
        assert_eq!(outcome.reading, Count { rows: 2, held: 1 });
        assert_eq!(outcome.differences[0].id, "X2");
    }

    #[test]
    fn what_cannot_be_read_is_no_result() {
        for (case, table) in [
            ("nothing", ""),
            ("no rows", "id,type,value,valid,class_or_reason\n"),
            ("another table", "id,item\nPOL001,EHC_PLAN\n"),
            ("nothing to compare", "id,type,value\nID001,UPN,1\n"),
            ("a short row", "id,type,value,valid\nID001,UPN\n"),
            (
                "no date",
                "id,dob,provision,training_finishes,twenty_fifth_birthday\nX1,,FE,,2026-11-23\n",
            ),
            (
                "not a date",
                "id,dob,provision,training_finishes,twenty_fifth_birthday\nX1,23/11/2001,FE,,2026-11-23\n",
            ),
        ] {
            assert!(compare(table.as_bytes()).is_err(), "{case}");
        }
    }

    #[test]
    fn without_a_calendar_nobody_guesses() {
        let table = "id,dob,school_year_start_in_year_turning_16,on_date,status_on_date\n\
                     X1,2010-09-01,,2026-06-27,NEEDS_DETERMINATION\n";
        assert!(compare(table.as_bytes()).unwrap().holds());
    }
}
