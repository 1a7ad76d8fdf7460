//! The configuration file `hub.toml`: every setting, its default, and a check that names every fault.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::attachments::settings::AttachmentSettings;

/// The whole of `hub.toml`. Unknown keys are faults: a misspelt setting must not be silently ignored.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who this hub is.
    pub hub: Hub,
    /// Where it listens.
    #[serde(default)]
    pub listen: Listen,
    /// Its certificate and whom it trusts.
    pub tls: Tls,
    /// Which tokens it accepts.
    pub identity: Identity,
    /// Where it keeps everything.
    pub store: StoreSettings,
    /// The master keys.
    pub keys: Keys,
    /// The log's key.
    pub log: Log,
    /// The rules.
    #[serde(default)]
    pub policy: Policy,
    /// Common Transfer File profiles.
    #[serde(default)]
    pub ctf: Ctf,
    /// Bank holidays and school days.
    #[serde(default)]
    pub calendars: Calendars,
    /// Where attachments are kept and which are taken.
    #[serde(default)]
    pub attachments: AttachmentSettings,
    /// How much it takes at once.
    #[serde(default)]
    pub limits: Limits,
    /// What it says of itself.
    #[serde(default)]
    pub telemetry: Telemetry,
    /// Which groups each kind of recipient may have.
    #[serde(default)]
    pub minimisation: MinimisationSettings,
    /// A clock that is moved by hand: for rehearsals and tests only.
    pub rehearsal: Option<Rehearsal>,
}

/// Which groups of pupil information each kind of recipient may have.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MinimisationSettings {
    /// The profile; the one built in when absent.
    pub file: Option<PathBuf>,
}

/// A hub that rehearses: the law's day is the one in a file. Never for a hub that holds real records.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rehearsal {
    /// A file that holds one date, or how wrong the clock is; moved by whoever rehearses.
    pub clock_file: PathBuf,
}

/// Who this hub is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hub {
    /// The hub's name, like a domain name; the first part of its logs' origins.
    pub name: String,
    /// This gateway's name within the hub; each gateway appends to a log of its own.
    #[serde(default = "default_gateway")]
    pub gateway: String,
}

/// Where the hub listens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Address and port of the gRPC service.
    pub address: SocketAddr,
}

/// The hub's certificate and the authorities whose client certificates it trusts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The hub's certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// The authorities that issue agencies' client certificates, PEM.
    pub client_authorities: PathBuf,
    /// Certificate revocation lists, PEM, if any.
    pub revocation_lists: Option<PathBuf>,
    /// Whether TLS 1.2 is accepted beside 1.3.
    #[serde(default)]
    pub allow_tls12: bool,
    /// How long a handshake may take, in seconds.
    #[serde(default = "default_handshake_seconds")]
    pub handshake_seconds: u64,
    /// How long a connection may live before it must be made anew, in seconds.
    #[serde(default = "default_connection_age_seconds")]
    pub connection_age_seconds: u64,
}

/// Which tokens the hub accepts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The audience that every token must name.
    pub audience: String,
    /// Clock difference forgiven, in seconds.
    #[serde(default = "default_leeway_seconds")]
    pub leeway_seconds: u64,
    /// The longest a token may live, in seconds.
    #[serde(default = "default_token_seconds")]
    pub token_seconds: u64,
    /// How often keys behind an address are fetched again, in seconds.
    #[serde(default = "default_jwks_seconds")]
    pub jwks_seconds: u64,
    /// Issuers beside the agencies themselves.
    #[serde(default)]
    pub issuers: Vec<Issuer>,
}

/// An identity provider whose tokens are accepted for the people and systems of some agencies.
#[derive(Debug, Clone, Deserialize)]
pub struct Issuer {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The agencies for which it may speak; a token names one in its claim `agency`.
    pub agencies: Vec<String>,
    /// Where its keys are.
    #[serde(flatten)]
    pub jwks: JwksSource,
}

/// Where an issuer's keys are.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum JwksSource {
    /// Behind an address.
    Https {
        /// The address, `https://`.
        jwks_url: String,
        /// The authorities that the address's certificate must chain to, PEM.
        jwks_authorities: PathBuf,
    },
    /// In a file.
    File {
        /// The file; read again when it changes.
        jwks_file: PathBuf,
    },
}

/// Where the hub keeps everything.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// `sqlite://PATH`, the path relative to the configuration file; or `postgres://user@host:port/database`, with
    /// several hosts, separated by commas, when the primary may move. A password may stand in it, but is better kept
    /// in a `.pgpass` file or in `PGPASSWORD`.
    pub url: String,
    /// Connections for reading.
    #[serde(default = "default_readers")]
    pub readers: u32,
    /// PostgreSQL only: for how many seconds this gateway's log is its own without word from it. Another process
    /// with the same log takes over after so long.
    #[serde(default = "default_lease_seconds")]
    pub lease_seconds: u64,
    /// PostgreSQL only: several hosts may be named although no standby has what is acknowledged, so that the loss of
    /// the primary loses it.
    #[serde(default)]
    pub failover_may_lose: bool,
}

const fn default_lease_seconds() -> u64 {
    10
}

/// The master keys that wrap every person's data key. A key is 32 bytes, hexadecimal or base64.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// A file that holds the master key…
    pub master_key_file: Option<PathBuf>,
    /// …or the environment variable that does.
    pub master_key_env: Option<String>,
    /// Files with keys used before, still needed to open old rows.
    #[serde(default)]
    pub former_key_files: Vec<PathBuf>,
}

/// The key that signs this gateway's checkpoints.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// A file with the Ed25519 seed, 32 bytes as hexadecimal.
    pub signing_key_file: PathBuf,
}

/// The rules.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// A folder of Cedar rules; the rules built in when absent.
    pub directory: Option<PathBuf>,
}

/// Common Transfer File profiles.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ctf {
    /// A folder of version profiles; those built in when absent.
    pub directory: Option<PathBuf>,
}

/// Bank holidays and school days.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calendars {
    /// A folder with `bank_holidays_england.csv` and `school_<LAESTAB>.csv`; without one every due date
    /// that counts school days is marked as estimated.
    pub directory: Option<PathBuf>,
}

/// How much the hub takes at once. Zero switches a limit off where that is said.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest message in bytes.
    pub message_bytes: usize,
    /// Requests a second from one agency, averaged; zero for no limit.
    pub requests_per_second: u32,
    /// How many requests one agency may send at once before the average counts.
    pub burst: u32,
    /// Requests of one agency under way at once; zero for no limit.
    pub concurrent_requests: usize,
    /// Streamed replies of one agency open at once (watches, collections, downloads, streams of records); zero
    /// for no limit.
    pub agency_streams: usize,
    /// Records a second of one agency in all its streams, averaged; what comes beyond waits unread. Zero for no
    /// limit.
    pub agency_records_per_second: u32,
    /// Records of one agency under way at once in all its streams; what comes beyond waits unread. Zero for no
    /// limit beside each stream's own.
    pub agency_records: usize,
    /// Connections open at once, all agencies together.
    pub connections: usize,
    /// Changes that may wait to be written before new ones are refused, all agencies together.
    pub waiting_writes: usize,
    /// Changes of one agency that may wait to be written. Single requests beyond are refused, streams wait.
    pub agency_waiting_writes: usize,
    /// After so many seconds without reading, the reader of a streamed reply is cut off.
    pub slow_reader_seconds: u64,
    /// Refusals of unidentified callers written to the log one by one, a minute; the rest are counted.
    pub recorded_refusals_per_minute: u32,
    /// How long requests under way get to end when the hub stops, in seconds.
    pub shutdown_seconds: u64,
}

/// What the hub says of itself. Never anything personal.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// `text` for people, `json` for collectors.
    pub format: LogFormat,
    /// What to say, as `tracing` filter directives.
    pub filter: String,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 7443)),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 4 * 1024 * 1024,
            requests_per_second: 2_000,
            burst: 4_000,
            concurrent_requests: 512,
            agency_streams: 1_024,
            agency_records_per_second: 2_000,
            agency_records: 512,
            connections: 10_000,
            waiting_writes: 4_096,
            agency_waiting_writes: 1_024,
            slow_reader_seconds: 60,
            recorded_refusals_per_minute: 600,
            shutdown_seconds: 25,
        }
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".into(),
        }
    }
}

fn default_gateway() -> String {
    "g1".into()
}
const fn default_handshake_seconds() -> u64 {
    10
}
const fn default_connection_age_seconds() -> u64 {
    3_600
}
const fn default_leeway_seconds() -> u64 {
    30
}
const fn default_token_seconds() -> u64 {
    3_600
}
const fn default_jwks_seconds() -> u64 {
    300
}
const fn default_readers() -> u32 {
    4
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {reason}")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The file is not TOML, or a key is unknown, missing or of the wrong type; says line and column.
    #[error("{path}: {reason}")]
    Malformed {
        /// Which file.
        path: String,
        /// Where and why.
        reason: String,
    },
    /// Settings that are well formed and cannot work; every one is named.
    #[error("{path}: {}", .faults.join("; "))]
    Faults {
        /// Which file.
        path: String,
        /// Every fault, each naming its key.
        faults: Vec<String>,
    },
}

impl Config {
    /// Reads and checks a configuration file. Relative paths in it are relative to the file.
    ///
    /// # Errors
    /// [`ConfigError`], naming every fault at once.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
            path: shown.clone(),
            reason: error.to_string(),
        })?;
        let mut config: Self = toml::from_str(&text).map_err(|error| ConfigError::Malformed {
            path: shown.clone(),
            reason: error.to_string(),
        })?;
        config.resolve(path.parent().unwrap_or(Path::new("")));
        let faults = config.faults();
        if faults.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Faults { path: shown, faults })
        }
    }

    fn resolve(&mut self, base: &Path) {
        let mut paths: Vec<&mut PathBuf> = vec![
            &mut self.tls.certificate,
            &mut self.tls.key,
            &mut self.tls.client_authorities,
            &mut self.log.signing_key_file,
        ];
        paths.extend(&mut self.tls.revocation_lists);
        paths.extend(&mut self.keys.master_key_file);
        paths.extend(&mut self.keys.former_key_files);
        paths.extend(&mut self.policy.directory);
        paths.extend(&mut self.ctf.directory);
        paths.extend(&mut self.calendars.directory);
        paths.extend(&mut self.minimisation.file);
        paths.extend(self.rehearsal.iter_mut().map(|one| &mut one.clock_file));
        paths.extend(self.identity.issuers.iter_mut().map(|one| match &mut one.jwks {
            JwksSource::File { jwks_file } => jwks_file,
            JwksSource::Https { jwks_authorities, .. } => jwks_authorities,
        }));
        for path in paths {
            *path = base.join(&*path);
        }
        self.attachments.resolve(base);
        if let Some(file) = self.store.url.strip_prefix("sqlite://") {
            self.store.url = format!("sqlite://{}", base.join(file).display());
        }
    }

    /// The log's origin: the hub's name and this gateway's.
    #[must_use]
    pub fn log_origin(&self) -> String {
        format!("{}/{}", self.hub.name, self.hub.gateway)
    }

    /// The path of the SQLite database.
    #[must_use]
    pub fn sqlite_path(&self) -> Option<PathBuf> {
        self.store.url.strip_prefix("sqlite://").map(PathBuf::from)
    }

    /// The URL of the PostgreSQL database.
    #[must_use]
    pub fn postgres_url(&self) -> Option<&str> {
        let url = self.store.url.as_str();
        (url.starts_with("postgres://") || url.starts_with("postgresql://")).then_some(url)
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let plain = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        };
        if !plain(&self.hub.name) {
            faults.push("hub.name: letters, digits, '.', '-' and '_' only".into());
        }
        if !plain(&self.hub.gateway) {
            faults.push("hub.gateway: letters, digits, '.', '-' and '_' only".into());
        }
        if self.sqlite_path().is_none() && self.postgres_url().is_none() {
            faults.push("store.url: neither sqlite:// nor postgres://".into());
        }
        if self.store.lease_seconds == 0 {
            faults.push("store.lease_seconds: at least 1".into());
        }
        if self.keys.master_key_file.is_some() == self.keys.master_key_env.is_some() {
            faults.push("keys: give exactly one of master_key_file and master_key_env".into());
        }
        self.attachments.faults(&mut faults);
        if self.rehearsal.is_some() && !self.listen.address.ip().is_loopback() {
            faults.push(
                "rehearsal: only a hub that listens on a loopback address may rehearse; others hold real records".into(),
            );
        }
        self.missing_files(&mut faults);
        self.zero_limits(&mut faults);
        faults
    }

    fn missing_files(&self, faults: &mut Vec<String>) {
        let mut needed = vec![
            ("tls.certificate", &self.tls.certificate),
            ("tls.key", &self.tls.key),
            ("tls.client_authorities", &self.tls.client_authorities),
            ("log.signing_key_file", &self.log.signing_key_file),
        ];
        needed.extend(
            self.tls
                .revocation_lists
                .iter()
                .map(|path| ("tls.revocation_lists", path)),
        );
        needed.extend(
            self.keys
                .master_key_file
                .iter()
                .map(|path| ("keys.master_key_file", path)),
        );
        needed.extend(
            self.keys
                .former_key_files
                .iter()
                .map(|path| ("keys.former_key_files", path)),
        );
        needed.extend(
            self.policy
                .directory
                .iter()
                .map(|path| ("policy.directory", path)),
        );
        needed.extend(self.ctf.directory.iter().map(|path| ("ctf.directory", path)));
        needed.extend(
            self.calendars
                .directory
                .iter()
                .map(|path| ("calendars.directory", path)),
        );
        for one in &self.identity.issuers {
            match &one.jwks {
                JwksSource::File { jwks_file } => needed.push(("identity.issuers.jwks_file", jwks_file)),
                JwksSource::Https {
                    jwks_url,
                    jwks_authorities,
                } => {
                    needed.push(("identity.issuers.jwks_authorities", jwks_authorities));
                    if !jwks_url.starts_with("https://") {
                        faults.push("identity.issuers.jwks_url: must begin with https://".into());
                    }
                }
            }
        }
        for (key, path) in needed {
            if !path.exists() {
                faults.push(format!("{key}: there is no {}", path.display()));
            }
        }
    }

    fn zero_limits(&self, faults: &mut Vec<String>) {
        for (key, zero) in [
            ("limits.message_bytes", self.limits.message_bytes == 0),
            ("limits.connections", self.limits.connections == 0),
            ("limits.waiting_writes", self.limits.waiting_writes == 0),
            (
                "limits.agency_waiting_writes",
                self.limits.agency_waiting_writes == 0,
            ),
            ("limits.slow_reader_seconds", self.limits.slow_reader_seconds == 0),
            ("identity.token_seconds", self.identity.token_seconds == 0),
            ("store.readers", self.store.readers == 0),
            ("tls.handshake_seconds", self.tls.handshake_seconds == 0),
        ] {
            if zero {
                faults.push(format!("{key}: must not be zero"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["hub.crt", "hub.key", "clients.crt", "log.key", "master.key"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let path = folder.path().join("hub.toml");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    const GOOD: &str = r#"
        [hub]
        name = "hub.example"
        [tls]
        certificate = "hub.crt"
        key = "hub.key"
        client_authorities = "clients.crt"
        [identity]
        audience = "hub.example"
        [store]
        url = "sqlite://hub.db"
        [keys]
        master_key_file = "master.key"
        [log]
        signing_key_file = "log.key"
    "#;

    #[test]
    fn a_small_file_is_enough_and_paths_are_beside_it() {
        let (folder, path) = write(GOOD);
        let config = Config::load(&path).unwrap();
        assert_eq!(config.sqlite_path().unwrap(), folder.path().join("hub.db"));
        assert_eq!(config.tls.key, folder.path().join("hub.key"));
        assert_eq!(config.log_origin(), "hub.example/g1");
    }

    #[test]
    fn the_commented_example_is_read() {
        let text = include_str!("../../../config/hub.toml");
        let config: Config = toml::from_str(text).unwrap();
        assert!(config.limits.message_bytes > 0);
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let bad = GOOD
            .replace("hub.example\"\n        [tls]", "a b\"\n        [tls]")
            .replace("sqlite://hub.db", "mysql://x")
            .replace("hub.key", "gone.key")
            .replace("master_key_file = \"master.key\"", "");
        let (_folder, path) = write(&bad);
        let shown = Config::load(&path).unwrap_err().to_string();
        for key in ["hub.name", "store.url", "tls.key", "keys:"] {
            assert!(shown.contains(key), "{key} in {shown}");
        }
    }

    #[test]
    fn unknown_keys_are_refused_with_their_line() {
        let (_folder, path) = write(&GOOD.replace("audience", "audeince"));
        let shown = Config::load(&path).unwrap_err().to_string();
        assert!(shown.contains("audeince") && shown.contains("line 9"), "{shown}");
    }
}
