//! What can be wrong with a set of rules or its tables, each fault with its place.

use std::fmt;

/// One thing wrong in one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file's name, without its folder.
    pub file: String,
    /// The line, from 1, if it is known.
    pub line: Option<usize>,
    /// The rule's id or the table row's name, if it is known.
    pub subject: Option<String>,
    /// What is wrong, for the author of the file.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(subject) = &self.subject {
            write!(f, ": `{subject}`")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Why a set of rules was not taken, or its tables could not be run.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A folder or file could not be read.
    #[error("{what} cannot be read")]
    Unreadable {
        /// Which folder or file.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The rules are broken; every fault is named. None of the set is taken.
    #[error("the rules have {} fault(s):\n{}", .0.len(), lines(.0))]
    Broken(Vec<Fault>),
    /// A table of tests is broken; every fault is named.
    #[error("the test tables have {} fault(s):\n{}", .0.len(), lines(.0))]
    BrokenTable(Vec<Fault>),
}

impl PolicyError {
    /// The faults, when the text is at fault.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        match self {
            Self::Unreadable { .. } => &[],
            Self::Broken(faults) | Self::BrokenTable(faults) => faults,
        }
    }
}

fn lines(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().map(Fault::to_string).collect();
    lines.join("\n")
}
