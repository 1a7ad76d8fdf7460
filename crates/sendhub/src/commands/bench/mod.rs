//! `sendhub bench`: the hub against what its parts can do alone, as ratios within one run.

mod bulk;
mod chart;
mod cutter;
mod echo;
mod engine;
mod fairness;
mod fill;
mod flood;
mod gateways;
mod ground;
mod history;
mod load;
mod machine;
#[cfg(test)]
mod overload;
mod pgbench;
mod policy;
mod record;
mod report;
mod section;
mod throughput;
mod watchers;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};
use sendhub_gateway::config::Limits;

use self::engine::EngineChoice;
use self::section::Section;
use self::throughput::Throughput;
use crate::Output;

/// Measures, in one run and with the same message size: a bare mTLS echo; a durable echo (the same rows in group
/// commits, without identity, policy, sealing or proof); bare batched inserts; the hub's unary accepts; its
/// streamed accepts; on PostgreSQL also what `pgbench -N` commits. Client, hub and database share this machine: read
/// the ratios, not the figures.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Another measurement than this one.
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    engine: EngineChoice,
    /// Seconds for each measurement.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// How many callers at once.
    #[arg(long = "concurrency", value_delimiter = ',', default_values_t = [1, 16, 64, 256])]
    concurrency: Vec<usize>,
    /// Where the databases are made; among the temporary files otherwise.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// How often the whole is measured; the median of each stands in the report.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// PostgreSQL's own benchmark, when it is not found by itself.
    #[arg(long, value_name = "PROGRAM")]
    pgbench: Option<PathBuf>,
}

/// What can be measured by itself.
#[derive(Debug, Subcommand)]
enum Part {
    Policy(policy::PolicyBench),
    Bulk(bulk::BulkBench),
    Fairness(fairness::FairnessBench),
    Gateways(gateways::GatewaysBench),
    History(history::HistoryBench),
    Watchers(watchers::WatchersBench),
    Report(report::ReportBench),
    #[command(hide = true)]
    Flood(flood::Flood),
}

impl Bench {
    pub(crate) async fn run(&self, output: Output) -> Result<ExitCode> {
        match &self.part {
            Some(Part::Policy(part)) => return part.run(output),
            Some(Part::Bulk(part)) => return Box::pin(part.run(output)).await,
            Some(Part::Fairness(part)) => return Box::pin(part.run(output)).await,
            Some(Part::Gateways(part)) => return Ok(show(&Box::pin(part.measure()).await?, output)),
            Some(Part::History(part)) => return Ok(show(&Box::pin(part.measure()).await?, output)),
            Some(Part::Watchers(part)) => return Ok(show(&Box::pin(part.measure()).await?, output)),
            Some(Part::Report(part)) => return Box::pin(part.run(output)).await,
            Some(Part::Flood(part)) => return Box::pin(part.run()).await,
            None => {}
        }
        ensure!(
            self.rounds > 0 && self.seconds > 0.0 && self.concurrency.iter().all(|one| *one > 0),
            "--rounds, --seconds and --concurrency must be more than zero"
        );
        let engine = self.engine.engine();
        let throughput = Throughput {
            engine: &engine,
            folder: self.folder.as_deref(),
            seconds: self.seconds,
            rounds: self.rounds,
            concurrency: &self.concurrency,
            pgbench: self.pgbench.clone(),
        };
        let found = Box::pin(throughput.measure()).await?;
        Ok(show(&[found], output))
    }
}

/// Prints what was found.
fn show(sections: &[Section], output: Output) -> ExitCode {
    match output {
        Output::Json => {
            let all: Vec<_> = sections.iter().map(Section::json).collect();
            println!("{}", serde_json::Value::from(all));
        }
        Output::Text => {
            for section in sections {
                println!("{}", section.text());
            }
        }
    }
    ExitCode::SUCCESS
}

/// Limits that do not bind one agency: what is measured is the hub.
fn unlimited(limits: &mut Limits) {
    limits.requests_per_second = 0;
    limits.concurrent_requests = 0;
    limits.agency_records_per_second = 0;
}
