//! `sendhub audit`: proves a database against its log, offline and without any secret.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use sendhub_ledger::checkpoint::VerifierKey;
use sendhub_store::verify::{
    Standing, VerifiedLog, VerifyReport, export_postgres, export_sqlite, standing_postgres, standing_sqlite,
    verify_export, verify_postgres, verify_sqlite,
};
use serde_json::{Value, json};

use crate::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Verify every leaf, checkpoint, payload and delivery of a database, or every leaf and checkpoint of an
    /// exported log. Ends with 0 when all fit and with 1 when something was changed, naming the first leaf that
    /// does not fit.
    Verify {
        /// The SQLite file, the URL of a PostgreSQL database (`postgres://…`), or an exported log (`.jsonl`).
        database: String,
        /// A log's public key in the C2SP form `name+id+key`, as you got it from elsewhere. Without one the key
        /// that the database itself names is used: that proves that it is consistent, not that it is the same
        /// log as before.
        #[arg(long = "key")]
        keys: Vec<String>,
        /// A file with a checkpoint that somebody outside has, out of a receipt for instance: the log must begin with
        /// what it signs. The newest that anybody has tells whether a restored database lost something. Give it as
        /// often as needed; not for an exported log.
        #[arg(long = "checkpoint", value_name = "FILE")]
        checkpoints: Vec<PathBuf>,
    },
    /// Write one log as lines of JSON, each leaf exactly as it was hashed, with its checkpoints.
    Export {
        /// The SQLite file, or the URL of a PostgreSQL database.
        database: String,
        /// The log's origin, as `audit verify` names it.
        #[arg(long)]
        log: String,
        /// The file to write; must not be there yet.
        #[arg(long)]
        out: PathBuf,
    },
}

pub(crate) async fn run(command: &Command, output: Output) -> Result<ExitCode> {
    match command {
        Command::Verify {
            database,
            keys,
            checkpoints,
        } => verify(database, keys, checkpoints, output).await,
        Command::Export { database, log, out } => export(database, log, out, output).await,
    }
}

/// The file that is meant, which must be there; `None` for the URL of a PostgreSQL database.
fn file_of(database: &str) -> Result<Option<&Path>> {
    if database.starts_with("postgres://") || database.starts_with("postgresql://") {
        return Ok(None);
    }
    let path = Path::new(database);
    ensure!(path.is_file(), "there is no file {database}");
    Ok(Some(path))
}

async fn export(database: &str, log: &str, out: &Path, output: Output) -> Result<ExitCode> {
    let path = file_of(database)?;
    let file = File::create_new(out).with_context(|| format!("cannot write {}", out.display()))?;
    let mut writer = BufWriter::new(file);
    let written = match path {
        Some(path) => export_sqlite(path, log, &mut writer).await?,
        None => export_postgres(database, log, &mut writer).await?,
    };
    writer.flush()?;
    let Some(leaves) = written else {
        std::fs::remove_file(out)?;
        bail!("the database has no log {log}");
    };
    match output {
        Output::Json => println!("{}", json!({ "log": log, "leaves": leaves })),
        Output::Text => println!("{leaves} leaves of {log} written to {}", out.display()),
    }
    Ok(ExitCode::SUCCESS)
}

async fn verify(
    database: &str,
    keys: &[String],
    checkpoints: &[PathBuf],
    output: Output,
) -> Result<ExitCode> {
    let path = file_of(database)?;
    let checkpoints = read_checkpoints(checkpoints)?;
    let exported = path.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    ensure!(
        exported.is_none() || checkpoints.is_empty(),
        "--checkpoint: for a database, not for an exported log"
    );
    let keys = parse_keys(keys)?;
    let bar = spinner(output, "leaves");
    let seen = |leaves| bar.set_position(leaves);
    let report = match path {
        None => verify_postgres(database, &keys, seen).await?,
        Some(path) if exported.is_some() => verify_export(BufReader::new(File::open(path)?), &keys, seen)?,
        Some(path) => verify_sqlite(path, &keys, seen).await?,
    };
    let mut standings = Vec::new();
    for note in &checkpoints {
        standings.push(match path {
            None => standing_postgres(database, &keys, note).await?,
            Some(path) => standing_sqlite(path, &keys, note).await?,
        });
    }
    bar.finish_and_clear();
    print_report(&report, &standings, output);
    let within = |one: &Standing| matches!(one, Standing::Within { .. });
    Ok(if report.fault_count == 0 && standings.iter().all(within) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Logs' public keys as they are given on the command line.
pub(crate) fn parse_keys(keys: &[String]) -> Result<Vec<VerifierKey>> {
    keys.iter()
        .map(|key| VerifierKey::parse(key).context("--key is not of the form name+id+key"))
        .collect()
}

/// Says how far it has got, to people.
pub(crate) fn spinner(output: Output, what: &str) -> ProgressBar {
    let bar = if output == Output::Text {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::hidden()
    };
    bar.set_style(
        ProgressStyle::with_template(&format!("{{spinner}} {{pos}} {what}"))
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar
}

/// Reads checkpoints, each in a file of its own.
pub(crate) fn read_checkpoints(paths: &[PathBuf]) -> Result<Vec<String>> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    paths.iter().map(read).collect()
}

/// Where a checkpoint stands, for people.
pub(crate) fn standing_text(standing: &Standing) -> String {
    match standing {
        Standing::Within { origin, signed, size } => format!(
            "checkpoint of {origin} from elsewhere: it signs {signed} entries, all of them among the {size} here"
        ),
        Standing::Beyond { origin, signed, size } => format!(
            "LOST: the checkpoint of {origin} from elsewhere signs {signed} entries, and {size} are here: what {} \
             entries recorded was acknowledged and is gone",
            signed - size
        ),
        Standing::Foreign { origin, reason } => {
            format!("fault: the checkpoint of {origin} from elsewhere does not fit: {reason}")
        }
    }
}

/// Where a checkpoint stands, for scripts.
pub(crate) fn standing_json(standing: &Standing) -> Value {
    match standing {
        Standing::Within { origin, signed, size } => {
            json!({ "origin": origin, "signed": signed, "size": size, "lost": 0 })
        }
        Standing::Beyond { origin, signed, size } => {
            json!({ "origin": origin, "signed": signed, "size": size, "lost": signed - size })
        }
        Standing::Foreign { origin, reason } => json!({ "origin": origin, "fault": reason }),
    }
}

/// Verified logs, for scripts.
pub(crate) fn logs_json(logs: &[VerifiedLog]) -> Value {
    let told = |log: &VerifiedLog| {
        json!({
            "origin": log.origin,
            "size": log.size,
            "root": log.root.to_string(),
            "checkpoints": log.checkpoints,
        })
    };
    logs.iter().map(told).collect()
}

fn print_report(report: &VerifyReport, standings: &[Standing], output: Output) {
    match output {
        Output::Json => {
            println!(
                "{}",
                json!({
                    "logs": logs_json(&report.logs),
                    "exchanges": report.exchanges,
                    "deliveries": report.deliveries,
                    "checkpoints": standings.iter().map(standing_json).collect::<Vec<_>>(),
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
            for standing in standings {
                println!("{}", standing_text(standing));
            }
        }
    }
}
