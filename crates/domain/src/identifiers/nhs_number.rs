//! NHS number: a patient's number in England, Wales and the Isle of Man, with its check digit.

use super::{IdentifierError, ORDINARY, digits, personal_number, weighted_sum};

personal_number! {
    /// NHS number: ten digits, the last a check digit modulo 11. Kept without spaces or hyphens.
    NhsNumber
}

impl NhsNumber {
    /// Reads an NHS number; spaces and hyphens are accepted and dropped (`943 476 5919`).
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

    /// The class of a valid NHS number: `OK`, or `TEST_RANGE_999`.
    #[must_use]
    pub fn class(&self) -> &'static str {
        if self.is_test_range() {
            return "TEST_RANGE_999";
        }
        ORDINARY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_number() {
        let number = NhsNumber::parse("943 476 5919").unwrap();
        assert_eq!(format!("{number:?}"), "NhsNumber(..)");
    }

    #[test]
    fn spaces_and_hyphens_do_not_distinguish_numbers() {
        for text in ["943 476 5919", "943-476-5919", "943 4765919", "9434765919"] {
            assert_eq!(NhsNumber::parse(text).unwrap().as_str(), "9434765919");
        }
    }

    #[test]
    fn the_first_fault_is_the_one_reported() {
        for (text, reason) in [
            ("94347659190", IdentifierError::BadLength),
            ("943.476.5919", IdentifierError::BadLength),
            ("943 476 591", IdentifierError::BadLength),
            ("943 476 591A", IdentifierError::BadCharacters),
            ("999 999 9999", IdentifierError::PlaceholderRepeatedDigit),
            ("9990000149", IdentifierError::CheckDigitWouldBe10),
            ("4934765919", IdentifierError::BadCheckDigit),
        ] {
            assert_eq!(NhsNumber::parse(text), Err(reason), "{text}");
        }
        for digit in 0..10 {
            assert_eq!(
                NhsNumber::parse(&digit.to_string().repeat(10)),
                Err(IdentifierError::PlaceholderRepeatedDigit)
            );
        }
    }
}
