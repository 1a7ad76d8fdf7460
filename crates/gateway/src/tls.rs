//! TLS: every handshake proves possession of the client's key; whether its certificate is trusted is judged
//! after it, once a connection, so that a refusal is a gRPC status with a reason and not a bare TLS alert.

pub(crate) mod stream;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig,
    SignatureScheme,
};
use sendhub_contracts::errors::v1::Reason;
use sendhub_domain::agency::Thumbprint;
use sendhub_ledger::hash::sha256;

/// What is wrong with the hub's TLS material.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up: {0}")]
pub struct TlsFault(String);

fn fault(error: impl fmt::Display) -> TlsFault {
    TlsFault(error.to_string())
}

/// Which protocol versions are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// TLS 1.3 only.
    Tls13,
    /// TLS 1.2 too, for a partner whose stack cannot.
    Tls12And13,
}

/// The settings of the hub's side of a handshake. Session tickets and resumption are off: a resumed session
/// would skip the client's certificate.
///
/// # Errors
/// [`TlsFault`] when certificate and key do not fit.
pub fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    versions: Versions,
) -> Result<ServerConfig, TlsFault> {
    let versions: &[&rustls::SupportedProtocolVersion] = match versions {
        Versions::Tls13 => &[&rustls::version::TLS13],
        Versions::Tls12And13 => &[&rustls::version::TLS13, &rustls::version::TLS12],
    };
    let provider = Arc::new(provider::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(fault)?
        .with_client_cert_verifier(Arc::new(ProvesPossession(provider)))
        .with_single_cert(chain, key)
        .map_err(fault)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    Ok(config)
}

/// Asks for a certificate, checks that the client holds its key, and leaves trust to [`ClientTrust`].
#[derive(Debug)]
struct ProvesPossession(Arc<CryptoProvider>);

impl ClientCertVerifier for ProvesPossession {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        // Not a decision to trust: no request of this connection passes before `ClientTrust::judge`.
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The authorities whose client certificates are trusted.
#[derive(Debug)]
pub struct ClientTrust(Arc<dyn ClientCertVerifier>);

/// What is known of the client of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    /// The certificate shown, if one was.
    pub thumbprint: Option<Thumbprint>,
    /// Why it is not trusted; `None` when it is.
    pub refused: Option<Reason>,
}

impl ClientTrust {
    /// Trusts these authorities, less what their revocation lists name. A list that has expired counts as
    /// missing, and a certificate whose standing cannot be told is not trusted.
    ///
    /// # Errors
    /// [`TlsFault`] when an authority or a list cannot be read, or there is no authority.
    pub fn new(
        authorities: impl IntoIterator<Item = CertificateDer<'static>>,
        revocations: Vec<CertificateRevocationListDer<'static>>,
    ) -> Result<Self, TlsFault> {
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots.add(authority).map_err(fault)?;
        }
        let provider = Arc::new(provider::default_provider());
        let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        if !revocations.is_empty() {
            builder = builder.with_crls(revocations).enforce_revocation_expiration();
        }
        Ok(Self(builder.build().map_err(fault)?))
    }

    /// Judges what a client showed in its handshake.
    #[must_use]
    pub fn judge(&self, shown: &[CertificateDer<'_>], now: Timestamp) -> PeerCertificate {
        let Some((own, intermediates)) = shown.split_first() else {
            return PeerCertificate {
                thumbprint: None,
                refused: Some(Reason::CertificateRequired),
            };
        };
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let refused = self
            .0
            .verify_client_cert(own, intermediates, at)
            .err()
            .map(|error| reason(&error));
        PeerCertificate {
            thumbprint: Some(thumbprint(own)),
            refused,
        }
    }
}

/// The thumbprint of a DER certificate: what the directory knows it by.
#[must_use]
pub fn thumbprint(certificate: &[u8]) -> Thumbprint {
    Thumbprint(sha256(certificate).0)
}

fn reason(error: &Error) -> Reason {
    match error {
        Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => Reason::CertificateExpired,
        Error::InvalidCertificate(CertificateError::Revoked) => Reason::CertificateRevoked,
        _ => Reason::CertificateUntrusted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{
        BasicConstraints, Certificate, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
        date_time_ymd,
    };
    use rustls::ClientConfig;
    use rustls::pki_types::ServerName;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    pub(super) struct Authority {
        pub(super) certificate: CertificateDer<'static>,
        issuer: Issuer<'static, KeyPair>,
    }

    pub(super) fn authority() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Authority {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    pub(super) fn issue(
        authority: &Authority,
        years: (i32, i32),
        usage: ExtendedKeyUsagePurpose,
    ) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".into()]).unwrap();
        params.extended_key_usages = vec![usage];
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        (params.signed_by(&key, &authority.issuer).unwrap(), key)
    }

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn each_certificate_gets_its_verdict() {
        let (ours, theirs) = (authority(), authority());
        let trust = ClientTrust::new([ours.certificate.clone()], vec![]).unwrap();
        let client = ExtendedKeyUsagePurpose::ClientAuth;
        let table = [
            (issue(&ours, (2020, 2040), client.clone()), None),
            (
                issue(&ours, (2020, 2021), client.clone()),
                Some(Reason::CertificateExpired),
            ),
            (
                issue(&ours, (2039, 2040), client.clone()),
                Some(Reason::CertificateExpired),
            ),
            (
                issue(&theirs, (2020, 2040), client),
                Some(Reason::CertificateUntrusted),
            ),
            (
                issue(&ours, (2020, 2040), ExtendedKeyUsagePurpose::ServerAuth),
                Some(Reason::CertificateUntrusted),
            ),
        ];
        for (position, ((certificate, _), expected)) in table.into_iter().enumerate() {
            let judged = trust.judge(&[certificate.der().clone()], now());
            assert_eq!(judged.refused, expected, "row {position}");
            assert!(judged.thumbprint.is_some());
        }
        assert_eq!(trust.judge(&[], now()).refused, Some(Reason::CertificateRequired));
    }

    /// Shakes hands with a client and says what the hub then knows of it.
    async fn handshake(identity: Option<(Certificate, KeyPair)>, trust: &ClientTrust) -> PeerCertificate {
        let hub = authority();
        let (certificate, key) = issue(&hub, (2020, 2040), ExtendedKeyUsagePurpose::ServerAuth);
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let server = server_config(vec![certificate.der().clone()], key, Versions::Tls13).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(hub.certificate).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(provider::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let client = match identity {
            None => client.with_no_client_auth(),
            Some((own, key)) => {
                let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
                client
                    .with_client_auth_cert(vec![own.der().clone()], key)
                    .unwrap()
            }
        };
        let (near, far) = tokio::io::duplex(16_384);
        let hub = tokio::spawn(async move {
            let mut stream = tokio_rustls::TlsAcceptor::from(Arc::new(server))
                .accept(near)
                .await
                .unwrap();
            stream.write_all(b"x").await.unwrap();
            stream.flush().await.unwrap();
            stream
                .get_ref()
                .1
                .peer_certificates()
                .unwrap_or_default()
                .to_vec()
        });
        let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = connector.connect(name, far).await.unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        trust.judge(&hub.await.unwrap(), now())
    }

    #[tokio::test]
    async fn a_handshake_succeeds_and_trust_is_judged_after_it() {
        let (ours, theirs) = (authority(), authority());
        let trust = ClientTrust::new([ours.certificate.clone()], vec![]).unwrap();
        let client = ExtendedKeyUsagePurpose::ClientAuth;
        let good = handshake(Some(issue(&ours, (2020, 2040), client.clone())), &trust).await;
        assert_eq!(good.refused, None);
        let strange = handshake(Some(issue(&theirs, (2020, 2040), client)), &trust).await;
        assert_eq!(strange.refused, Some(Reason::CertificateUntrusted));
        assert_eq!(
            handshake(None, &trust).await.refused,
            Some(Reason::CertificateRequired)
        );
    }
}
