//! `sendhub bench report`: every measurement in one run, written as Markdown with charts and as JSON.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use jiff::tz::TimeZone;
use sendhub_gateway::clock::{Clock as _, SystemClock};
use serde_json::json;

use super::engine::{Engine, EngineChoice};
use super::gateways::GatewaysBench;
use super::history::HistoryBench;
use super::section::Section;
use super::throughput::Throughput;
use super::watchers::WatchersBench;
use super::{chart, machine};
use crate::Output;

const CONCURRENCY: [usize; 4] = [1, 16, 64, 256];

/// Measures all in one run: throughput on SQLite; and, with `--store`, throughput, two gateways, watchers and cost
/// against history on PostgreSQL. Writes REPORT.md, its charts as SVG, and report.json.
#[derive(Debug, Args)]
pub(super) struct ReportBench {
    #[command(flatten)]
    engine: EngineChoice,
    /// The folder of the report; made when it is not there.
    #[arg(long)]
    out: PathBuf,
    /// Seconds for each measurement.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// How often each is measured; the median stands in the report.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Stored exchanges for the cost against history; the largest needs some 30 GB for ten million.
    #[arg(long = "sizes", value_delimiter = ',', default_values_t = [10_000, 1_000_000, 10_000_000])]
    sizes: Vec<u64>,
    /// Copies that wait in the full inbox.
    #[arg(long, default_value_t = 100_000)]
    waiting: u64,
    /// How many schools watch.
    #[arg(long, default_value_t = 5_000)]
    watchers: usize,
    /// Where databases and folders are made; among the temporary files otherwise.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// PostgreSQL's own benchmark, when it is not found by itself.
    #[arg(long, value_name = "PROGRAM")]
    pgbench: Option<PathBuf>,
}

impl ReportBench {
    pub(super) async fn run(&self, output: Output) -> Result<ExitCode> {
        std::fs::create_dir_all(&self.out).with_context(|| format!("cannot make {}", self.out.display()))?;
        let engine = self.engine.engine();
        let mut sections = vec![self.throughput(&Engine::Sqlite).await?];
        if matches!(engine, Engine::Postgres(_)) {
            sections.push(self.throughput(&engine).await?);
            sections.extend(Box::pin(self.gateways().measure()).await?);
        }
        sections.extend(Box::pin(self.watchers().measure()).await?);
        sections.extend(Box::pin(self.history().measure()).await?);
        write(&self.out, &sections)?;
        Ok(super::show(&sections, output))
    }

    async fn throughput(&self, engine: &Engine) -> Result<Section> {
        let throughput = Throughput {
            engine,
            folder: self.folder.as_deref(),
            seconds: self.seconds,
            rounds: self.rounds,
            concurrency: &CONCURRENCY,
            pgbench: self.pgbench.clone(),
        };
        Box::pin(throughput.measure()).await
    }

    fn gateways(&self) -> GatewaysBench {
        GatewaysBench {
            engine: self.engine.clone(),
            seconds: self.seconds,
            rounds: self.rounds,
            concurrency: vec![64, 256],
            folder: self.folder.clone(),
        }
    }

    fn watchers(&self) -> WatchersBench {
        WatchersBench {
            engine: self.engine.clone(),
            watchers: self.watchers,
            records: 1_000,
            folder: self.folder.clone(),
        }
    }

    fn history(&self) -> HistoryBench {
        HistoryBench {
            engine: self.engine.clone(),
            sizes: self.sizes.clone(),
            waiting: self.waiting,
            seconds: self.seconds,
            rounds: self.rounds,
            folder: self.folder.clone(),
        }
    }
}

fn write(out: &Path, sections: &[Section]) -> Result<()> {
    let day = SystemClock.now().to_zoned_datetime(TimeZone::UTC).date();
    let machine = machine::describe();
    let mut text = format!(
        "# What SEND Hub carries, measured\n\n{day}; {machine}.\nClients, gateways and database share this machine: \
         read the ratios, not the figures.\n"
    );
    for section in sections {
        let _ = write!(text, "\n{}", section.markdown());
        if let Some(chart) = &section.chart {
            let picture = chart::svg(&section.title, chart)?;
            put(&out.join(format!("{}.svg", section.slug)), &picture)?;
        }
    }
    put(&out.join("REPORT.md"), &text)?;
    let all: Vec<_> = sections.iter().map(Section::json).collect();
    let all = json!({ "day": day.to_string(), "machine": machine, "sections": all });
    put(&out.join("report.json"), &serde_json::to_string_pretty(&all)?)
}

fn put(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
