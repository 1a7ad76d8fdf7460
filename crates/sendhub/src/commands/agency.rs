//! `sendhub agency`: who takes part. Works on the hub's store, also while the hub runs: it follows within a second.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use sendhub_domain::agency::{
    Agency, AgencyCertificate, AgencyIdentifiers, AgencyKind, AgencyStatus, SigningKey, TokenAlgorithm,
};
use sendhub_domain::identifiers::{IdentifierError, LaCode, LaEstab, OdsCode, Ukprn, Urn};
use sendhub_gateway::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::Output;
use crate::site::{Site, new_agency, register_certificate, register_key};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add an agency, with certificate and token key issued by the hub's own authority (`--out`) or its own
    /// (`--certificate`, `--token-key`).
    Add(Add),
    /// List the agencies.
    List {
        /// The hub's configuration.
        #[arg(long, env = "SENDHUB_CONFIG", default_value = "hub.toml")]
        config: PathBuf,
    },
    /// Give an agency a new certificate and token key. The old ones go on working until `--revoke-old`.
    Rotate(Rotate),
    /// Shut an agency out, or let it in again. What waits for it stays.
    Suspend {
        /// The hub's configuration.
        #[arg(long, env = "SENDHUB_CONFIG", default_value = "hub.toml")]
        config: PathBuf,
        /// Which agency.
        id: String,
        /// Let it in again.
        #[arg(long)]
        lift: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The hub's configuration.
    #[arg(long, env = "SENDHUB_CONFIG", default_value = "hub.toml")]
    config: PathBuf,
    /// The hub's name for it: 3 to 64 of a-z, 0-9 and '-'.
    #[arg(long)]
    id: String,
    /// What it is, for instance MAINTAINED_SCHOOL, ACADEMY, LOCAL_AUTHORITY, HEALTH_BODY.
    #[arg(long)]
    kind: String,
    /// Its official name.
    #[arg(long)]
    name: String,
    /// Unique reference number of a school.
    #[arg(long)]
    urn: Option<String>,
    /// DfE number of a school, 7 digits.
    #[arg(long)]
    laestab: Option<String>,
    /// Code of a local authority, 3 digits.
    #[arg(long)]
    la_code: Option<String>,
    /// NHS organisation code.
    #[arg(long)]
    ods_code: Option<String>,
    /// UK provider reference number.
    #[arg(long)]
    ukprn: Option<String>,
    #[command(flatten)]
    keys: Keys,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// The hub's configuration.
    #[arg(long, env = "SENDHUB_CONFIG", default_value = "hub.toml")]
    config: PathBuf,
    /// Which agency.
    id: String,
    /// Revoke what it had before, at once.
    #[arg(long)]
    revoke_old: bool,
    #[command(flatten)]
    keys: Keys,
}

/// Where an agency's certificate and key come from.
#[derive(Debug, Args)]
pub(crate) struct Keys {
    /// Issue both and write them, with a client.toml, into this folder.
    #[arg(long, conflicts_with_all = ["certificate", "token_key"])]
    out: Option<PathBuf>,
    /// The agency's own certificate, PEM.
    #[arg(long, requires = "token_key")]
    certificate: Option<PathBuf>,
    /// The agency's own public token key, PEM.
    #[arg(long, requires = "certificate")]
    token_key: Option<PathBuf>,
    /// The token key's algorithm.
    #[arg(long, default_value = "ES256")]
    algorithm: String,
    /// The token key's name; counted on from k1 when absent.
    #[arg(long)]
    key_id: Option<String>,
    /// The role in the client.toml that is written.
    #[arg(long)]
    role: Option<String>,
    /// The hub's address in the client.toml that is written.
    #[arg(long)]
    hub: Option<String>,
}

pub(crate) async fn run(command: &Command, output: Output) -> Result<ExitCode> {
    match command {
        Command::Add(add) => add.run(output).await,
        Command::List { config } => list(config, output).await,
        Command::Rotate(rotate) => rotate.run(output).await,
        Command::Suspend { config, id, lift } => suspend(config, id, *lift, output).await,
    }
}

/// Every wrong identifier, named at once.
struct Faults(Vec<String>);

impl Faults {
    fn read<T>(
        &mut self,
        option: &str,
        text: Option<&String>,
        parse: impl Fn(&str) -> Result<T, IdentifierError>,
    ) -> Option<T> {
        let text = text?;
        parse(text)
            .map_err(|error| self.0.push(format!("--{option}: {error} ({})", error.reason())))
            .ok()
    }
}

impl Add {
    async fn run(&self, output: Output) -> Result<ExitCode> {
        let mut faults = Faults(Vec::new());
        let kind = AgencyKind::from_code(&self.kind);
        if kind.is_none() {
            let all: Vec<_> = AgencyKind::ALL.iter().map(|kind| kind.code()).collect();
            faults.0.push(format!("--kind: one of {}", all.join(", ")));
        }
        let identifiers = AgencyIdentifiers {
            urn: faults.read("urn", self.urn.as_ref(), Urn::parse),
            laestab: faults.read("laestab", self.laestab.as_ref(), LaEstab::parse),
            la_code: faults.read("la-code", self.la_code.as_ref(), LaCode::parse),
            ods_code: faults.read("ods-code", self.ods_code.as_ref(), OdsCode::parse),
            ukprn: faults.read("ukprn", self.ukprn.as_ref(), Ukprn::parse),
        };
        let (Some(kind), true) = (kind, faults.0.is_empty()) else {
            bail!("{}", faults.0.join("\n"));
        };
        let mut agency = new_agency(&self.id, kind, &self.name, identifiers)?;
        let site = Site::open(&self.config).await?;
        self.keys.give(&site, &mut agency)?;
        site.put(agency, 0, "sendhub agency add").await?;
        let stored = site.agency(&self.id).await?;
        site.close().await?;
        print(&stored, output);
        Ok(ExitCode::SUCCESS)
    }
}

impl Rotate {
    async fn run(&self, output: Output) -> Result<ExitCode> {
        let site = Site::open(&self.config).await?;
        let mut agency = site.agency(&self.id).await?;
        let before = agency.revision;
        let now = SystemClock.now();
        if self.revoke_old {
            for one in &mut agency.certificates {
                one.revoked_at.get_or_insert(now);
            }
            for key in &mut agency.signing_keys {
                key.revoked_at.get_or_insert(now);
            }
        }
        self.keys.give(&site, &mut agency)?;
        agency.revision += 1;
        site.put(agency, before, "sendhub agency rotate").await?;
        let stored = site.agency(&self.id).await?;
        site.close().await?;
        print(&stored, output);
        Ok(ExitCode::SUCCESS)
    }
}

impl Keys {
    fn give(&self, site: &Site, agency: &mut Agency) -> Result<()> {
        let key_id = self
            .key_id
            .clone()
            .unwrap_or_else(|| format!("k{}", agency.signing_keys.len() + 1));
        if agency.signing_keys.iter().any(|key| key.key_id == key_id) {
            bail!("--key-id: {key_id} is or was a key of this agency");
        }
        match (&self.out, &self.certificate, &self.token_key) {
            (Some(out), ..) => {
                let hub = self
                    .hub
                    .clone()
                    .unwrap_or_else(|| format!("https://localhost:{}", site.config.listen.address.port()));
                let role = self.role.as_deref().unwrap_or_else(|| usual_role(agency.kind));
                site.issue(agency, out, &hub, role, Some(key_id))
            }
            (None, Some(certificate), Some(key)) => {
                let algorithm = TokenAlgorithm::from_code(&self.algorithm)
                    .context("--algorithm: one of ES256, EdDSA, PS256")?;
                let now = SystemClock.now();
                register_certificate(agency, &read(certificate)?, "the agency's own", now)?;
                register_key(agency, &key_id, algorithm, &read(key)?, now)
            }
            _ => bail!("give --out FOLDER, or --certificate FILE with --token-key FILE"),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The role of an agency's own system.
pub(crate) const fn usual_role(kind: AgencyKind) -> &'static str {
    match kind {
        AgencyKind::LocalAuthority => "la-system",
        AgencyKind::HealthBody => "health-system",
        AgencyKind::HubOperator => "operator",
        AgencyKind::MinistryOfDefence => "mod-system",
        _ => "mis-system",
    }
}

async fn list(config: &Path, output: Output) -> Result<ExitCode> {
    let site = Site::open(config).await?;
    let all = site.directory().await?.all();
    site.close().await?;
    if output == Output::Json {
        let all: Vec<Value> = all.iter().map(|agency| as_json(agency)).collect();
        println!("{}", Value::from(all));
    } else {
        for agency in all {
            println!(
                "{:<24} {:<20} {:<10} {}",
                agency.id.as_str(),
                agency.kind.code(),
                agency.status.code(),
                agency.name
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn suspend(config: &Path, id: &str, lift: bool, output: Output) -> Result<ExitCode> {
    let site = Site::open(config).await?;
    let mut agency = site.agency(id).await?;
    let before = agency.revision;
    agency.status = if lift {
        AgencyStatus::Active
    } else {
        AgencyStatus::Suspended
    };
    agency.revision += 1;
    site.put(agency, before, "sendhub agency suspend").await?;
    let stored = site.agency(id).await?;
    site.close().await?;
    print(&stored, output);
    Ok(ExitCode::SUCCESS)
}

fn print(agency: &Agency, output: Output) {
    match output {
        Output::Json => println!("{}", as_json(agency)),
        Output::Text => println!(
            "{}: {} {}, revision {}",
            agency.id, agency.kind, agency.status, agency.revision
        ),
    }
}

fn as_json(agency: &Agency) -> Value {
    let known = &agency.identifiers;
    json!({
        "id": agency.id.as_str(),
        "kind": agency.kind.code(),
        "name": agency.name,
        "status": agency.status.code(),
        "revision": agency.revision,
        "urn": known.urn.as_ref().map(ToString::to_string),
        "laestab": known.laestab.as_ref().map(ToString::to_string),
        "la_code": known.la_code.as_ref().map(ToString::to_string),
        "ods_code": known.ods_code.as_ref().map(ToString::to_string),
        "ukprn": known.ukprn.as_ref().map(ToString::to_string),
        "certificates": agency.certificates.iter().map(certificate).collect::<Vec<_>>(),
        "signing_keys": agency.signing_keys.iter().map(key).collect::<Vec<_>>(),
    })
}

fn certificate(one: &AgencyCertificate) -> Value {
    json!({ "thumbprint": one.thumbprint.to_string(), "revoked": one.revoked_at.is_some() })
}

fn key(key: &SigningKey) -> Value {
    json!({ "key_id": key.key_id, "algorithm": key.algorithm.code(), "revoked": key.revoked_at.is_some() })
}
