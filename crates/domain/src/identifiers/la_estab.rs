//! LAESTAB: the DfE number of a school, which its local authority and itself make up.

use super::{IdentifierError, LaCode, digits, public_code};

public_code! {
    /// DfE number: three digits of a local authority and four of an establishment. Codes can be reused, so a
    /// URN is the better key. Kept without the stroke in which it is often written (`999/9001`).
    LaEstab
}

impl LaEstab {
    /// Reads a DfE number, with or without the stroke.
    ///
    /// # Errors
    /// [`IdentifierError`]; the tokens of the Common Transfer File's file names have reasons of their own.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        let plain = match text.split_once('/') {
            Some((la, estab)) if la.len() == 3 => format!("{la}{estab}"),
            _ => text.to_owned(),
        };
        match plain.as_str() {
            "XXXXXXX" => return Err(IdentifierError::UnknownDestinationToken),
            "MMMMMMM" => return Err(IdentifierError::OutsideSectorToken),
            _ => {}
        }
        if plain
            .strip_suffix("LLLL")
            .is_some_and(|la| LaCode::parse(la).is_ok())
        {
            return Err(IdentifierError::LocalAuthorityToken);
        }
        digits(&plain, 7)?;
        Ok(Self(plain))
    }

    /// Joins a local authority code and an establishment number.
    ///
    /// # Errors
    /// [`IdentifierError`].
    pub fn join(la: &str, estab: &str) -> Result<Self, IdentifierError> {
        digits(la, 3)?;
        digits(estab, 4)?;
        Ok(Self(format!("{la}{estab}")))
    }

    /// The local authority's three digits.
    #[must_use]
    pub fn la(&self) -> &str {
        &self.0[..3]
    }

    /// The establishment's four digits.
    #[must_use]
    pub fn estab(&self) -> &str {
        &self.0[3..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stroke_is_the_same_school() {
        let school = LaEstab::parse("999/9001").unwrap();
        assert_eq!(school, LaEstab::parse("9999001").unwrap());
        assert_eq!((school.la(), school.estab()), ("999", "9001"));
    }

    #[test]
    fn file_name_tokens_are_not_schools() {
        assert_eq!(
            LaEstab::parse("XXXXXXX"),
            Err(IdentifierError::UnknownDestinationToken)
        );
        assert_eq!(
            LaEstab::parse("MMMMMMM"),
            Err(IdentifierError::OutsideSectorToken)
        );
        assert_eq!(
            LaEstab::parse("998LLLL"),
            Err(IdentifierError::LocalAuthorityToken)
        );
    }

    #[test]
    fn the_first_fault_is_the_one_reported() {
        for (text, reason) in [
            ("999900", IdentifierError::BadLength),
            ("999/900", IdentifierError::BadLength),
            ("9999/001", IdentifierError::BadLength),
            ("999-9001", IdentifierError::BadLength),
            ("999 9001", IdentifierError::BadLength),
            ("99A9001", IdentifierError::BadCharacters),
            ("9999OO1", IdentifierError::BadCharacters),
            ("xxxxxxx", IdentifierError::BadCharacters),
            ("ABCLLLL", IdentifierError::BadCharacters),
            ("XXX/XXXX", IdentifierError::UnknownDestinationToken),
        ] {
            assert_eq!(LaEstab::parse(text), Err(reason), "{text}");
        }
    }
}
