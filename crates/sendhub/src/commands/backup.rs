//! `sendhub backup`: one verified copy of a hub on SQLite, made while it runs, without the keys that open it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use sendhub_gateway::attachments::sealed_bytes;
use sendhub_gateway::clock::{Clock as _, SystemClock};
use sendhub_gateway::config::Config;
use sendhub_gateway::server::log_key;
use sendhub_ledger::checkpoint::VerifierKey;
use sendhub_store::backup::{Attachments, AttachmentsKept, Manifest, Order, back_up};
use serde_json::json;

use super::audit;
use crate::Output;

/// Back up a hub on SQLite while it runs: its database as of one moment, verified against its log, and the attachments
/// that it names. Keys are left out: it says which files to keep elsewhere.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The configuration.
    #[arg(long, env = "SENDHUB_CONFIG", default_value = "hub.toml")]
    config: PathBuf,
    /// The folder to make; must not be there yet. It gets its name when the back-up is whole.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
}

impl Backup {
    pub(crate) async fn run(&self, output: Output) -> Result<ExitCode> {
        let config = Config::load(&self.config)?;
        let database = embedded(&config)?;
        let keys = [own_key(&config)?];
        let order = Order {
            hub: &config.hub.name,
            database: &database,
            attachments: attachments(&config)?,
            to: &self.to,
            keys: &keys,
            at: SystemClock.now(),
        };
        let bar = audit::spinner(output, "leaves");
        let made = back_up(&order, |leaves| bar.set_position(leaves)).await;
        bar.finish_and_clear();
        self.print(&made?, &kept_apart(&config, &self.config), output)?;
        Ok(ExitCode::SUCCESS)
    }

    fn print(&self, made: &Manifest, apart: &[(&'static str, String)], output: Output) -> Result<()> {
        if output == Output::Json {
            let apart: Vec<_> = apart
                .iter()
                .map(|(what, place)| json!({ "what": what, "place": place }))
                .collect();
            let told = json!({
                "backup": self.to.display().to_string(),
                "manifest": serde_json::to_value(made)?,
                "keep_elsewhere": apart,
            });
            println!("{told}");
            return Ok(());
        }
        for log in &made.logs {
            println!("log {}: {} leaves, root {}", log.origin, log.size, log.root);
        }
        println!(
            "{} exchanges and {} deliveries; everything fits",
            made.exchanges, made.deliveries
        );
        println!(
            "{} files, {} bytes, in {}",
            made.file_count,
            made.bytes(),
            self.to.display()
        );
        if let AttachmentsKept::Bucket(name) = &made.attachments {
            println!("attachments are in the bucket {name}: back it up with its own means");
        }
        println!("\nnot in it, and needed to go on from it; keep these elsewhere:");
        for (what, place) in apart {
            println!("  {what}: {place}");
        }
        println!(
            "without the master key {} nobody can read what is sealed in it",
            made.master_keys.join(", ")
        );
        Ok(())
    }
}

/// The embedded database of a configuration.
pub(crate) fn embedded(config: &Config) -> Result<PathBuf> {
    let Some(path) = config.sqlite_path() else {
        bail!(
            "this hub's records are in PostgreSQL: back it up and restore it with PostgreSQL's own means, as \
             docs/OPERATOR.md says under \"Back up and restore PostgreSQL\""
        );
    };
    Ok(path)
}

/// The public key of the gateway's own log.
pub(crate) fn own_key(config: &Config) -> Result<VerifierKey> {
    let key = log_key(&config.log_origin(), &config.log.signing_key_file)?;
    Ok(key.verifier().clone())
}

fn attachments(config: &Config) -> Result<Attachments> {
    match (&config.attachments.s3, &config.attachments.folder) {
        (Some(s3), _) => Ok(Attachments::Bucket(s3.bucket.clone())),
        (None, Some(path)) => Ok(Attachments::Folder {
            path: path.clone(),
            sealed_length: sealed_bytes,
        }),
        (None, None) => bail!("attachments: neither a folder nor a bucket is named"),
    }
}

/// What a hub needs besides its database and attachments: keys beside what they open would seal nothing.
pub(crate) fn kept_apart(config: &Config, file: &Path) -> Vec<(&'static str, String)> {
    let mut apart = vec![("configuration", file.display().to_string())];
    let mut add = |what, path: &Path| apart.push((what, path.display().to_string()));
    if let Some(path) = &config.keys.master_key_file {
        add("master key", path);
    }
    for path in &config.keys.former_key_files {
        add("former master key", path);
    }
    let signing = &config.log.signing_key_file;
    add("signing key of the gateway's log", signing);
    add(
        "signing key of the command line's log",
        &signing.with_file_name("cli.key"),
    );
    add("TLS certificate", &config.tls.certificate);
    add("TLS key", &config.tls.key);
    add(
        "authorities of agencies' certificates",
        &config.tls.client_authorities,
    );
    // Only a hub that issues certificates itself has these.
    let issuing = file.parent().unwrap_or(Path::new("")).join("tls");
    for (what, name) in [
        ("key that issues agencies' certificates", "clients.key"),
        ("authority of the hub's own certificate", "hub-authority.crt"),
        ("key that issues the hub's own certificate", "hub-authority.key"),
    ] {
        let path = issuing.join(name);
        if path.is_file() {
            add(what, &path);
        }
    }
    for (what, path) in [
        ("rules", &config.policy.directory),
        ("profiles of files", &config.ctf.directory),
        ("calendars", &config.calendars.directory),
        ("minimisation", &config.minimisation.file),
        ("revocation lists", &config.tls.revocation_lists),
    ] {
        if let Some(path) = path {
            add(what, path);
        }
    }
    if let Some(name) = &config.keys.master_key_env {
        apart.push(("master key, in the environment variable", name.clone()));
    }
    apart
}
