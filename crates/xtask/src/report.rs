//! What is said at the end: a table of steps, then one line that counts.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::tally::Tally;

/// How one step ended.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The step's short name.
    pub(crate) name: &'static str,
    /// How long it took.
    pub(crate) took: Duration,
    /// The tests it ran; nothing for a step that is one check.
    pub(crate) tally: Option<Tally>,
    /// What it could not do without that being a failure.
    pub(crate) notes: Vec<String>,
    /// Why it failed, when it did.
    pub(crate) fault: Option<String>,
}

impl Entry {
    /// The step's share of the closing line: its tests, or the step itself as one check.
    fn share(&self) -> Tally {
        let mut share = self.tally.unwrap_or_default();
        if self.tally.is_none() && self.fault.is_none() {
            share.passed = 1;
        }
        if self.fault.is_some() && share.failed == 0 {
            share.failed = 1;
        }
        share
    }
}

/// All steps of a run, in the order in which they ran.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// One entry a step.
    pub(crate) entries: Vec<Entry>,
}

impl Report {
    /// The sum over all steps.
    pub(crate) fn total(&self) -> Tally {
        let mut total = Tally::default();
        for entry in &self.entries {
            total += entry.share();
        }
        total
    }
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:<12} {:<6} {:>8} {:>8} {:>8}",
            "step", "result", "seconds", "passed", "failed"
        )?;
        for entry in &self.entries {
            let result = if entry.fault.is_none() { "ok" } else { "FAILED" };
            let Tally { passed, failed } = entry.share();
            let seconds = entry.took.as_secs_f64();
            writeln!(
                out,
                "{:<12} {result:<6} {seconds:>8.1} {passed:>8} {failed:>8}",
                entry.name
            )?;
        }
        let seconds: f64 = self.entries.iter().map(|entry| entry.took.as_secs_f64()).sum();
        writeln!(out, "{:<19} {seconds:>8.1}", "all")?;
        for entry in &self.entries {
            for note in &entry.notes {
                writeln!(out, "note, {}: {note}", entry.name)?;
            }
            if let Some(fault) = &entry.fault {
                writeln!(out, "FAILED, {}: {fault}", entry.name)?;
            }
        }
        let Tally { passed, failed } = self.total();
        write!(out, "{passed} passed, {failed} failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(tally: Option<(u64, u64)>, fault: Option<&str>) -> Entry {
        Entry {
            name: "step",
            took: Duration::from_secs(1),
            tally: tally.map(|(passed, failed)| Tally { passed, failed }),
            notes: Vec::new(),
            fault: fault.map(str::to_owned),
        }
    }

    #[test]
    fn a_step_counts_its_tests_or_itself() {
        let table = [
            (entry(None, None), (1, 0)),
            (entry(None, Some("no")), (0, 1)),
            (entry(Some((5, 0)), None), (5, 0)),
            (entry(Some((5, 2)), Some("2 failed")), (5, 2)),
            (entry(Some((5, 0)), Some("a later command failed")), (5, 1)),
        ];
        for (entry, (passed, failed)) in table {
            assert_eq!(entry.share(), Tally { passed, failed }, "{entry:?}");
        }
    }

    #[test]
    fn the_last_line_is_the_count_and_faults_stand_above_it() {
        let entries = vec![entry(Some((5, 2)), Some("two tests")), entry(None, None)];
        let text = Report { entries }.to_string();
        assert_eq!(text.lines().last(), Some("6 passed, 2 failed"));
        assert!(text.contains("FAILED, step: two tests"), "{text}");
    }
}
