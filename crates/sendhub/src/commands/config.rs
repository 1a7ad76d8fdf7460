//! `sendhub config`: checks a configuration before it is used.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use sendhub_gateway::config::Config;
use serde_json::json;

use crate::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Name every fault of a configuration file. Ends with 0 when there is none and with 1 otherwise.
    Check {
        /// The file.
        #[arg(long, env = "SENDHUB_CONFIG", default_value = "hub.toml")]
        config: PathBuf,
    },
}

pub(crate) fn run(command: &Command, output: Output) -> Result<ExitCode> {
    let Command::Check { config } = command;
    let fault = Config::load(config).err().map(|error| error.to_string());
    match output {
        Output::Json => println!("{}", json!({ "usable": fault.is_none(), "fault": fault })),
        Output::Text => match &fault {
            None => println!("{}: can be used", config.display()),
            Some(fault) => println!("{fault}"),
        },
    }
    Ok(if fault.is_none() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
