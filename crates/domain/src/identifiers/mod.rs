//! Identifiers of people and agencies, each parsed once at the edge, with a reason when it is wrong.

mod agency;
mod person;

pub use agency::{LaCode, LaEstab, OdsCode, Ukprn, Urn};
pub use person::{NhsNumber, Uln, Upn, UpnKind};

/// Why a text is not the identifier it claims to be. The order in which an identifier is checked is: length,
/// characters, reserved or banned forms, check letter or digit; the first fault found is the one reported.
/// Never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum IdentifierError {
    /// Too short or too long.
    #[error("has the wrong length")]
    BadLength,
    /// A character that cannot stand where it stands. Lower-case letters and surrounding spaces count.
    #[error("has a character that cannot stand there")]
    BadCharacters,
    /// A first digit that the series never uses.
    #[error("begins with a digit that is never used")]
    BadFirstDigit,
    /// A UPN's check letter is I, O or S, which are never used.
    #[error("begins with a letter that is never a check letter")]
    CheckLetterNotInAlphabet,
    /// A temporary UPN's final letter is I, O or S, which are never used.
    #[error("ends with a letter that is never used")]
    FinalLetterNotInAlphabet,
    /// A UPN's check letter does not fit the rest.
    #[error("has a check letter that does not fit")]
    BadCheckLetter,
    /// A check digit does not fit the rest.
    #[error("has a check digit that does not fit")]
    BadCheckDigit,
    /// No NHS number exists with these nine digits: the check digit would be 10.
    #[error("has nine digits for which no check digit exists")]
    CheckDigitWouldBe10,
    /// No ULN exists with these nine digits: the remainder is nought.
    #[error("has nine digits for which no check digit exists")]
    RemainderZero,
    /// One digit repeated: arithmetic passes, but it is a placeholder.
    #[error("is one digit repeated, a placeholder")]
    PlaceholderRepeatedDigit,
    /// The ULN 9999999999, which stands for "not known".
    #[error("is the placeholder for an unknown number")]
    Placeholder,
    /// `XXXXXXX`: only the destination of a lost-pupil file, not a school.
    #[error("stands for an unknown destination, not for a school")]
    UnknownDestinationToken,
    /// `MMMMMMM`: only the destination of a file that leaves the sector, not a school.
    #[error("stands for a destination outside the sector, not for a school")]
    OutsideSectorToken,
    /// `<LA>LLLL`: a local authority, not a school.
    #[error("stands for a local authority, not for a school")]
    LocalAuthorityToken,
    /// An Ofsted early-years number, not a URN.
    #[error("is an Ofsted early-years number, not a URN")]
    OfstedEyNumberNotUrn,
}

impl IdentifierError {
    /// The stable reason code.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::BadLength => "BAD_LENGTH",
            Self::BadCharacters => "BAD_CHARACTERS",
            Self::BadFirstDigit => "BAD_FIRST_DIGIT",
            Self::CheckLetterNotInAlphabet => "CHECK_LETTER_NOT_IN_ALPHABET",
            Self::FinalLetterNotInAlphabet => "FINAL_LETTER_NOT_IN_ALPHABET",
            Self::BadCheckLetter => "BAD_CHECK_LETTER",
            Self::BadCheckDigit => "BAD_CHECK_DIGIT",
            Self::CheckDigitWouldBe10 => "CHECK_DIGIT_WOULD_BE_10",
            Self::RemainderZero => "REMAINDER_ZERO",
            Self::PlaceholderRepeatedDigit => "PLACEHOLDER_REPEATED_DIGIT",
            Self::Placeholder => "PLACEHOLDER",
            Self::UnknownDestinationToken => "UNKNOWN_DESTINATION_TOKEN",
            Self::OutsideSectorToken => "OUTSIDE_SECTOR_TOKEN",
            Self::LocalAuthorityToken => "LOCAL_AUTHORITY_TOKEN",
            Self::OfstedEyNumberNotUrn => "OFSTED_EY_NUMBER_NOT_URN",
        }
    }
}

/// Judges a value by the name of its kind (`UPN`, `ULN`, `NHS`, `URN`, `LAESTAB`, `LA`, `UKPRN`, `ODS`):
/// whether it is valid, and its class or the reason why not. `None` for a kind that is not known.
#[must_use]
pub fn classify(kind: &str, value: &str) -> Option<(bool, &'static str)> {
    let judged = match kind {
        "UPN" => Upn::parse(value).map(|upn| upn.kind().code()),
        "ULN" => Uln::parse(value).map(|_| "OK"),
        "NHS" => NhsNumber::parse(value).map(|number| {
            if number.is_test_range() {
                "TEST_RANGE_999"
            } else {
                "OK"
            }
        }),
        "URN" => Urn::parse(value).map(|_| "OK"),
        "LAESTAB" => LaEstab::parse(value).map(|_| "OK"),
        "LA" => LaCode::parse(value).map(|_| "OK"),
        "UKPRN" => Ukprn::parse(value).map(|_| "OK"),
        "ODS" => OdsCode::parse(value).map(|_| "OK"),
        _ => return None,
    };
    Some(match judged {
        Ok(class) => (true, class),
        Err(error) => (false, error.reason()),
    })
}

/// Checks that a text is exactly `length` ASCII digits.
fn digits(text: &str, length: usize) -> Result<(), IdentifierError> {
    if text.chars().count() != length {
        return Err(IdentifierError::BadLength);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(IdentifierError::BadCharacters);
    }
    Ok(())
}

/// Sum of the first nine of ten digits, weighted 10 down to 2.
fn weighted_sum(text: &str) -> u32 {
    (2..=10)
        .rev()
        .zip(text.bytes())
        .map(|(weight, digit)| weight * u32::from(digit - b'0'))
        .sum()
}
