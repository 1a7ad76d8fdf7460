//! Numbers and codes of agencies: URN, LAESTAB, local authority code, UKPRN and ODS code. All public.

use std::fmt;

use super::{IdentifierError, digits};

/// Declares a public code.
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
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

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
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
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
            Some((la, estab)) if la.len() == 3 && estab.len() == 4 => format!("{la}{estab}"),
            _ => text.to_owned(),
        };
        match plain.as_str() {
            "XXXXXXX" => return Err(IdentifierError::UnknownDestinationToken),
            "MMMMMMM" => return Err(IdentifierError::OutsideSectorToken),
            la if la.len() == 7 && la.ends_with("LLLL") && LaCode::parse(&la[..3]).is_ok() => {
                return Err(IdentifierError::LocalAuthorityToken);
            }
            _ => {}
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

public_code! {
    /// Code of a local authority: three digits. The list is data and changes with mergers.
    LaCode
}

impl LaCode {
    /// Reads a local authority code.
    ///
    /// # Errors
    /// [`IdentifierError`].
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        digits(text, 3)?;
        Ok(Self(text.to_owned()))
    }
}

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
        assert_eq!(LaEstab::parse("ABCLLLL"), Err(IdentifierError::BadCharacters));
    }
}
