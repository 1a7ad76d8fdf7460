//! Problems: what is wrong with a file, by pupil and element, without repeating anything it says.

use std::fmt;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// The file can be sent; someone should look.
    Warning,
    /// The file cannot be sent.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// What kind of problem it is; stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is explained by its text")]
pub enum Code {
    NotXml,
    NotUtf8,
    DtdPresent,
    EntityRefused,
    TooLarge,
    WrongRoot,
    VersionUnexpected,
    HeaderFault,
    NameUnusual,
    NameDiffersFromHeader,
    NoPupils,
    Missing,
    Repeated,
    BadUpn,
    DuplicateUpn,
    UpnMissing,
    UpnTemporary,
    BadUln,
    BadDate,
    LostPupilFileWithMany,
    UnknownCode,
    SexElement,
}

impl Code {
    /// The stable code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotXml => "NOT_XML",
            Self::NotUtf8 => "NOT_UTF8",
            Self::DtdPresent => "DTD_PRESENT",
            Self::EntityRefused => "ENTITY_REFUSED",
            Self::TooLarge => "TOO_LARGE",
            Self::WrongRoot => "WRONG_ROOT",
            Self::VersionUnexpected => "VERSION_UNEXPECTED",
            Self::HeaderFault => "HEADER_FAULT",
            Self::NameUnusual => "NAME_UNUSUAL",
            Self::NameDiffersFromHeader => "NAME_DIFFERS_FROM_HEADER",
            Self::NoPupils => "NO_PUPILS",
            Self::Missing => "MISSING",
            Self::Repeated => "REPEATED",
            Self::BadUpn => "BAD_UPN",
            Self::DuplicateUpn => "DUPLICATE_UPN",
            Self::UpnMissing => "UPN_MISSING",
            Self::UpnTemporary => "UPN_TEMPORARY",
            Self::BadUln => "BAD_ULN",
            Self::BadDate => "BAD_DATE",
            Self::LostPupilFileWithMany => "LOST_PUPIL_FILE_WITH_MANY",
            Self::UnknownCode => "UNKNOWN_CODE",
            Self::SexElement => "SEX_ELEMENT",
        }
    }
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What kind it is.
    pub code: Code,
    /// Which pupil, from 1; `None` for the file itself.
    pub pupil: Option<u32>,
    /// Where, for instance `CTfile/CTFpupilData/Pupil[2]/UPN`.
    pub path: String,
    /// In plain words. Never holds a value from the file.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}: {} ({})",
            self.severity,
            self.path,
            self.message,
            self.code.as_str()
        )
    }
}
