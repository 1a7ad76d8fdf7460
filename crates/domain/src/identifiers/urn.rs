//! Unique reference number of a school in Get Information About Schools.

use super::{IdentifierError, digits, public_code};

public_code! {
    /// Unique reference number of a school in Get Information About Schools: six digits, the first not 0,
    /// no check digit.
    Urn
}

impl Urn {
    /// Reads a URN.
    ///
    /// # Errors
    /// [`IdentifierError`].
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        if text
            .strip_prefix("EY")
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
        {
            return Err(IdentifierError::OfstedEyNumberNotUrn);
        }
        digits(text, 6)?;
        if text.starts_with('0') {
            return Err(IdentifierError::BadFirstDigit);
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_digits_are_a_urn() {
        assert_eq!(Urn::parse("149999").unwrap().to_string(), "149999");
    }

    #[test]
    fn the_first_fault_is_the_one_reported() {
        for (text, reason) in [
            ("1000000", IdentifierError::BadLength),
            ("EY", IdentifierError::BadLength),
            ("012345", IdentifierError::BadFirstDigit),
            ("01234", IdentifierError::BadLength),
            ("10000O", IdentifierError::BadCharacters),
            ("EY123456", IdentifierError::OfstedEyNumberNotUrn),
            ("ey1234", IdentifierError::BadCharacters),
        ] {
            assert_eq!(Urn::parse(text), Err(reason), "{text}");
        }
    }
}
