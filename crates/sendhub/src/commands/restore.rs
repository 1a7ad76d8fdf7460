//! `sendhub restore`: a back-up put where no database is, after its files, log and keys have been judged.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use sendhub_gateway::clock::{Clock as _, SystemClock};
use sendhub_gateway::config::Config;
use sendhub_gateway::server::{log_key, master_keys};
use sendhub_ledger::checkpoint::VerifierKey;
use sendhub_store::backup::{AttachmentsKept, Logs, Manifest, Restoring, restore};
use sendhub_store::verify::{Standing, VerifyReport};
use serde_json::{Value, json};

use super::audit;
use super::backup::{embedded, own_key};
use crate::Output;

/// Restore a back-up of a hub on SQLite to where its configuration says, where no database may be. The restored logs end,
/// because entries that the back-up does not have may have been acknowledged after it: the gateway goes on with a log of
/// a new name.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The back-up.
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,
    /// The configuration, with its keys in place.
    #[arg(long, env = "SENDHUB_CONFIG", default_value = "hub.toml")]
    config: PathBuf,
    /// A file with a log's newest checkpoint that anybody outside has, out of a receipt for instance: says whether the
    /// back-up has all that it signs. Give it as often as needed.
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// The restored logs go on under their names. Only when nothing at all was acknowledged after the back-up: the hub
    /// was stopped before it was made and has not been started since.
    #[arg(long)]
    same_logs: bool,
}

impl Restore {
    pub(crate) async fn run(&self, output: Output) -> Result<ExitCode> {
        let config = Config::load(&self.config)?;
        let database = embedded(&config)?;
        nothing_listens(config.listen.address)?;
        let checkpoints = audit::read_checkpoints(&self.checkpoints)?;
        let keys = own_keys(&config)?;
        let order = Restoring {
            from: &self.from,
            database: &database,
            attachments: config.attachments.folder.as_deref(),
            master_keys: master_keys(&config)?,
            log_keys: &keys,
            checkpoints: &checkpoints,
            logs: if self.same_logs { Logs::GoOn } else { Logs::End },
            at: SystemClock.now(),
        };
        let bar = audit::spinner(output, "leaves");
        let restored = restore(order, |leaves| bar.set_position(leaves)).await;
        bar.finish_and_clear();
        let (manifest, report, standings) = restored?;
        let told = Told {
            config: &config,
            manifest: &manifest,
            report: &report,
            standings: &standings,
        };
        match output {
            Output::Json => println!("{}", told.json(self.same_logs)),
            Output::Text => self.print(&told),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn print(&self, told: &Told<'_>) {
        println!(
            "the back-up of {} from {}",
            told.manifest.hub, told.manifest.made_at
        );
        for log in &told.report.logs {
            println!("log {}: {} leaves, root {}", log.origin, log.size, log.root);
        }
        println!(
            "{} exchanges and {} deliveries; everything fits, and the keys open it",
            told.report.exchanges, told.report.deliveries
        );
        if let AttachmentsKept::Bucket(name) = &told.manifest.attachments {
            println!("attachments are in the bucket {name}, and were not restored from here");
        }
        for standing in told.standings {
            println!("{}", audit::standing_text(standing));
        }
        if self.same_logs {
            println!("its logs go on under their names");
        } else {
            println!(
                "its logs have ended: before you start it, give the gateway a new name in {} (hub.gateway, now {:?})",
                self.config.display(),
                told.config.hub.gateway
            );
        }
    }
}

struct Told<'a> {
    config: &'a Config,
    manifest: &'a Manifest,
    report: &'a VerifyReport,
    standings: &'a [Standing],
}

impl Told<'_> {
    fn json(&self, same_logs: bool) -> Value {
        let logs: Vec<Value> = self
            .report
            .logs
            .iter()
            .map(|log| json!({ "origin": log.origin, "size": log.size, "root": log.root.to_string() }))
            .collect();
        let standings: Vec<Value> = self.standings.iter().map(audit::standing_json).collect();
        json!({
            "hub": self.manifest.hub,
            "made_at": self.manifest.made_at.to_string(),
            "logs": logs,
            "exchanges": self.report.exchanges,
            "deliveries": self.report.deliveries,
            "checkpoints": standings,
            "logs_ended": !same_logs,
            "gateway": self.config.hub.gateway,
        })
    }
}

/// A hub that still runs, on a file that was taken away from under it, must not meet its own restored database.
fn nothing_listens(address: SocketAddr) -> Result<()> {
    if address.port() == 0 {
        return Ok(());
    }
    match TcpListener::bind(address) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!("something listens on {address}: stop the hub before you restore it")
        }
        // An address of another machine is for `serve` to complain of.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The public keys of the logs that this configuration signs: the gateway's and, if it has one, the command line's.
fn own_keys(config: &Config) -> Result<Vec<VerifierKey>> {
    let mut keys = vec![own_key(config)?];
    let cli = config.log.signing_key_file.with_file_name("cli.key");
    if cli.is_file() {
        let key = log_key(&format!("{}/cli", config.hub.name), &cli)?;
        keys.push(key.verifier().clone());
    }
    Ok(keys)
}
