//! Issuers of tokens beside the agencies themselves: an identity provider of the configuration, known by its JWKS.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sendhub_domain::agency::AgencyId;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::{Issuer, JwksSource};

/// The largest key set read, in bytes.
const LARGEST: usize = 256 * 1024;
/// How long a provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The keys of every issuer, as last read. An issuer whose keys were never read is there without any.
#[derive(Debug, Default)]
pub struct Issuers {
    /// Grows whenever the keys change: what was verified with older ones is verified again.
    pub generation: u64,
    known: HashMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    agencies: Vec<AgencyId>,
    keys: HashMap<String, (Algorithm, DecodingKey)>,
}

/// Why a key set cannot be used. Never holds what it says.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct IssuerFault(String);

fn fault(error: impl std::fmt::Display) -> IssuerFault {
    IssuerFault(error.to_string())
}

impl Issuers {
    /// Whether the configuration names this issuer.
    #[must_use]
    pub fn names(&self, issuer: &str) -> bool {
        self.known.contains_key(issuer)
    }

    /// The key of an issuer with this name, and the one algorithm it may be used with.
    #[must_use]
    pub fn key(&self, issuer: &str, kid: &str) -> Option<&(Algorithm, DecodingKey)> {
        self.known.get(issuer)?.keys.get(kid)
    }

    /// Whether an issuer may speak for the people and systems of an agency.
    #[must_use]
    pub fn speaks_for(&self, issuer: &str, agency: &AgencyId) -> bool {
        self.known
            .get(issuer)
            .is_some_and(|known| known.agencies.contains(agency))
    }
}

/// Reads the key sets of a configuration.
///
/// # Errors
/// [`IssuerFault`], naming the issuer whose keys cannot be read.
pub async fn read(settings: &[Issuer], generation: u64) -> Result<Issuers, IssuerFault> {
    let mut known = HashMap::new();
    for one in settings {
        let named = |error: IssuerFault| IssuerFault(format!("issuer {}: {error}", one.issuer));
        let text = match &one.jwks {
            JwksSource::File { jwks_file } => {
                std::fs::read(jwks_file).map_err(|error| named(fault(error)))?
            }
            JwksSource::Https {
                jwks_url,
                jwks_authorities,
            } => fetch(jwks_url, jwks_authorities).await.map_err(named)?,
        };
        let agencies = one
            .agencies
            .iter()
            .map(|id| AgencyId::parse(id))
            .collect::<Result<_, _>>();
        let keys = keys(&text).map_err(named)?;
        known.insert(
            one.issuer.clone(),
            Known {
                agencies: agencies.map_err(|error| named(fault(error)))?,
                keys,
            },
        );
    }
    Ok(Issuers { generation, known })
}

/// The signing keys of a set that have a name and an algorithm that the hub takes; others are passed over.
fn keys(text: &[u8]) -> Result<HashMap<String, (Algorithm, DecodingKey)>, IssuerFault> {
    let set: JwkSet = serde_json::from_slice(text).map_err(|_| fault("is not a JSON Web Key Set"))?;
    let usable: HashMap<_, _> = set.keys.iter().filter_map(usable).collect();
    if usable.is_empty() {
        return Err(fault("holds no key for ES256, EdDSA or PS256 with a name (kid)"));
    }
    Ok(usable)
}

fn usable(key: &Jwk) -> Option<(String, (Algorithm, DecodingKey))> {
    let common = &key.common;
    let (algorithm, named) = match &key.algorithm {
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        AlgorithmParameters::RSA(_) => (Algorithm::PS256, KeyAlgorithm::PS256),
        _ => return None,
    };
    let fits = common.key_algorithm.is_none_or(|said| said == named);
    let signs = common
        .public_key_use
        .as_ref()
        .is_none_or(|said| *said == PublicKeyUse::Signature);
    if !fits || !signs {
        return None;
    }
    Some((
        common.key_id.clone()?,
        (algorithm, DecodingKey::from_jwk(key).ok()?),
    ))
}

/// One GET over TLS, with a bound on time and size. Redirects are not followed: the address is the operator's.
async fn fetch(url: &str, authorities: &Path) -> Result<Vec<u8>, IssuerFault> {
    let url: http::Uri = url.parse().map_err(fault)?;
    let host = url
        .host()
        .ok_or_else(|| fault("jwks_url has no host"))?
        .to_owned();
    let port = url.port_u16().unwrap_or(443);
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(authorities).map_err(fault)? {
        roots.add(root.map_err(fault)?).map_err(fault)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(fault)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let answer = async {
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(fault)?;
        let name = ServerName::try_from(host.clone()).map_err(fault)?;
        let stream = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .map_err(fault)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(fault)?;
        let connection = tokio::spawn(connection);
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let request = http::Request::get(path)
            .header(http::header::HOST, &host)
            .header(http::header::ACCEPT, "application/json")
            .body(Empty::<Bytes>::new())
            .map_err(fault)?;
        let response = sender.send_request(request).await.map_err(fault)?;
        if response.status() != http::StatusCode::OK {
            return Err(fault(format!("answers with {}", response.status())));
        }
        let body = Limited::new(response.into_body(), LARGEST)
            .collect()
            .await
            .map_err(fault)?;
        connection.abort();
        Ok(body.to_bytes().to_vec())
    };
    tokio::time::timeout(PATIENCE, answer)
        .await
        .map_err(|_| fault("does not answer in time"))?
}

/// Reads the key sets again: files when they change, addresses every few minutes. What cannot be read is told, and
/// the old stays.
pub(crate) async fn keep(
    settings: Vec<Issuer>,
    refresh: Duration,
    issuers: Arc<ArcSwap<Issuers>>,
    stopping: CancellationToken,
) {
    let files: Vec<PathBuf> = settings
        .iter()
        .filter_map(|one| match &one.jwks {
            JwksSource::File { jwks_file } => Some(jwks_file.clone()),
            JwksSource::Https { .. } => None,
        })
        .collect();
    let fetched = files.len() < settings.len();
    let changed = || -> Vec<Option<SystemTime>> {
        let at = |file: &PathBuf| std::fs::metadata(file).and_then(|found| found.modified()).ok();
        files.iter().map(at).collect()
    };
    let mut known = changed();
    let mut waited = Duration::ZERO;
    let tick = Duration::from_secs(1);
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(tick) => waited += tick,
        }
        let now = changed();
        if now == known && !(fetched && waited >= refresh) {
            continue;
        }
        (known, waited) = (now, Duration::ZERO);
        match read(&settings, issuers.load().generation + 1).await {
            Ok(read) => {
                issuers.store(Arc::new(read));
                info!("the issuers' keys were read again");
            }
            Err(failure) => warn!(%failure, "an issuer's keys cannot be read; the old stay"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"keys":[
        {"kty":"EC","crv":"P-256","kid":"e","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
        {"kty":"OKP","crv":"Ed25519","kid":"o","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        {"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
        {"kty":"EC","crv":"P-256","kid":"enc","use":"enc","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
        {"kty":"oct","kid":"secret","k":"AAAA"}
    ]}"#;

    #[test]
    fn only_named_signing_keys_of_the_three_algorithms_are_taken() {
        let keys = keys(GOOD.as_bytes()).unwrap();
        let mut names: Vec<_> = keys
            .iter()
            .map(|(kid, (algorithm, _))| (kid.as_str(), *algorithm))
            .collect();
        names.sort_by_key(|(kid, _)| *kid);
        assert_eq!(names, [("e", Algorithm::ES256), ("o", Algorithm::EdDSA)]);
    }

    #[test]
    fn a_set_without_a_usable_key_is_refused() {
        for bad in [
            "",
            "{}",
            r#"{"keys":[]}"#,
            r#"{"keys":[{"kty":"oct","kid":"x","k":"AAAA"}]}"#,
        ] {
            assert!(keys(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
