//! A hub's folder on disk: made new with its own authority and keys, and opened again by the commands that
//! administer it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sendhub_domain::agency::{
    Agency, AgencyCertificate, AgencyId, AgencyIdentifiers, AgencyKind, AgencyStatus, SigningKey,
    TokenAlgorithm,
};
use sendhub_domain::agreement::Agreement;
use sendhub_domain::event::{Actor, AuditEvent, EventKind, EventOutcome};
use sendhub_gateway::clock::{Clock as _, SystemClock};
use sendhub_gateway::config::Config;
use sendhub_gateway::server::{ServeError, log_key, open_store};
use sendhub_gateway::tls::thumbprint;
use sendhub_store::{Change, Directory, Effect, LogEntry, Store, StoreError};

use crate::pki::{self, Authority};

/// The name under which the first token key of an agency is registered.
const FIRST_KEY: &str = "k1";

/// What a new hub is called and where it listens.
#[derive(Debug, Clone)]
pub(crate) struct NewHub {
    pub(crate) name: String,
    pub(crate) listen: SocketAddr,
    /// Names and addresses in the hub's certificate.
    pub(crate) hosts: Vec<String>,
    /// The database's URL; the embedded one when absent.
    pub(crate) store: Option<String>,
}

/// Makes a folder with configuration, certificate authority, keys and nothing else.
pub(crate) fn create(folder: &Path, hub: &NewHub) -> Result<PathBuf> {
    let config = folder.join("hub.toml");
    ensure!(!config.exists(), "{} is there already", config.display());
    for part in ["tls", "keys", "data"] {
        let part = folder.join(part);
        fs::create_dir_all(&part).with_context(|| format!("cannot make {}", part.display()))?;
    }
    let tls = folder.join("tls");
    let servers = Authority::create(
        &format!("{} servers", hub.name),
        &tls.join("hub-authority.crt"),
        &tls.join("hub-authority.key"),
    )?;
    Authority::create(
        &agencies(&hub.name),
        &tls.join("clients.crt"),
        &tls.join("clients.key"),
    )?;
    let own = servers.issue_server(&hub.hosts)?;
    fs::write(tls.join("hub.crt"), own.certificate)?;
    pki::write_secret(&tls.join("hub.key"), own.key.as_bytes())?;
    for key in ["master.key", "log.key", "cli.key"] {
        pki::write_secret(&folder.join("keys").join(key), pki::random_hex()?.as_bytes())?;
    }
    let template = include_str!("../../../config/hub.toml");
    let embedded = "url = \"sqlite://data/hub.db\"";
    let store = hub
        .store
        .as_ref()
        .map(|url| format!("url = {}", serde_json::Value::from(url.as_str())));
    let text = template
        .replace(embedded, store.as_deref().unwrap_or(embedded))
        .replace("name = \"sendhub.example\"", &format!("name = \"{}\"", hub.name))
        .replace(
            "audience = \"sendhub.example\"",
            &format!("audience = \"{}\"", hub.name),
        )
        .replace(
            "address = \"127.0.0.1:7443\"",
            &format!("address = \"{}\"", hub.listen),
        );
    fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
    Ok(config)
}

/// Who acts when the command line writes.
fn command_line() -> Actor {
    Actor {
        agency: None,
        subject: Some("command-line".into()),
        role: Some("operator".into()),
        certificate: None,
        token_id: None,
    }
}

/// The name of the authority that issues agencies' certificates.
fn agencies(hub: &str) -> String {
    format!("{hub} agencies")
}

/// A hub's folder, opened to administer it. The command line appends to a log of its own, so it works while the
/// hub runs.
pub(crate) struct Site {
    pub(crate) config: Config,
    pub(crate) folder: PathBuf,
    store: Arc<dyn Store>,
    origin: String,
}

impl Site {
    /// Opens the folder of a configuration.
    pub(crate) async fn open(path: &Path) -> Result<Self> {
        let config = Config::load(path)?;
        let key = config.log.signing_key_file.with_file_name("cli.key");
        if !key.exists() {
            pki::write_secret(&key, pki::random_hex()?.as_bytes())?;
        }
        let (store, origin) = open_own_log(&config, &key).await?;
        Ok(Self {
            config,
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
            store,
            origin,
        })
    }

    pub(crate) async fn directory(&self) -> Result<Directory> {
        Ok(self.store.directory().await?)
    }

    /// The agency of an id.
    pub(crate) async fn agency(&self, id: &str) -> Result<Agency> {
        let directory = self.directory().await?;
        let found = directory.agency(&AgencyId::parse(id)?).cloned();
        let Some(found) = found else {
            bail!("there is no agency {id} in the directory");
        };
        Ok(Agency::clone(&found))
    }

    /// Writes an agency's entry with its leaf.
    pub(crate) async fn put(&self, agency: Agency, expected_revision: u64, done: &'static str) -> Result<()> {
        let mut event = AuditEvent::new(
            EventKind::DirectoryChanged,
            EventOutcome::Success,
            SystemClock.now(),
            done,
        );
        event.actor = Some(command_line());
        event.recipients = vec![agency.id.clone()];
        event.facts.push(("status", agency.status.code().into()));
        event.facts.push(("revision", agency.revision.to_string()));
        let effect = Effect::PutAgency {
            agency: Box::new(agency),
            expected_revision,
        };
        self.write(&event, effect).await
    }

    /// Writes a sharing agreement with its leaf; it replaces the revision that it carries.
    pub(crate) async fn put_agreement(&self, agreement: Agreement, done: &'static str) -> Result<()> {
        let mut event = AuditEvent::new(
            EventKind::DirectoryChanged,
            EventOutcome::Success,
            SystemClock.now(),
            done,
        );
        event.actor = Some(command_line());
        event.recipients.clone_from(&agreement.parties);
        event.facts.push(("agreement", agreement.id.to_string()));
        let expected_revision = agreement.revision;
        let effect = Effect::PutAgreement {
            agreement: Box::new(Agreement {
                revision: expected_revision + 1,
                ..agreement
            }),
            expected_revision,
        };
        self.write(&event, effect).await
    }

    async fn write(&self, event: &AuditEvent, effect: Effect) -> Result<()> {
        let change = Change {
            entry: LogEntry::encode(event),
            effects: vec![effect],
        };
        for result in self.store.commit(vec![change]).await? {
            result.with_context(|| format!("nothing was written to {}", self.origin))?;
        }
        Ok(())
    }

    /// Issues a certificate and a token key from the hub's own authority, writes them with a `client.toml` into a
    /// folder, and registers them with the agency.
    pub(crate) fn issue(
        &self,
        agency: &mut Agency,
        out: &Path,
        hub: &str,
        role: &str,
        key_id: Option<String>,
    ) -> Result<()> {
        let tls = self.folder.join("tls");
        let authority = Authority::open(&agencies(&self.config.hub.name), &tls.join("clients.key"))
            .context("this hub has no authority of its own: give --certificate and --token-key instead")?;
        fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
        let issued = authority.issue_client(agency.id.as_str())?;
        let (token, public) = pki::token_key()?;
        let key_id = key_id.unwrap_or_else(|| FIRST_KEY.to_owned());
        fs::write(out.join("client.crt"), &issued.certificate)?;
        pki::write_secret(&out.join("client.key"), issued.key.as_bytes())?;
        pki::write_secret(&out.join("token.key"), token.as_bytes())?;
        fs::copy(tls.join("hub-authority.crt"), out.join("hub-authority.crt"))?;
        let profile = format!(
            "# How {id} reaches the hub. Keep the keys beside it secret.\nagency = \"{id}\"\nhub = \"{hub}\"\n\
             hub_authority = \"hub-authority.crt\"\ncertificate = \"client.crt\"\nkey = \"client.key\"\n\n[token]\n\
             key = \"token.key\"\nkey_id = \"{key_id}\"\nalgorithm = \"ES256\"\naudience = \"{audience}\"\n\
             subject = \"system:{id}\"\nrole = \"{role}\"\n",
            id = agency.id,
            audience = self.config.identity.audience,
        );
        fs::write(out.join("client.toml"), profile)?;
        let now = SystemClock.now();
        register_certificate(agency, issued.certificate.as_bytes(), "issued by the hub", now)?;
        register_key(agency, &key_id, TokenAlgorithm::Es256, public.as_bytes(), now)
    }

    pub(crate) async fn close(self) -> Result<()> {
        Ok(self.store.close().await?)
    }
}

/// Opens the store with the command line's log: `cli`, or the next of that name when it has ended with a restore.
async fn open_own_log(config: &Config, key: &Path) -> Result<(Arc<dyn Store>, String)> {
    let mut number = 1_u32;
    loop {
        let origin = match number {
            1 => format!("{}/cli", config.hub.name),
            further => format!("{}/cli-{further}", config.hub.name),
        };
        match open_store(config, log_key(&origin, key)?).await {
            Ok(store) => return Ok((store, origin)),
            Err(ServeError::Store(StoreError::LogEnded(_))) => number += 1,
            Err(failure) => return Err(failure.into()),
        }
    }
}

/// An agency without certificates or keys, at its first revision.
pub(crate) fn new_agency(
    id: &str,
    kind: AgencyKind,
    name: &str,
    identifiers: AgencyIdentifiers,
) -> Result<Agency> {
    Ok(Agency {
        id: AgencyId::parse(id)?,
        kind,
        name: name.to_owned(),
        status: AgencyStatus::Active,
        identifiers,
        contacts: Vec::new(),
        certificates: Vec::new(),
        signing_keys: Vec::new(),
        revision: 1,
    })
}

/// Registers the first certificate of a PEM file.
pub(crate) fn register_certificate(
    agency: &mut Agency,
    pem: &[u8],
    label: &str,
    now: Timestamp,
) -> Result<()> {
    let certificate = CertificateDer::from_pem_slice(pem).context("there is no PEM certificate")?;
    agency.certificates.push(AgencyCertificate {
        thumbprint: thumbprint(&certificate),
        label: label.to_owned(),
        added_at: now,
        revoked_at: None,
    });
    Ok(())
}

/// Registers a public key of a PEM file.
pub(crate) fn register_key(
    agency: &mut Agency,
    key_id: &str,
    algorithm: TokenAlgorithm,
    pem: &[u8],
    now: Timestamp,
) -> Result<()> {
    let key = rustls::pki_types::SubjectPublicKeyInfoDer::from_pem_slice(pem)
        .context("there is no PEM public key (\"BEGIN PUBLIC KEY\")")?;
    agency.signing_keys.push(SigningKey {
        key_id: key_id.to_owned(),
        algorithm,
        public_key_der: key.to_vec(),
        added_at: now,
        revoked_at: None,
    });
    Ok(())
}
