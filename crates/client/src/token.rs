//! Tokens: short-lived, signed by the agency's own key, bound to its certificate (RFC 8705).

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::Serialize;

use crate::profile::Profile;
use crate::{ClientError, clock};

/// How long a token lives, in seconds.
const LIFETIME: i64 = 300;
/// How long before its end a token is replaced, in seconds.
const MARGIN: i64 = 60;

/// The claims of a token, public so that tests can make wrong ones.
#[derive(Debug, Clone, Serialize)]
pub struct Claims {
    /// The agency that signs.
    pub iss: String,
    /// The acting person or system.
    pub sub: String,
    /// The hub.
    pub aud: String,
    /// Issued at, seconds since 1970.
    pub iat: i64,
    /// Not before.
    pub nbf: i64,
    /// Expires.
    pub exp: i64,
    /// The token's own id.
    pub jti: String,
    /// The role in which the subject acts.
    pub role: String,
    /// What the token is bound to.
    pub cnf: Confirmation,
}

/// The certificate that must stand beside the token.
#[derive(Debug, Clone, Serialize)]
pub struct Confirmation {
    /// SHA-256 of the certificate, base64url.
    #[serde(rename = "x5t#S256")]
    pub thumbprint: String,
}

/// Makes tokens and keeps the current one until shortly before its end.
pub struct Minter {
    header: Header,
    key: EncodingKey,
    agency: String,
    subject: String,
    role: String,
    audience: String,
    thumbprint: String,
    current: Mutex<Option<(String, i64)>>,
}

impl std::fmt::Debug for Minter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Minter({})", self.agency)
    }
}

impl Minter {
    /// A minter for a profile.
    ///
    /// # Errors
    /// [`ClientError::Key`] when a key or certificate cannot be read or does not fit the algorithm.
    pub fn new(profile: &Profile) -> Result<Self, ClientError> {
        let (algorithm, key) = signing_key(&profile.token.key, &profile.token.algorithm)?;
        let mut header = Header::new(algorithm);
        header.kid = Some(profile.token.key_id.clone());
        Ok(Self {
            header,
            key,
            agency: profile.agency.clone(),
            subject: profile.token.subject.clone(),
            role: profile.token.role.clone(),
            audience: profile.token.audience.clone(),
            thumbprint: thumbprint(&profile.certificate)?,
            current: Mutex::new(None),
        })
    }

    /// The claims of a token issued now.
    #[must_use]
    pub fn claims(&self) -> Claims {
        let now = clock::now().as_second();
        Claims {
            iss: self.agency.clone(),
            sub: self.subject.clone(),
            aud: self.audience.clone(),
            iat: now,
            nbf: now,
            exp: now + LIFETIME,
            jti: clock::new_request_id().to_string(),
            role: self.role.clone(),
            cnf: Confirmation {
                thumbprint: self.thumbprint.clone(),
            },
        }
    }

    /// Signs any claims.
    ///
    /// # Errors
    /// [`ClientError::Key`].
    pub fn sign(&self, claims: &Claims) -> Result<String, ClientError> {
        encode(&self.header, claims, &self.key).map_err(|error| ClientError::Key {
            what: "token key".into(),
            reason: error.to_string(),
        })
    }

    /// A token that is good for at least a minute.
    ///
    /// # Errors
    /// [`ClientError::Key`].
    pub fn token(&self) -> Result<String, ClientError> {
        let now = clock::now().as_second();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, ends)) = &*current
            && *ends - MARGIN > now
        {
            return Ok(token.clone());
        }
        let claims = self.claims();
        let token = self.sign(&claims)?;
        *current = Some((token.clone(), claims.exp));
        Ok(token)
    }
}

fn signing_key(path: &Path, algorithm: &str) -> Result<(Algorithm, EncodingKey), ClientError> {
    let fault = |reason: String| ClientError::Key {
        what: path.display().to_string(),
        reason,
    };
    let key = PrivateKeyDer::from_pem_file(path).map_err(|error| fault(error.to_string()))?;
    let PrivateKeyDer::Pkcs8(key) = key else {
        return Err(fault("a token key is PKCS#8 PEM (\"BEGIN PRIVATE KEY\")".into()));
    };
    let der = key.secret_pkcs8_der();
    match algorithm {
        "ES256" => Ok((Algorithm::ES256, EncodingKey::from_ec_der(der))),
        "EdDSA" => Ok((Algorithm::EdDSA, EncodingKey::from_ed_der(der))),
        "PS256" => Ok((Algorithm::PS256, EncodingKey::from_rsa_der(der))),
        _ => Err(fault("a token's algorithm is ES256, EdDSA or PS256".into())),
    }
}

/// The base64url SHA-256 of the first certificate in a PEM file.
///
/// # Errors
/// [`ClientError::Key`] when there is none.
pub fn thumbprint(path: &Path) -> Result<String, ClientError> {
    let certificate = CertificateDer::from_pem_file(path).map_err(|error| ClientError::Key {
        what: path.display().to_string(),
        reason: error.to_string(),
    })?;
    Ok(URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &certificate)))
}
