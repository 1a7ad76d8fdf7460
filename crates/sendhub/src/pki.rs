//! Certificates and keys made on the spot: for the demo, for a first hub, for tests. A region with its own
//! certificate authority uses that instead.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, string::Ia5String,
};

/// A certificate authority of the hub's own.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its private key, both PEM.
pub(crate) struct Issued {
    /// The certificate.
    pub(crate) certificate: String,
    /// The PKCS#8 key.
    pub(crate) key: String,
}

impl Authority {
    /// Makes an authority and writes its certificate and key.
    pub(crate) fn create(name: &str, certificate: &Path, key: &Path) -> Result<Self> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let params = authority(name)?;
        let own = params.self_signed(&pair)?;
        fs::write(certificate, own.pem())?;
        write_secret(key, pair.serialize_pem().as_bytes())?;
        Ok(Self {
            issuer: Issuer::new(params, pair),
        })
    }

    /// Opens an authority made before under this name: its certificate is made of name and key.
    pub(crate) fn open(name: &str, key: &Path) -> Result<Self> {
        let pair = KeyPair::from_pem(&read(key)?)?;
        Ok(Self {
            issuer: Issuer::new(authority(name)?, pair),
        })
    }

    /// Issues a server certificate for host names and addresses.
    pub(crate) fn issue_server(&self, names: &[String]) -> Result<Issued> {
        let mut params = CertificateParams::new(names.to_vec())?;
        params.distinguished_name = distinguished(names.first().map_or("hub", String::as_str));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params)
    }

    /// Issues a client certificate that names an agency.
    pub(crate) fn issue_client(&self, agency: &str) -> Result<Issued> {
        let mut params = named(agency)?;
        let name = Ia5String::try_from(format!("urn:sendhub:agency:{agency}"))?;
        params.subject_alt_names = vec![SanType::URI(name)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params)
    }

    fn issue(&self, mut params: CertificateParams) -> Result<Issued> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&pair, &self.issuer)?;
        Ok(Issued {
            certificate: certificate.pem(),
            key: pair.serialize_pem(),
        })
    }
}

fn authority(name: &str) -> Result<CertificateParams> {
    let mut params = named(name)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn named(name: &str) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name = distinguished(name);
    Ok(params)
}

fn distinguished(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::OrganizationName, "SEND Hub");
    names.push(DnType::CommonName, name);
    names
}

/// A key pair for tokens (ES256): the private key as PKCS#8 PEM and the public key as PEM.
pub(crate) fn token_key() -> Result<(String, String)> {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    Ok((pair.serialize_pem(), pair.public_key_pem()))
}

/// 32 random bytes in hexadecimal: a master key or a log key's seed.
pub(crate) fn random_hex() -> Result<String> {
    let mut bytes = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("the system's random source failed"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes a file that only its owner can read.
pub(crate) fn write_secret(path: &Path, content: &[u8]) -> Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(content)?;
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
