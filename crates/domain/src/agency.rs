//! Agencies: who may stand at either end of an exchange, and how each is known to the others.

use std::fmt;
use std::sync::Arc;

use crate::identifiers::{LaCode, LaEstab, OdsCode, Ukprn, Urn};

/// The hub's own short name for an agency: 3 to 64 of `a–z`, `0–9` and `-`, starting with a letter.
/// It is public, stable and never reused.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgencyId(Arc<str>);

/// Why a text is not an [`AgencyId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an agency id is 3 to 64 of a-z, 0-9 and '-', and starts with a letter")]
pub struct AgencyIdError;

impl AgencyId {
    /// Reads an agency id.
    ///
    /// # Errors
    /// [`AgencyIdError`] when the text has another form.
    pub fn parse(text: &str) -> Result<Self, AgencyIdError> {
        let starts_with_letter = text.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !(3..=64).contains(&text.len()) || !starts_with_letter || !plain {
            return Err(AgencyIdError);
        }
        Ok(Self(Arc::from(text)))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgencyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AgencyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgencyId({})", self.0)
    }
}

/// Declares an enum whose every variant has one stable code for rows, logs and rules.
macro_rules! coded {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable code used in stored rows, log entries and rules.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The value with this code, if there is one.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.code())
            }
        }
    };
}
pub(crate) use coded;

coded! {
    /// What an agency is. The law gives each kind its own duties, so rules read this.
    AgencyKind {
        /// A school maintained by a local authority (community, voluntary, foundation, nursery).
        MaintainedSchool = "MAINTAINED_SCHOOL",
        /// An academy or free school. Not bound by the Pupil Information Regulations reg 9.
        Academy = "ACADEMY",
        /// A special school, whoever maintains it.
        SpecialSchool = "SPECIAL_SCHOOL",
        /// A pupil referral unit or other alternative provision.
        PupilReferralUnit = "PUPIL_REFERRAL_UNIT",
        /// An independent school.
        IndependentSchool = "INDEPENDENT_SCHOOL",
        /// A sixth-form or further-education college or other post-16 institution.
        Post16 = "POST_16",
        /// An early-years provider that is not a school.
        EarlyYears = "EARLY_YEARS",
        /// A school run by the Ministry of Defence, in the UK or overseas.
        ModSchool = "MOD_SCHOOL",
        /// A local authority in England.
        LocalAuthority = "LOCAL_AUTHORITY",
        /// An integrated care board, NHS trust or other health body.
        HealthBody = "HEALTH_BODY",
        /// The Ministry of Defence itself (Defence Children Services), not one of its schools.
        MinistryOfDefence = "MINISTRY_OF_DEFENCE",
        /// Who runs this hub. Keeps the directory; is never a party to an exchange.
        HubOperator = "HUB_OPERATOR",
    }
}

impl AgencyKind {
    /// Whether pupils are registered or taught there.
    #[must_use]
    pub const fn is_school(self) -> bool {
        matches!(
            self,
            Self::MaintainedSchool
                | Self::Academy
                | Self::SpecialSchool
                | Self::PupilReferralUnit
                | Self::IndependentSchool
                | Self::ModSchool
        )
    }
}

coded! {
    /// Whether an agency may take part today.
    AgencyStatus {
        /// Known, but not yet let in.
        Pending = "PENDING",
        /// Takes part.
        Active = "ACTIVE",
        /// Shut out for now; what waits for it stays.
        Suspended = "SUSPENDED",
        /// Gone for good.
        Closed = "CLOSED",
    }
}

/// The field's own identifiers of an agency. All are public register entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgencyIdentifiers {
    /// Unique reference number in Get Information About Schools.
    pub urn: Option<Urn>,
    /// DfE number: local authority and establishment. Codes can be reused, so `urn` is the better key.
    pub laestab: Option<LaEstab>,
    /// Local authority code, for a local authority.
    pub la_code: Option<LaCode>,
    /// NHS Organisation Data Service code.
    pub ods_code: Option<OdsCode>,
    /// UK provider reference number.
    pub ukprn: Option<Ukprn>,
}

/// SHA-256 of a certificate's DER bytes (RFC 8705 `x5t#S256`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Thumbprint(pub [u8; 32]);

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (halves, _) = self.0.as_chunks::<16>();
        halves
            .iter()
            .try_for_each(|half| write!(f, "{:032x}", u128::from_be_bytes(*half)))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

/// A client certificate by which an agency is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgencyCertificate {
    /// What the certificate is recognised by.
    pub thumbprint: Thumbprint,
    /// What the agency calls it, for instance the machine it stands on.
    pub label: String,
    /// When it was registered.
    pub added_at: jiff::Timestamp,
    /// When it stopped being accepted; `None` while it is.
    pub revoked_at: Option<jiff::Timestamp>,
}

coded! {
    /// Signature algorithms that a token may use. There is no `none` and no HMAC here on purpose.
    TokenAlgorithm {
        /// ECDSA on P-256 with SHA-256.
        Es256 = "ES256",
        /// Ed25519.
        EdDsa = "EdDSA",
        /// RSA-PSS with SHA-256, 2048 bits or more.
        Ps256 = "PS256",
    }
}

/// A public key with which an agency signs its people's and systems' tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// The key's name in the token's header (`kid`), unique within the agency.
    pub key_id: String,
    /// The one algorithm this key may be used with: never taken from the token.
    pub algorithm: TokenAlgorithm,
    /// The public key as a DER `SubjectPublicKeyInfo`.
    pub public_key_der: Vec<u8>,
    /// When it was registered.
    pub added_at: jiff::Timestamp,
    /// When it stopped being accepted; `None` while it is.
    pub revoked_at: Option<jiff::Timestamp>,
}

/// An office to reach at an agency. Offices and shared mailboxes, never named people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgencyContact {
    /// What the office does, for instance `SENCO` or `DATA_PROTECTION_OFFICER`.
    pub role: String,
    /// The office's name.
    pub name: String,
    /// Its shared e-mail address.
    pub email: Option<String>,
    /// Its telephone number.
    pub phone: Option<String>,
}

/// One agency as the directory holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agency {
    /// The hub's own name for it.
    pub id: AgencyId,
    /// What it is.
    pub kind: AgencyKind,
    /// Its official name.
    pub name: String,
    /// Whether it may take part.
    pub status: AgencyStatus,
    /// The field's identifiers.
    pub identifiers: AgencyIdentifiers,
    /// Offices to reach.
    pub contacts: Vec<AgencyContact>,
    /// Certificates, the revoked ones included.
    pub certificates: Vec<AgencyCertificate>,
    /// Token keys, the revoked ones included.
    pub signing_keys: Vec<SigningKey>,
    /// Counts the changes made to this entry, from 1.
    pub revision: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_written_in_full() {
        let mut thumbprint = [0; 32];
        (thumbprint[0], thumbprint[15], thumbprint[16], thumbprint[31]) = (0x0a, 0xbc, 0x0d, 0xff);
        let expected = format!("0a{0}bc0d{0}ff", "00".repeat(14));
        assert_eq!(Thumbprint(thumbprint).to_string(), expected);
    }

    #[test]
    fn agency_ids_have_one_form() {
        for good in ["abc", "mock-primary", "la-999", "a12"] {
            assert_eq!(AgencyId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "ab", "1abc", "-abc", "Abc", "a b c", "a_b_c", &"a".repeat(65)] {
            assert_eq!(AgencyId::parse(bad), Err(AgencyIdError), "{bad}");
        }
    }

    #[test]
    fn codes_read_back() {
        for kind in AgencyKind::ALL {
            assert_eq!(AgencyKind::from_code(kind.code()), Some(*kind));
        }
        assert_eq!(AgencyKind::from_code("SCHOOL"), None);
    }
}
