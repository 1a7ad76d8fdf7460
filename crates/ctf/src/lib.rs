//! The Common Transfer File: a tolerant reader that reports every problem, a strict writer, file-name rules, and
//! loss-free splitting of files with many pupils. There is no DfE XSD among our sources; profiles are data.

pub mod file_name;
pub mod problem;
pub mod profile;
mod rules;
pub mod scan;
pub mod split;
pub mod tree;
pub mod writer;

pub use file_name::{Destination, FileName, Source};
pub use problem::{Code, Problem, Severity};
pub use profile::Profiles;
pub use scan::{Header, PupilCore, Scan, scan};
pub use split::{join, split};
pub use tree::{Element, Node, parse};
pub use writer::write;

/// A whole file judged: what it says, and everything that is wrong with it.
#[derive(Debug)]
pub struct CheckReport {
    /// What could be read.
    pub scan: Scan,
    /// Every problem, in the order of the file.
    pub problems: Vec<Problem>,
}

impl CheckReport {
    /// Whether the file can be sent: warnings are allowed, errors are not.
    #[must_use]
    pub fn sendable(&self) -> bool {
        self.problems
            .iter()
            .all(|problem| problem.severity != Severity::Error)
    }

    /// The errors alone.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
    }
}

/// Judges a file by its content and, where it has a DfE name, by whether the name agrees.
#[must_use]
pub fn check_file(bytes: &[u8], name: Option<&str>, profiles: &Profiles) -> CheckReport {
    let (scan, mut problems) = scan(bytes, profiles);
    if let Some(name) = name {
        file_name::judge(name, &scan.header, &mut problems);
    }
    CheckReport { scan, problems }
}
