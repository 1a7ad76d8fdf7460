//! What a measurement found, and how it is shown: on a terminal, as JSON, as a part of a report.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// One measurement's findings.
pub(super) struct Section {
    /// A word for files and JSON.
    pub(super) slug: &'static str,
    pub(super) title: String,
    /// How it was measured, a sentence each.
    pub(super) notes: Vec<String>,
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
    pub(super) ratios: Vec<Ratio>,
    pub(super) chart: Option<Chart>,
}

/// One value of a table.
pub(super) enum Cell {
    Word(String),
    Number {
        value: f64,
        /// Digits after the point.
        decimals: usize,
    },
}

/// What a measurement is judged by.
pub(super) struct Ratio {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) bound: Option<Bound>,
}

/// What a ratio, or a figure with its unit in its name, has to keep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// Bars of one unit.
pub(super) struct Chart {
    pub(super) unit: &'static str,
    pub(super) bars: Vec<(String, f64)>,
}

impl Cell {
    pub(super) fn word(text: impl Into<String>) -> Self {
        Self::Word(text.into())
    }

    pub(super) const fn number(value: f64, decimals: usize) -> Self {
        Self::Number { value, decimals }
    }

    fn text(&self) -> String {
        match self {
            Self::Word(text) => text.clone(),
            // Not measured.
            Self::Number { value, .. } if value.is_nan() => "-".to_owned(),
            Self::Number { value, decimals } => format!("{value:.decimals$}"),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Word(text) => json!(text),
            Self::Number { value, .. } => json!(value),
        }
    }
}

impl Ratio {
    pub(super) fn new(name: impl Into<String>, value: f64, bound: Option<Bound>) -> Self {
        Self {
            name: name.into(),
            value,
            bound,
        }
    }

    /// Whether it keeps its bound; `None` when it has none.
    pub(super) fn held(&self) -> Option<bool> {
        self.bound.map(|bound| match bound {
            Bound::AtLeast(least) => self.value >= least,
            Bound::AtMost(most) => self.value <= most,
        })
    }

    fn verdict(&self) -> String {
        let (Some(bound), Some(held)) = (self.bound, self.held()) else {
            return String::new();
        };
        let (word, limit) = match bound {
            Bound::AtLeast(least) => ("at least", least),
            Bound::AtMost(most) => ("at most", most),
        };
        format!("{word} {limit}: {}", if held { "held" } else { "NOT held" })
    }
}

impl Section {
    /// For a terminal.
    pub(super) fn text(&self) -> String {
        let mut out = format!("{}\n", self.title);
        for note in &self.notes {
            let _ = writeln!(out, "  {note}");
        }
        let rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| row.iter().map(Cell::text).collect())
            .collect();
        let width = |at: usize| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(String::len);
            cells.chain([self.columns[at].len()]).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let head: Vec<String> = self.columns.iter().map(|&name| name.to_owned()).collect();
        for row in std::iter::once(&head).chain(&rows) {
            for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let _ = match self.rows.first().and_then(|first| first.get(at)) {
                    Some(Cell::Number { .. }) => write!(out, "{cell:>width$}  "),
                    _ => write!(out, "{cell:<width$}  "),
                };
            }
            out.truncate(out.trim_end().len());
            out.push('\n');
        }
        for ratio in &self.ratios {
            let _ = writeln!(
                out,
                "{:<66} {:>9.2}  {}",
                ratio.name,
                ratio.value,
                ratio.verdict()
            );
        }
        out
    }

    /// For a machine.
    pub(super) fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                let cells = self.columns.iter().zip(row);
                cells
                    .map(|(&name, cell)| (name.to_owned(), cell.json()))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            })
            .collect();
        let ratios: Vec<Value> = self
            .ratios
            .iter()
            .map(|ratio| json!({ "ratio": ratio.name, "value": ratio.value, "held": ratio.held() }))
            .collect();
        json!({ "section": self.slug, "title": self.title, "notes": self.notes, "rows": rows, "ratios": ratios })
    }

    /// For a report; the chart lies beside it in a file named after the section.
    pub(super) fn markdown(&self) -> String {
        let mut out = format!("## {}\n\n", self.title);
        for note in &self.notes {
            let _ = writeln!(out, "{note}");
        }
        let _ = writeln!(out, "\n| {} |", self.columns.join(" | "));
        let lines = (0..self.columns.len()).map(|at| match self.rows.first().and_then(|row| row.get(at)) {
            Some(Cell::Number { .. }) => "---:",
            _ => "---",
        });
        let _ = writeln!(out, "| {} |", lines.collect::<Vec<_>>().join(" | "));
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(Cell::text).collect();
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
        if !self.ratios.is_empty() {
            out.push_str("\n| judged by | found | asked |\n| --- | ---: | --- |\n");
            for ratio in &self.ratios {
                let _ = writeln!(
                    out,
                    "| {} | {:.2} | {} |",
                    ratio.name,
                    ratio.value,
                    ratio.verdict()
                );
            }
        }
        if self.chart.is_some() {
            let _ = writeln!(out, "\n![{}]({}.svg)", self.title, self.slug);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_kept_or_not() {
        let ratio = |value, bound| Ratio::new("r", value, Some(bound));
        assert_eq!(ratio(0.6, Bound::AtLeast(0.6)).held(), Some(true));
        assert_eq!(ratio(0.59, Bound::AtLeast(0.6)).held(), Some(false));
        assert_eq!(ratio(1.25, Bound::AtMost(1.25)).held(), Some(true));
        assert_eq!(ratio(f64::NAN, Bound::AtMost(1.25)).held(), Some(false));
        assert_eq!(Ratio::new("r", 1.0, None).held(), None);
    }

    #[test]
    fn a_section_reads_the_same_in_every_form() {
        let section = Section {
            slug: "one",
            title: "One".into(),
            notes: vec!["Measured so.".into()],
            columns: vec!["what", "per_second"],
            rows: vec![
                vec![Cell::word("echo"), Cell::number(12.345, 1)],
                vec![Cell::word("none"), Cell::number(f64::NAN, 1)],
            ],
            ratios: vec![Ratio::new("a / b", 0.5, Some(Bound::AtLeast(0.6)))],
            chart: None,
        };
        assert!(section.text().contains("echo        12.3"), "{}", section.text());
        assert!(section.text().contains("NOT held"));
        assert!(section.markdown().contains("| echo | 12.3 |\n| none | - |"));
        let json = section.json();
        assert_eq!(json["rows"][0]["per_second"], 12.345);
        assert_eq!(json["ratios"][0]["held"], false);
    }
}
