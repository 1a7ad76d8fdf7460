//! Code of a local authority in England.

use super::{IdentifierError, digits, public_code};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fault_is_the_one_reported() {
        for (text, reason) in [
            ("99", IdentifierError::BadLength),
            ("9999", IdentifierError::BadLength),
            ("E09000001", IdentifierError::BadLength),
            ("99A", IdentifierError::BadCharacters),
        ] {
            assert_eq!(LaCode::parse(text), Err(reason), "{text}");
        }
    }
}
