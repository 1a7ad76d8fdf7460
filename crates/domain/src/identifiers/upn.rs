//! Unique Pupil Number: a school pupil's number, with its check letter.

use super::{IdentifierError, personal_number};

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
    /// [`IdentifierError`]; the module says in which order.
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
        let check_value = letter_index(*check).ok_or(IdentifierError::CheckLetterNotInAlphabet)?;
        let sum: usize = (2..)
            .zip(middle)
            .map(|(place, digit)| place * usize::from(digit - b'0'))
            .sum();
        let final_value = if last.is_ascii_digit() {
            usize::from(last - b'0')
        } else {
            letter_index(*last).ok_or(IdentifierError::FinalLetterNotInAlphabet)?
        };
        if (sum + 13 * final_value) % UPN_ALPHABET.len() != check_value {
            return Err(IdentifierError::BadCheckLetter);
        }
        Ok(Self(text.to_owned()))
    }

    /// The class of a valid UPN: `PERMANENT` or `TEMPORARY`.
    #[must_use]
    pub fn class(&self) -> &'static str {
        self.kind().code()
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The UPN with this rest: found by trying every check letter, of which exactly one fits.
    fn with_check_letter(rest: &str) -> String {
        let fitting: Vec<_> = UPN_ALPHABET
            .iter()
            .map(|check| format!("{}{rest}", char::from(*check)))
            .filter(|text| Upn::parse(text).is_ok())
            .collect();
        assert_eq!(fitting.len(), 1);
        fitting[0].clone()
    }

    #[test]
    fn debug_hides_the_number() {
        assert_eq!(format!("{:?}", Upn::parse("N823432113104").unwrap()), "Upn(..)");
    }

    #[test]
    fn the_first_fault_is_the_one_reported() {
        for (text, reason) in [
            // Length stands before characters, however wrong these are.
            ("v99990012600", IdentifierError::BadLength),
            ("V9999001260010", IdentifierError::BadLength),
            (" V999900126001", IdentifierError::BadLength),
            // Characters stand before letters that are never used.
            ("v999900126001", IdentifierError::BadCharacters),
            ("F99990012600a", IdentifierError::BadCharacters),
            ("9999900126001", IdentifierError::BadCharacters),
            ("V999 00126001", IdentifierError::BadCharacters),
            ("V99990012600 ", IdentifierError::BadCharacters),
            ("S9999A0126001", IdentifierError::BadCharacters),
            // The check letter stands before the final letter, both before the arithmetic.
            ("O99990012600O", IdentifierError::CheckLetterNotInAlphabet),
            ("V99990012600I", IdentifierError::FinalLetterNotInAlphabet),
            ("V99990012600S", IdentifierError::FinalLetterNotInAlphabet),
            ("G99990012600A", IdentifierError::BadCheckLetter),
        ] {
            assert_eq!(Upn::parse(text), Err(reason), "{text}");
        }
    }

    proptest! {
        /// A single wrong digit is always caught: no weight (2 to 13) shares a factor with 23.
        #[test]
        fn every_single_digit_error_in_a_upn_is_caught(rest in "[0-9]{11}[0-9A-HJ-NP-RT-Z]") {
            let upn = with_check_letter(&rest);
            for place in 1..13 {
                for wrong in b'0'..=b'9' {
                    let mut bytes = upn.as_bytes().to_vec();
                    // A final letter counts as a number, so a digit in its place may count the same.
                    if bytes[place] == wrong || bytes[place].is_ascii_uppercase() {
                        continue;
                    }
                    bytes[place] = wrong;
                    let changed = String::from_utf8(bytes).unwrap();
                    prop_assert_eq!(Upn::parse(&changed), Err(IdentifierError::BadCheckLetter));
                }
            }
        }

        /// So is a wrong final letter, and a wrong check letter (which `with_check_letter` asserts).
        #[test]
        fn every_wrong_final_letter_is_caught(rest in "[0-9]{11}[A-HJ-NP-RT-Z]") {
            let upn = with_check_letter(&rest);
            for wrong in UPN_ALPHABET {
                let changed = format!("{}{}", &upn[..12], char::from(*wrong));
                prop_assert_eq!(Upn::parse(&changed).is_ok(), changed == upn);
            }
        }
    }
}
