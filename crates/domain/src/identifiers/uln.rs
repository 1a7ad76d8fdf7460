//! Unique Learner Number: a learner's number from 14 on, with its check digit.

use super::{IdentifierError, ORDINARY, digits, personal_number, weighted_sum};

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
            return Err(IdentifierError::PlaceholderRepeatedDigit);
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

    /// The class of a valid ULN: there is only one.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        ORDINARY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_number() {
        assert_eq!(format!("{:?}", Uln::parse("9276308686").unwrap()), "Uln(..)");
    }

    #[test]
    fn the_first_fault_is_the_one_reported() {
        for (text, reason) in [
            ("92763086860", IdentifierError::BadLength),
            ("927 630 8686", IdentifierError::BadLength),
            ("9276308 86", IdentifierError::BadCharacters),
            ("0276308686", IdentifierError::BadFirstDigit),
            ("0000000000", IdentifierError::BadFirstDigit),
            ("9999999999", IdentifierError::PlaceholderRepeatedDigit),
            ("1000000065", IdentifierError::RemainderZero),
            ("1111111111", IdentifierError::BadCheckDigit),
        ] {
            assert_eq!(Uln::parse(text), Err(reason), "{text}");
        }
    }
}
