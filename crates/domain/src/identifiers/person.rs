//! Numbers of people: UPN, ULN and NHS number, with their check letters and digits.

use std::fmt;

use super::{IdentifierError, digits, weighted_sum};

/// Declares a personal number: its text is reachable by `as_str` only, and `Debug` hides it.
macro_rules! personal_number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The canonical text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

personal_number! {
    /// Unique Pupil Number: a check letter, three digits of a local authority, four of a school, two of a
    /// year, and three of a series of which the last is a letter in a temporary number.
    /// Nothing may be read from the parts (UPN guide); it is for education use only.
    Upn
}

/// Whether a UPN was given for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UpnKind {
    /// For good.
    Permanent,
    /// For the time being: its last character is a letter.
    Temporary,
}

impl UpnKind {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Permanent => "PERMANENT",
            Self::Temporary => "TEMPORARY",
        }
    }
}

/// The letters of a UPN; I, O and S are never used (govtalk UniquePupilNumber 2.0).
const UPN_ALPHABET: &[u8; 23] = b"ABCDEFGHJKLMNPQRTUVWXYZ";

impl Upn {
    /// Reads a UPN, upper case and without spaces.
    ///
    /// # Errors
    /// [`IdentifierError`], see there for the order of checks.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        if text.chars().count() != 13 {
            return Err(IdentifierError::BadLength);
        }
        let bytes = text.as_bytes();
        let [check, middle @ .., last] = bytes else {
            return Err(IdentifierError::BadLength);
        };
        let well_formed = check.is_ascii_uppercase()
            && middle.iter().all(u8::is_ascii_digit)
            && (last.is_ascii_digit() || last.is_ascii_uppercase());
        if !well_formed {
            return Err(IdentifierError::BadCharacters);
        }
        let check = letter_index(*check).ok_or(IdentifierError::CheckLetterNotInAlphabet)?;
        let sum: usize = (2..)
            .zip(&bytes[1..12])
            .map(|(place, digit)| place * usize::from(digit - b'0'))
            .sum();
        let final_value = if last.is_ascii_digit() {
            usize::from(last - b'0')
        } else {
            letter_index(*last).ok_or(IdentifierError::FinalLetterNotInAlphabet)?
        };
        if (sum + 13 * final_value) % UPN_ALPHABET.len() != check {
            return Err(IdentifierError::BadCheckLetter);
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether it was given for good.
    #[must_use]
    pub fn kind(&self) -> UpnKind {
        if self.0.ends_with(|last: char| last.is_ascii_digit()) {
            UpnKind::Permanent
        } else {
            UpnKind::Temporary
        }
    }
}

fn letter_index(letter: u8) -> Option<usize> {
    UPN_ALPHABET.iter().position(|known| *known == letter)
}

personal_number! {
    /// Unique Learner Number: ten digits, the last a check digit (HESA).
    Uln
}

impl Uln {
    /// Reads a ULN.
    ///
    /// # Errors
    /// [`IdentifierError`].
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        digits(text, 10)?;
        if text.starts_with('0') {
            return Err(IdentifierError::BadFirstDigit);
        }
        if text == "9999999999" {
            return Err(IdentifierError::Placeholder);
        }
        let remainder = weighted_sum(text) % 11;
        if remainder == 0 {
            return Err(IdentifierError::RemainderZero);
        }
        if u32::from(text.as_bytes()[9] - b'0') != 10 - remainder {
            return Err(IdentifierError::BadCheckDigit);
        }
        Ok(Self(text.to_owned()))
    }
}

personal_number! {
    /// NHS number: ten digits, the last a check digit modulo 11. Kept without spaces or hyphens.
    NhsNumber
}

impl NhsNumber {
    /// Reads an NHS number; spaces and hyphens between digits are accepted.
    ///
    /// # Errors
    /// [`IdentifierError`].
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        let plain: String = text.chars().filter(|one| !matches!(one, ' ' | '-')).collect();
        digits(&plain, 10)?;
        let bytes = plain.as_bytes();
        if bytes.iter().all(|digit| *digit == bytes[0]) {
            return Err(IdentifierError::PlaceholderRepeatedDigit);
        }
        let check = match 11 - weighted_sum(&plain) % 11 {
            10 => return Err(IdentifierError::CheckDigitWouldBe10),
            11 => 0,
            check => check,
        };
        if u32::from(bytes[9] - b'0') != check {
            return Err(IdentifierError::BadCheckDigit);
        }
        Ok(Self(plain))
    }

    /// Whether it is from the range kept for tests, which no patient has.
    #[must_use]
    pub fn is_test_range(&self) -> bool {
        self.0.starts_with("999")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn debug_hides_the_number() {
        assert_eq!(format!("{:?}", Upn::parse("N823432113104").unwrap()), "Upn(..)");
        assert_eq!(
            format!("{:?}", NhsNumber::parse("943 476 5919").unwrap()),
            "NhsNumber(..)"
        );
    }

    proptest! {
        /// A single wrong digit is always caught: the weights and 23 share no factor.
        #[test]
        fn every_single_digit_error_in_a_upn_is_caught(series in 0_u64..1_000_000_000_000, place in 1_usize..13, wrong in 0_u8..10) {
            let upn = UPN_ALPHABET.iter().map(|check| format!("{}{series:012}", *check as char))
                .find(|text| Upn::parse(text).is_ok()).unwrap();
            let mut bytes = upn.into_bytes();
            prop_assume!(bytes[place] != b'0' + wrong);
            bytes[place] = b'0' + wrong;
            let changed = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(Upn::parse(&changed), Err(IdentifierError::BadCheckLetter));
        }

        /// HESA: the two series are disjoint by design, so a number in the wrong field is always caught.
        #[test]
        fn no_number_is_both_uln_and_nhs_number(number in 1_000_000_000_u64..10_000_000_000) {
            let text = number.to_string();
            prop_assert!(Uln::parse(&text).is_err() || NhsNumber::parse(&text).is_err());
        }

        #[test]
        fn parsing_never_panics(text in ".{0,20}") {
            for kind in ["UPN", "ULN", "NHS", "URN", "LAESTAB", "LA", "UKPRN", "ODS"] {
                let _ = crate::identifiers::classify(kind, &text);
            }
        }
    }
}
