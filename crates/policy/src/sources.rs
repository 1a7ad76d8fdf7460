//! Where the text of the rules comes from: a folder, or what was built into the program.

use std::path::Path;

use aws_lc_rs::digest;

use crate::error::{Fault, PolicyError};

/// The schema's file name in a policy folder.
const SCHEMA: &str = "schema.cedarschema";
/// What the name of a file of rules ends in.
const RULES: &str = ".cedar";
/// What the name of a table of tests ends in.
const TESTS: &str = ".tests.toml";
/// Hexadecimal digits of the version: 64 bits, enough to tell sets of rules apart by sight and in a log.
const VERSION_DIGITS: usize = 16;

/// A file of rules and its table, as built into the program.
struct BuiltIn {
    name: &'static str,
    rules: &'static str,
    tests: &'static str,
}

/// Names the files of rules once; each has its table beside it.
macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        &[$(BuiltIn {
            name: concat!($name, ".cedar"),
            rules: include_str!(concat!("../../../config/policies/", $name, ".cedar")),
            tests: include_str!(concat!("../../../config/policies/", $name, ".tests.toml")),
        },)+]
    };
}

/// Every file of rules, in the order of their names; a test compares them with the folder.
const BUILT_IN: &[BuiltIn] = built_in![
    "assessment",
    "notices",
    "parties",
    "plan-consent",
    "plan-grounds",
    "plan",
    "pupil",
    "referrals",
    "review",
    "safeguarding",
    "servicechild",
    "transfer",
    "unclaimed",
];

/// One file's name and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file's name, without its folder.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// A file of this name with this text.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// The line, from 1, on which a byte of the text stands.
    pub(crate) fn line_at(&self, offset: usize) -> usize {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        before
            .iter()
            .fold(1, |line, byte| line + usize::from(*byte == b'\n'))
    }

    /// A fault in this file.
    pub(crate) fn fault(
        &self,
        offset: Option<usize>,
        subject: Option<&str>,
        message: impl Into<String>,
    ) -> Fault {
        Fault {
            file: self.name.clone(),
            line: offset.map(|offset| self.line_at(offset)),
            subject: subject.map(str::to_owned),
            message: message.into(),
        }
    }
}

/// A whole folder's text: the schema, and the rules in the order of their file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    pub(crate) schema: Source,
    pub(crate) rules: Vec<Source>,
}

impl Sources {
    /// A schema and rules, in any order.
    #[must_use]
    pub fn new(schema: Source, mut rules: Vec<Source>) -> Self {
        rules.sort_by(|a, b| a.name.cmp(&b.name));
        Self { schema, rules }
    }

    /// The rules that the program was built with, so that it decides without any files.
    #[must_use]
    pub fn built_in() -> Self {
        Self::new(
            Source::new(
                SCHEMA,
                include_str!("../../../config/policies/schema.cedarschema"),
            ),
            BUILT_IN
                .iter()
                .map(|file| Source::new(file.name, file.rules))
                .collect(),
        )
    }

    /// The tables that stand beside the built-in rules.
    pub(crate) fn built_in_tables() -> Vec<Source> {
        BUILT_IN
            .iter()
            .map(|file| Source::new(file.name.replace(RULES, TESTS), file.tests))
            .collect()
    }

    /// Reads `schema.cedarschema` and every `*.cedar` of a folder.
    ///
    /// # Errors
    /// [`PolicyError::Unreadable`] when the folder or one of the files cannot be read as text.
    pub fn read(dir: &Path) -> Result<Self, PolicyError> {
        let schema = read_file(dir, SCHEMA)?;
        let rules = read_all(dir, RULES)?;
        Ok(Self::new(schema, rules))
    }

    /// Every table of tests in a folder, in the order of the file names.
    pub(crate) fn read_tables(dir: &Path) -> Result<Vec<Source>, PolicyError> {
        read_all(dir, TESTS)
    }

    /// The first 16 hexadecimal digits of the SHA-256 over all names and texts, each preceded by its length
    /// so that text cannot move unseen from one file to another.
    #[must_use]
    pub fn version(&self) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        for source in std::iter::once(&self.schema).chain(&self.rules) {
            for part in [&source.name, &source.text] {
                context.update(&(part.len() as u64).to_be_bytes());
                context.update(part.as_bytes());
            }
        }
        let digest = context.finish();
        let mut hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        hex.truncate(VERSION_DIGITS);
        hex
    }
}

fn read_all(dir: &Path, suffix: &str) -> Result<Vec<Source>, PolicyError> {
    let mut sources = Vec::new();
    let unreadable = |source| PolicyError::Unreadable {
        what: dir.display().to_string(),
        source,
    };
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        // An editor's hidden leavings are not rules.
        if let Some(name) = name.to_str()
            && name.ends_with(suffix)
            && !name.starts_with('.')
        {
            sources.push(read_file(dir, name)?);
        }
    }
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sources)
}

fn read_file(dir: &Path, name: &str) -> Result<Source, PolicyError> {
    let path = dir.join(name);
    let text = std::fs::read_to_string(&path).map_err(|source| PolicyError::Unreadable {
        what: path.display().to_string(),
        source,
    })?;
    Ok(Source::new(name, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_changes_with_every_name_and_text() {
        let of = |schema: &str, name: &str, text: &str| {
            Sources::new(Source::new(SCHEMA, schema), vec![Source::new(name, text)]).version()
        };
        let version = of("s", "a.cedar", "x");
        assert_eq!(version.len(), VERSION_DIGITS);
        assert_eq!(version, of("s", "a.cedar", "x"));
        for other in [
            of("t", "a.cedar", "x"),
            of("s", "b.cedar", "x"),
            of("s", "a.cedar", "y"),
            of("s", "a.ceda", "rx"),
        ] {
            assert_ne!(version, other);
        }
    }

    #[test]
    fn the_version_does_not_depend_on_the_order_of_reading() {
        let (a, b) = (Source::new("a.cedar", "x"), Source::new("b.cedar", "y"));
        let schema = Source::new(SCHEMA, "s");
        assert_eq!(
            Sources::new(schema.clone(), vec![a.clone(), b.clone()]).version(),
            Sources::new(schema, vec![b, a]).version()
        );
    }

    #[test]
    fn the_folder_holds_what_was_built_in() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/policies");
        assert_eq!(Sources::read(&dir).unwrap(), Sources::built_in());
        assert_eq!(Sources::read_tables(&dir).unwrap(), Sources::built_in_tables());
    }
}
