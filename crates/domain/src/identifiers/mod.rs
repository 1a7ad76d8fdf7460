//! Identifiers of people and agencies, each parsed once at the edge, with a reason when it is wrong.
//!
//! Every identifier is checked in the same order and the first fault found is the one reported:
//!
//! 1. *Separators.* An NHS number loses its spaces and hyphens, a LAESTAB the stroke after its third digit.
//!    Nothing else is trimmed.
//! 2. *Other things by name.* A token or number of another series that can be told by its form (`XXXXXXX` as a
//!    LAESTAB, `EY…` as a URN) is named as what it is. Only LAESTAB and URN have such forms.
//! 3. *Length*, in characters. Too short, too long and empty are all `BAD_LENGTH`.
//! 4. *Characters*, each in its place. Lower case, spaces and non-ASCII digits are `BAD_CHARACTERS`.
//! 5. *Letters and first digits that the series never uses.* A UPN's check letter before its final letter.
//! 6. *Placeholders.*
//! 7. *Numbers that no check digit can complete.*
//! 8. *The check letter or digit.*
//!
//! Nothing is repaired: a number in lower case is returned to its sender, not guessed at.

mod la_code;
mod la_estab;
mod nhs_number;
mod ods_code;
mod ukprn;
mod uln;
mod upn;
mod urn;

pub use la_code::LaCode;
pub use la_estab::LaEstab;
pub use nhs_number::NhsNumber;
pub use ods_code::OdsCode;
pub use ukprn::Ukprn;
pub use uln::Uln;
pub use upn::{Upn, UpnKind};
pub use urn::Urn;

/// Declares a number of a person: its text is reachable by `as_str` only. There is no `Display`, so that no
/// log or error text can show it by accident, and `Debug` hides it.
macro_rules! personal_number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The canonical text. Personal data: never to be logged or put in an error.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}
use personal_number;

/// Declares a public code of an agency.
macro_rules! public_code {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The canonical text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The class of a valid code: there is only one.
            #[must_use]
            pub const fn class(&self) -> &'static str {
                super::ORDINARY
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
use public_code;

/// The class of a valid identifier of which there is only one sort.
const ORDINARY: &str = "OK";

/// Why a text is not the identifier it claims to be. Never holds the text. The module says which fault is
/// reported when there are several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum IdentifierError {
    /// Too short or too long.
    #[error("has the wrong length")]
    BadLength,
    /// A character that cannot stand where it stands. Lower-case letters and surrounding spaces count.
    #[error("has a character that cannot stand there")]
    BadCharacters,
    /// A first digit that the series never uses.
    #[error("begins with a digit that is never used")]
    BadFirstDigit,
    /// A UPN's check letter is I, O or S, which are never used.
    #[error("begins with a letter that is never a check letter")]
    CheckLetterNotInAlphabet,
    /// A temporary UPN's final letter is I, O or S, which are never used.
    #[error("ends with a letter that is never used")]
    FinalLetterNotInAlphabet,
    /// A UPN's check letter does not fit the rest.
    #[error("has a check letter that does not fit")]
    BadCheckLetter,
    /// A check digit does not fit the rest.
    #[error("has a check digit that does not fit")]
    BadCheckDigit,
    /// No NHS number exists with these nine digits: the check digit would be 10.
    #[error("has nine digits for which no check digit exists")]
    CheckDigitWouldBe10,
    /// No ULN exists with these nine digits: the remainder is nought.
    #[error("has nine digits for which no check digit exists")]
    RemainderZero,
    /// One digit repeated, which stands for "not known": every such NHS number, of which the arithmetic passes,
    /// and the ULN 9999999999.
    #[error("is one digit repeated, a placeholder")]
    PlaceholderRepeatedDigit,
    /// `XXXXXXX`: only the destination of a lost-pupil file, not a school.
    #[error("stands for an unknown destination, not for a school")]
    UnknownDestinationToken,
    /// `MMMMMMM`: only the destination of a file that leaves the sector, not a school.
    #[error("stands for a destination outside the sector, not for a school")]
    OutsideSectorToken,
    /// `<LA>LLLL`: a local authority, not a school.
    #[error("stands for a local authority, not for a school")]
    LocalAuthorityToken,
    /// An Ofsted early-years number, not a URN.
    #[error("is an Ofsted early-years number, not a URN")]
    OfstedEyNumberNotUrn,
}

impl IdentifierError {
    /// The stable reason code.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::BadLength => "BAD_LENGTH",
            Self::BadCharacters => "BAD_CHARACTERS",
            Self::BadFirstDigit => "BAD_FIRST_DIGIT",
            Self::CheckLetterNotInAlphabet => "CHECK_LETTER_NOT_IN_ALPHABET",
            Self::FinalLetterNotInAlphabet => "FINAL_LETTER_NOT_IN_ALPHABET",
            Self::BadCheckLetter => "BAD_CHECK_LETTER",
            Self::BadCheckDigit => "BAD_CHECK_DIGIT",
            Self::CheckDigitWouldBe10 => "CHECK_DIGIT_WOULD_BE_10",
            Self::RemainderZero => "REMAINDER_ZERO",
            Self::PlaceholderRepeatedDigit => "PLACEHOLDER_REPEATED_DIGIT",
            Self::UnknownDestinationToken => "UNKNOWN_DESTINATION_TOKEN",
            Self::OutsideSectorToken => "OUTSIDE_SECTOR_TOKEN",
            Self::LocalAuthorityToken => "LOCAL_AUTHORITY_TOKEN",
            Self::OfstedEyNumberNotUrn => "OFSTED_EY_NUMBER_NOT_URN",
        }
    }
}

/// Judges a value by the name of its kind (`UPN`, `ULN`, `NHS`, `URN`, `LAESTAB`, `LA`, `UKPRN`, `ODS`):
/// whether it is valid, and its class or the reason why not. A kind that is not one of these is never valid,
/// with the reason `UNKNOWN_KIND`.
#[must_use]
pub fn classify(kind: &str, value: &str) -> (bool, &'static str) {
    let judged = match kind {
        "UPN" => Upn::parse(value).map(|upn| upn.class()),
        "ULN" => Uln::parse(value).map(|uln| uln.class()),
        "NHS" => NhsNumber::parse(value).map(|number| number.class()),
        "URN" => Urn::parse(value).map(|urn| urn.class()),
        "LAESTAB" => LaEstab::parse(value).map(|school| school.class()),
        "LA" => LaCode::parse(value).map(|authority| authority.class()),
        "UKPRN" => Ukprn::parse(value).map(|provider| provider.class()),
        "ODS" => OdsCode::parse(value).map(|organisation| organisation.class()),
        _ => return (false, "UNKNOWN_KIND"),
    };
    match judged {
        Ok(class) => (true, class),
        Err(error) => (false, error.reason()),
    }
}

/// Checks that a text is exactly `length` ASCII digits.
fn digits(text: &str, length: usize) -> Result<(), IdentifierError> {
    if text.chars().count() != length {
        return Err(IdentifierError::BadLength);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(IdentifierError::BadCharacters);
    }
    Ok(())
}

/// Sum of the first nine of ten digits, weighted 10 down to 2. The text is known to be digits.
fn weighted_sum(text: &str) -> u32 {
    (2..=10)
        .rev()
        .zip(text.bytes())
        .map(|(weight, digit)| weight * u32::from(digit - b'0'))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KINDS: [&str; 8] = ["UPN", "ULN", "NHS", "URN", "LAESTAB", "LA", "UKPRN", "ODS"];

    #[test]
    fn a_kind_that_is_not_known_is_never_valid() {
        assert_eq!(classify("upn", "N999199900001"), (false, "UNKNOWN_KIND"));
    }

    #[test]
    fn empty_is_too_short_for_every_kind() {
        for kind in KINDS {
            assert_eq!(classify(kind, ""), (false, "BAD_LENGTH"), "{kind}");
        }
    }

    #[test]
    fn numbers_written_in_other_scripts_are_not_numbers() {
        for (kind, value) in [
            ("NHS", "٩٤٣٤٧٦٥٩١٩"),
            ("ULN", "٩٢٧٦٣٠٨٦٨٦"),
            ("UPN", "V99990012600١"),
            ("URN", "１０００００"),
        ] {
            assert_eq!(classify(kind, value), (false, "BAD_CHARACTERS"), "{kind}");
        }
    }

    proptest! {
        /// HESA: the two series are disjoint by design, so a number in the wrong field is always caught; and no
        /// nine digits have two check digits.
        #[test]
        fn no_number_is_both_uln_and_nhs_number(nine in 0_u64..1_000_000_000) {
            let whole: Vec<_> = (0..10).map(|last| format!("{nine:09}{last}")).collect();
            let ulns: Vec<_> = whole.iter().filter(|text| Uln::parse(text).is_ok()).collect();
            let nhs: Vec<_> = whole.iter().filter(|text| NhsNumber::parse(text).is_ok()).collect();
            prop_assert!(ulns.len() <= 1 && nhs.len() <= 1);
            prop_assert!(ulns.is_empty() || nhs.is_empty() || ulns != nhs);
        }

        #[test]
        fn parsing_never_panics(text in ".{0,20}") {
            for kind in KINDS {
                let (valid, said) = classify(kind, &text);
                prop_assert_eq!(valid, ["OK", "PERMANENT", "TEMPORARY", "TEST_RANGE_999"].contains(&said));
            }
        }

        /// What was accepted is accepted again in its canonical form, unchanged.
        #[test]
        fn canonical_texts_are_stable(nine in 0_u64..1_000_000_000, last in 0_u8..10, school in "[0-9]{3}/[0-9]{4}") {
            if let Ok(number) = NhsNumber::parse(&format!("{nine:09}-{last}")) {
                prop_assert_eq!(NhsNumber::parse(number.as_str()).unwrap(), number);
            }
            let school = LaEstab::parse(&school).unwrap();
            prop_assert_eq!(LaEstab::parse(school.as_str()).unwrap(), school);
        }
    }
}
