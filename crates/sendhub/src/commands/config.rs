//! `sendhub config`: checks a configuration before it is used, and the database that it names.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use sendhub_gateway::config::Config;
use sendhub_gateway::server::may_lose;
use sendhub_store::postgres::Safety;
use serde_json::json;

use crate::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Name every fault of a configuration file, and say what the database that it names keeps when it crashes and
    /// when its primary is lost. Ends with 0 when there is no fault and with 1 otherwise: also when a PostgreSQL
    /// database cannot be reached, for what is not known is not called safe.
    Check {
        /// The file.
        #[arg(long, env = "SENDHUB_CONFIG", default_value = "hub.toml")]
        config: PathBuf,
        /// Look at the file only, not at the database.
        #[arg(long)]
        offline: bool,
    },
}

/// What is kept of what was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// The database was not asked.
    NotAsked,
    /// It is on one disk: a crash loses nothing, the loss of the disk does.
    OneDisk,
    /// A second server has it too.
    SecondServer,
}

impl Kept {
    const fn code(self) -> &'static str {
        match self {
            Self::NotAsked => "NOT_ASKED",
            Self::OneDisk => "ONE_DISK",
            Self::SecondServer => "SECOND_SERVER",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::NotAsked => "can be used; the database was not asked what it keeps",
            Self::OneDisk => {
                "can be used; what is acknowledged survives a crash, and is lost with the disk of the one database"
            }
            Self::SecondServer => {
                "can be used; what is acknowledged survives a crash and the loss of the primary database"
            }
        }
    }
}

pub(crate) async fn run(command: &Command, output: Output) -> Result<ExitCode> {
    let Command::Check { config, offline } = command;
    let found = check(config, *offline).await;
    let (kept, fault) = match &found {
        Ok(kept) => (Some(*kept), None),
        Err(fault) => (None, Some(fault)),
    };
    match output {
        Output::Json => println!(
            "{}",
            json!({ "usable": fault.is_none(), "fault": fault, "kept": kept.map(Kept::code) })
        ),
        Output::Text => match &found {
            Ok(kept) => println!("{}: {}", config.display(), kept.words()),
            Err(fault) => println!("{fault}"),
        },
    }
    Ok(if found.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn check(path: &std::path::Path, offline: bool) -> Result<Kept, String> {
    let config = Config::load(path).map_err(|fault| fault.to_string())?;
    match config.postgres_url() {
        _ if offline => Ok(Kept::NotAsked),
        None => Ok(Kept::OneDisk),
        Some(url) => {
            let safety = Safety::of(url, may_lose(&config))
                .await
                .map_err(|fault| format!("{}: store.url: {fault}", path.display()))?;
            Ok(if safety.failover {
                Kept::SecondServer
            } else {
                Kept::OneDisk
            })
        }
    }
}
