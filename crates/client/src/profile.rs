//! An agency's connection profile: where the hub is, which certificate to show, how to sign tokens.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::ClientError;

/// `client.toml`: everything an agency's system needs to reach the hub. Paths are relative to the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The agency's id in the hub's directory.
    pub agency: String,
    /// The hub's address, `https://HOST:PORT`.
    pub hub: String,
    /// The name in the hub's certificate, when it differs from the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// The authority that issued the hub's certificate, PEM.
    pub hub_authority: PathBuf,
    /// The agency's certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// How tokens are signed.
    pub token: TokenProfile,
}

/// How this agency signs its tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenProfile {
    /// The private key, PKCS#8 PEM.
    pub key: PathBuf,
    /// The name under which the public key is registered (`kid`).
    pub key_id: String,
    /// `ES256`, `EdDSA` or `PS256`.
    pub algorithm: String,
    /// The hub's audience.
    pub audience: String,
    /// The acting person or system: a staff reference or system name, never a person's name.
    pub subject: String,
    /// The role in which it acts.
    pub role: String,
}

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// [`ClientError::Profile`], saying what is wrong where.
    pub fn load(path: &Path) -> Result<Self, ClientError> {
        let fault = |reason: String| ClientError::Profile {
            path: path.display().to_string(),
            reason,
        };
        let text = std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
        let mut profile: Self = toml::from_str(&text).map_err(|error| fault(error.to_string()))?;
        let base = path.parent().unwrap_or(Path::new(""));
        for file in [
            &mut profile.hub_authority,
            &mut profile.certificate,
            &mut profile.key,
            &mut profile.token.key,
        ] {
            *file = base.join(&*file);
        }
        Ok(profile)
    }
}
