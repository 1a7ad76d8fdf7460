//! `sendhub audit`: proves a database against its log, offline and without any secret.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use sendhub_ledger::checkpoint::VerifierKey;
use sendhub_store::verify::verify_sqlite;
use serde_json::{Value, json};

use crate::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Verify every leaf, checkpoint, payload and delivery of a database. Ends with 0 when all fit and with 1
    /// when something was changed, naming the first leaf that does not fit.
    Verify {
        /// The SQLite file.
        database: PathBuf,
        /// A log's public key in the C2SP form `name+id+key`, as you got it from elsewhere. Without one the key
        /// that the database itself names is used: that proves that it is consistent, not that it is the same
        /// log as before.
        #[arg(long = "key")]
        keys: Vec<String>,
    },
}

pub(crate) async fn run(command: &Command, output: Output) -> Result<ExitCode> {
    let Command::Verify { database, keys } = command;
    ensure!(database.is_file(), "there is no file {}", database.display());
    let keys = keys
        .iter()
        .map(|key| VerifierKey::parse(key).context("--key is not of the form name+id+key"))
        .collect::<Result<Vec<_>>>()?;
    let bar = if output == Output::Text {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::hidden()
    };
    bar.set_style(
        ProgressStyle::with_template("{spinner} {pos} leaves")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    let report = verify_sqlite(database, &keys, |leaves| bar.set_position(leaves)).await?;
    bar.finish_and_clear();
    match output {
        Output::Json => {
            let logs: Vec<Value> = report
                .logs
                .iter()
                .map(|log| {
                    json!({
                        "origin": log.origin,
                        "size": log.size,
                        "root": log.root.to_string(),
                        "checkpoints": log.checkpoints,
                    })
                })
                .collect();
            println!(
                "{}",
                json!({
                    "logs": logs,
                    "exchanges": report.exchanges,
                    "deliveries": report.deliveries,
                    "fault_count": report.fault_count,
                    "faults": report.faults,
                })
            );
        }
        Output::Text => {
            for log in &report.logs {
                println!(
                    "log {}: {} leaves, {} checkpoints, root {}",
                    log.origin, log.size, log.checkpoints, log.root
                );
            }
            println!(
                "{} exchanges and {} deliveries looked at",
                report.exchanges, report.deliveries
            );
            for fault in &report.faults {
                println!("fault: {fault}");
            }
            if report.fault_count == 0 {
                println!("everything fits");
            } else {
                println!("{} faults", report.fault_count);
            }
        }
    }
    Ok(if report.fault_count == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
