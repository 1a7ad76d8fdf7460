//! Code of a health organisation in the NHS Organisation Data Service.

use super::{IdentifierError, public_code};

public_code! {
    /// NHS Organisation Data Service code: three to eight upper-case letters and digits. Only the directory
    /// can say whether it is in use.
    OdsCode
}

impl OdsCode {
    /// Reads an ODS code.
    ///
    /// # Errors
    /// [`IdentifierError`].
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        if !(3..=8).contains(&text.chars().count()) {
            return Err(IdentifierError::BadLength);
        }
        if !text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        {
            return Err(IdentifierError::BadCharacters);
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_digits_are_an_ods_code() {
        for text in ["RJ1", "QWE", "A81001", "8HK48"] {
            assert_eq!(OdsCode::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn the_first_fault_is_the_one_reported() {
        for (text, reason) in [
            ("RJ", IdentifierError::BadLength),
            ("A81001234", IdentifierError::BadLength),
            ("rj1", IdentifierError::BadCharacters),
            ("RJ 1", IdentifierError::BadCharacters),
        ] {
            assert_eq!(OdsCode::parse(text), Err(reason), "{text}");
        }
    }
}
