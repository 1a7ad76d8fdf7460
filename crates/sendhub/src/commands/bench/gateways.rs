//! `sendhub bench gateways`: two gateways on one database against one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use clap::Args;
use sendhub_gateway::server::start;

use super::engine::{Engine, EngineChoice};
use super::ground::Plot;
use super::load::{Measured, accepts};
use super::record::Records;
use super::section::{Bound, Cell, Chart, Ratio, Section};
use super::throughput::{CONNECTIONS, median};
use super::unlimited;

const SENDER: &str = "9991001";
const RECIPIENT: &str = "9984001";

/// Measures the unary accepts of two gateways on one PostgreSQL database, each with callers of its own, against those of
/// one gateway with as many callers as one of the two, and with as many as both: in turn, another first each time, each
/// after a checkpoint. Then verifies the logs of both.
#[derive(Debug, Args)]
pub(super) struct GatewaysBench {
    #[command(flatten)]
    pub(super) engine: EngineChoice,
    /// Seconds for each measurement.
    #[arg(long, default_value_t = 5.0)]
    pub(super) seconds: f64,
    /// How often each is measured; the median stands in the report.
    #[arg(long, default_value_t = 9)]
    pub(super) rounds: usize,
    /// Callers of each gateway.
    #[arg(long = "concurrency", value_delimiter = ',', default_values_t = [64, 256])]
    pub(super) concurrency: Vec<usize>,
    /// Where the hub's folder is made; among the temporary files otherwise.
    #[arg(long)]
    pub(super) folder: Option<PathBuf>,
}

impl GatewaysBench {
    pub(super) async fn measure(&self) -> Result<Vec<Section>> {
        let engine = self.engine.engine();
        if matches!(engine, Engine::Sqlite) {
            bail!("several gateways need PostgreSQL: give --store");
        }
        ensure!(
            self.rounds > 0 && self.seconds > 0.0 && self.concurrency.iter().all(|each| *each > 0),
            "--rounds, --seconds and --concurrency must be more than zero"
        );
        let plot = Plot::lay(&engine, self.folder.as_deref(), &[SENDER, RECIPIENT], unlimited).await?;
        let ground = plot.start().await?;
        let second = start(ground.plot.another("g2")?).await?;
        let one = ground.plot.sessions(SENDER, &ground.running, CONNECTIONS).await?;
        let mut both = ground
            .plot
            .sessions(SENDER, &ground.running, CONNECTIONS / 2)
            .await?;
        let others = ground.plot.sessions(SENDER, &second, CONNECTIONS / 2).await?;
        // In turn: callers are dealt out over the connections in their order.
        both = both.into_iter().zip(others).flat_map(|(a, b)| [a, b]).collect();
        let records = Arc::new(Records::new());
        let time = Duration::from_secs_f64(self.seconds);
        let (mut rows, mut ratios, mut bars) = (Vec::new(), Vec::new(), Vec::new());
        for &each in &self.concurrency {
            let kinds = [
                (format!("one gateway, {each} callers"), &one, each),
                (format!("one gateway, {} callers", 2 * each), &one, 2 * each),
                (format!("two gateways, {each} callers each"), &both, 2 * each),
            ];
            let mut found = [const { Vec::new() }; 3];
            for round in 0..self.rounds {
                // Another first each time, lest what goes before tells.
                for turn in 0..kinds.len() {
                    let which = (round + turn) % kinds.len();
                    let (_, sessions, callers) = &kinds[which];
                    // The server's own come about every second round: on the same ones for most of a run.
                    ground.plot.database.checkpoint().await?;
                    found[which].push(accepts(*callers, time, sessions, &records).await?);
                }
            }
            let [alone, alone_with_all, together] = &found;
            for (name, by, against) in [
                ("with as many callers as one of them", each, alone),
                ("with as many callers as both", 2 * each, alone_with_all),
            ] {
                let pairs = together.iter().zip(against);
                let ratios_found = pairs.map(|(two, one)| two.per_second / one.per_second);
                ratios.push(Ratio::new(
                    format!("two gateways, {each} callers each / one {name}, {by}"),
                    median(ratios_found.collect()),
                    Some(Bound::AtLeast(0.9)),
                ));
            }
            for ((name, ..), found) in kinds.into_iter().zip(found) {
                let found = middle(found);
                bars.push((name.clone(), found.per_second));
                rows.push(vec![
                    Cell::word(name),
                    Cell::number(found.per_second, 0),
                    Cell::number(found.p50, 3),
                    Cell::number(found.p99, 3),
                ]);
            }
        }
        second.stop();
        second.stopped().await?;
        let plot = ground.stop().await?;
        let report = plot.verify().await?;
        let mut notes = vec![
            format!("{}.", engine.describe().await?),
            format!(
                "Unary accepts on {CONNECTIONS} connections in all; {} s a measurement, in turn, another first each \
                 time, each after a checkpoint of the server; the median of {}.",
                self.seconds, self.rounds
            ),
        ];
        for log in &report.logs {
            notes.push(format!("Log {}: {} leaves verified.", log.origin, log.size));
        }
        plot.clear().await?;
        #[expect(clippy::cast_precision_loss, reason = "a count is shown, not kept")]
        ratios.push(Ratio::new(
            "faults that verification finds in the logs",
            report.fault_count as f64,
            Some(Bound::AtMost(0.0)),
        ));
        Ok(vec![Section {
            slug: "gateways",
            title: "Two gateways on one database".into(),
            notes,
            columns: vec!["what", "per second", "p50 ms", "p99 ms"],
            rows,
            ratios,
            chart: Some(Chart {
                unit: "accepts a second",
                bars,
            }),
        }])
    }
}

/// The round in the middle by its rate.
pub(super) fn middle(mut rounds: Vec<Measured>) -> Measured {
    rounds.sort_by(|one, other| one.per_second.total_cmp(&other.per_second));
    rounds.get(rounds.len() / 2).copied().unwrap_or_default()
}
