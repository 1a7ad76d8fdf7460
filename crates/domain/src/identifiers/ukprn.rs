//! UK provider reference number of a learning provider.

use super::{IdentifierError, digits, public_code};

public_code! {
    /// UK provider reference number: eight digits, the first 1.
    Ukprn
}

impl Ukprn {
    /// Reads a UKPRN.
    ///
    /// # Errors
    /// [`IdentifierError`].
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        digits(text, 8)?;
        if !text.starts_with('1') {
            return Err(IdentifierError::BadFirstDigit);
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_digits_from_1_are_a_ukprn() {
        assert_eq!(Ukprn::parse("10000001").unwrap().to_string(), "10000001");
    }

    #[test]
    fn the_first_fault_is_the_one_reported() {
        for (text, reason) in [
            ("1000000", IdentifierError::BadLength),
            ("2000000", IdentifierError::BadLength),
            ("100000001", IdentifierError::BadLength),
            ("1000000A", IdentifierError::BadCharacters),
            ("00000001", IdentifierError::BadFirstDigit),
        ] {
            assert_eq!(Ukprn::parse(text), Err(reason), "{text}");
        }
    }
}
