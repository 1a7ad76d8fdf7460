//! File names: `<source>_CTF_<destination>_<number>.xml`, read, written, and compared with the header.

use std::fmt;

use sendhub_domain::identifiers::{LaCode, LaEstab};

use crate::problem::{Code, Problem, Severity};
use crate::scan::Header;

/// Who a file comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A school.
    School(LaEstab),
    /// A local authority (`<LA>LLLL`).
    LocalAuthority(LaCode),
    /// A national service (`XXXXXXX` as source).
    NationalService,
}

/// Where a file goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A school.
    School(LaEstab),
    /// A local authority (`<LA>LLLL`).
    LocalAuthority(LaCode),
    /// Not known (`XXXXXXX`): the lost-pupil file.
    Unknown,
    /// Outside the maintained sector or abroad (`MMMMMMM`; that token is not confirmed by a source we could read).
    OutsideSector,
}

impl Source {
    /// Reads a local authority and an establishment as they stand in header or name.
    #[must_use]
    pub fn of(la: &str, estab: &str) -> Option<Self> {
        match Destination::of(la, estab)? {
            Destination::School(school) => Some(Self::School(school)),
            Destination::LocalAuthority(la) => Some(Self::LocalAuthority(la)),
            Destination::Unknown => Some(Self::NationalService),
            Destination::OutsideSector => None,
        }
    }
}

impl Destination {
    /// Reads a local authority and an establishment as they stand in header or name.
    #[must_use]
    pub fn of(la: &str, estab: &str) -> Option<Self> {
        match (la, estab) {
            ("XXX", "XXXX") => Some(Self::Unknown),
            ("MMM", "MMMM") => Some(Self::OutsideSector),
            (la, "LLLL") => LaCode::parse(la).ok().map(Self::LocalAuthority),
            (la, estab) => LaEstab::join(la, estab).ok().map(Self::School),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::School(school) => school.fmt(f),
            Self::LocalAuthority(la) => write!(f, "{la}LLLL"),
            Self::NationalService => f.write_str("XXXXXXX"),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::School(school) => school.fmt(f),
            Self::LocalAuthority(la) => write!(f, "{la}LLLL"),
            Self::Unknown => f.write_str("XXXXXXX"),
            Self::OutsideSector => f.write_str("MMMMMMM"),
        }
    }
}

/// A file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName {
    /// Who it comes from.
    pub source: Source,
    /// Where it goes.
    pub destination: Destination,
    /// Counts the files between the two, 1 to 999.
    pub number: u16,
}

impl FileName {
    /// Reads a name; `None` when it is not of the DfE's form. The ending may be in either case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let stem = name.strip_suffix(".xml").or_else(|| name.strip_suffix(".XML"))?;
        let mut parts = stem.split('_');
        let (source, kind, destination, number) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if kind != "CTF"
            || parts.next().is_some()
            || number.len() != 3
            || !source.is_ascii()
            || !destination.is_ascii()
        {
            return None;
        }
        let (source, destination) = (source.split_at_checked(3)?, destination.split_at_checked(3)?);
        let number = number.parse().ok().filter(|number| *number > 0)?;
        Some(Self {
            source: Source::of(source.0, source.1)?,
            destination: Destination::of(destination.0, destination.1)?,
            number,
        })
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}_CTF_{}_{:03}.xml",
            self.source, self.destination, self.number
        )
    }
}

/// Compares a name with a header. A name of another form is only unusual: the header is believed then. A name
/// of the DfE's form that disagrees means that one of the two is wrong, and neither can be trusted.
pub(crate) fn judge(name: &str, header: &Header, problems: &mut Vec<Problem>) {
    let mut add = |severity, code, message: &str| {
        problems.push(Problem {
            severity,
            code,
            pupil: None,
            path: "file name".into(),
            message: message.into(),
        });
    };
    let Some(name) = FileName::parse(name) else {
        add(
            Severity::Warning,
            Code::NameUnusual,
            "is not of the form SSSSSSS_CTF_DDDDDDD_NNN.xml; the header is believed",
        );
        return;
    };
    if header
        .source
        .as_ref()
        .is_some_and(|source| *source != name.source)
    {
        add(
            Severity::Error,
            Code::NameDiffersFromHeader,
            "names another source than the header",
        );
    }
    if header
        .destination
        .as_ref()
        .is_some_and(|destination| *destination != name.destination)
    {
        add(
            Severity::Error,
            Code::NameDiffersFromHeader,
            "names another destination than the header",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for name in [
            "9991001_CTF_9984001_001.xml",
            "9991001_CTF_XXXXXXX_999.xml",
            "820LLLL_CTF_8201234_042.xml",
        ] {
            assert_eq!(FileName::parse(name).unwrap().to_string(), name);
        }
        assert!(FileName::parse("9991001_CTF_9984001_001.XML").is_some());
        for other in [
            "x.xml",
            "9991001_CTF_9984001_000.xml",
            "9991001_CML_9984001_001.xml",
            "9991001_CTF_99840_001.xml",
            "é991001_CTF_9984001_001.xml",
        ] {
            assert_eq!(FileName::parse(other), None, "{other}");
        }
    }
}
