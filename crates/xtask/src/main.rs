//! `cargo xtask`: the developers' own commands, parsed here and run by the modules beside this file.

mod binary;
mod command;
mod hygiene;
mod postgres;
mod report;
mod site;
mod steps;
mod tally;
mod tools;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::site::Site;
use crate::steps::{Form, Step};

/// Checks, tests and measures the workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs every check and every test, installing what is missing; ends with a table and non-zero on any failure.
    Test {
        /// Runs this step alone; may be given several times.
        #[arg(long, value_enum)]
        only: Vec<Step>,
    },
    /// Starts a PostgreSQL for tests, prints its URL, and stops it on Enter.
    Postgres,
    /// Injects faults into a hub under load and counts what was lost, with the binary as published.
    Faults {
        /// In the long form: a hundred kills, and more load.
        #[arg(long)]
        long: bool,
    },
    /// Runs what needs no test: format, contracts, clippy and hygiene.
    Lint,
    /// Builds the release binary and runs `sendhub bench` with the arguments that follow.
    Bench {
        /// Start a PostgreSQL and measure on it; before the arguments.
        #[arg(long)]
        postgres: bool,
        /// Arguments for `sendhub bench`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let site = Site::locate()?;
    match arguments.command {
        Command::Test { only } if only.is_empty() => steps::run(&site, Step::ALL),
        Command::Test { only } => steps::run(&site, &only),
        Command::Postgres => postgres::foreground(&site),
        Command::Faults { long } => steps::faults(&site, if long { Form::Long } else { Form::Short }),
        Command::Lint => steps::run(&site, Step::LINT),
        Command::Bench { postgres, arguments } => steps::bench(&site, postgres, &arguments),
    }
}
