//! `sendhub bench bulk`: one stream of many records, cut again and again, that must end with exactly as many.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use futures_util::stream;
use indicatif::ProgressBar;
use sendhub_client::bulk::{Bulk, Counts};
use sendhub_client::courier;
use sendhub_client::session::Session;
use serde_json::{Value, json};

use super::cutter::Cutter;
use super::ground::Ground;
use super::record::Records;
use crate::Output;

const SENDER: &str = "9991001";
const RECIPIENT: &str = "9984001";

/// Sends so many records through a proxy that breaks the TCP connection so many times, evenly spread, while the
/// client library reconnects and resumes by its request ids. Ends with 1 unless every record has exactly one
/// receipt, one stored exchange and one delivery, and the log verifies.
#[derive(Debug, Args)]
pub(crate) struct BulkBench {
    /// How many records.
    #[arg(long, default_value_t = 100_000)]
    records: usize,
    /// How many cuts.
    #[arg(long, default_value_t = 20)]
    cuts: usize,
    /// Records without an answer at any time.
    #[arg(long, default_value_t = 256)]
    window: usize,
    /// Where the database is made; among the temporary files otherwise.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// What came of it.
struct Found {
    counts: Counts,
    cuts_made: usize,
    distinct: usize,
    waiting: usize,
    stored: u64,
    deliveries: u64,
    faults: u64,
    spent: Duration,
}

impl BulkBench {
    pub(crate) async fn run(&self, output: Output) -> Result<ExitCode> {
        ensure!(
            self.records > 0 && self.window > 0,
            "--records and --window must be more than zero"
        );
        let found = self.measure(output).await?;
        let exact = found.is_exact(self.records, self.cuts);
        match output {
            Output::Json => println!("{}", found.json(self.records, exact)),
            Output::Text => found.print(self.records, exact),
        }
        Ok(if exact {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    async fn measure(&self, output: Output) -> Result<Found> {
        let ground = Ground::make(self.folder.as_deref(), &[SENDER, RECIPIENT], |limits| {
            limits.agency_records_per_second = 0;
        })
        .await?;
        let cutter = Cutter::start(ground.running.address).await?;
        let mut profile = ground.profile(SENDER)?;
        profile.hub = format!("https://localhost:{}", cutter.address.port());
        let session = Session::open(&profile).await?;

        let made = Records::new();
        let source = stream::iter((0..self.records).map(|_| made.next()));
        let bar = match output {
            Output::Text => ProgressBar::new(self.records as u64),
            Output::Json => ProgressBar::hidden(),
        };
        let (mut exchanges, mut results) = (HashSet::new(), 0);
        let every = (self.records / (self.cuts + 2)).max(1);
        let begun = Instant::now();
        let counts = Bulk {
            window: self.window,
            ..Bulk::default()
        }
        .send(&session, source, |_, result| {
            results += 1;
            bar.inc(1);
            if let Ok(receipt) = result {
                exchanges.insert(receipt.exchange);
            }
            // While others are under way, so that some are written and their answers lost.
            if cutter.cuts() < self.cuts && results >= every * (cutter.cuts() + 1) {
                cutter.cut();
            }
        })
        .await?;
        let spent = begun.elapsed();
        bar.finish_and_clear();

        let recipient = Session::open(&ground.profile(RECIPIENT)?).await?;
        let waiting: HashSet<String> = courier::list(&recipient)
            .await?
            .into_iter()
            .map(|notice| notice.exchange)
            .collect();
        let same = waiting == exchanges;
        let left = ground.stop().await?;
        let report = left.verify().await?;
        left.clear().await?;
        ensure!(
            same,
            "the recipient's inbox holds other exchanges than the receipts name"
        );
        Ok(Found {
            counts,
            cuts_made: cutter.cuts(),
            distinct: exchanges.len(),
            waiting: waiting.len(),
            stored: report.exchanges,
            deliveries: report.deliveries,
            faults: report.fault_count,
            spent,
        })
    }
}

impl Found {
    fn is_exact(&self, records: usize, cuts: usize) -> bool {
        let stored = u64::try_from(records).unwrap_or(u64::MAX);
        self.cuts_made == cuts
            && self.counts.cuts >= cuts
            && self.counts.accepted == records
            && self.distinct == records
            && self.waiting == records
            && self.stored == stored
            && self.deliveries == stored
            && self.faults == 0
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate is shown, not kept")]
    fn per_second(&self) -> f64 {
        self.counts.records as f64 / self.spent.as_secs_f64()
    }

    fn print(&self, records: usize, exact: bool) {
        println!(
            "{records} records, one stream, the TCP connection cut {} times",
            self.cuts_made
        );
        for (what, count) in [
            ("streams broken off", self.counts.cuts as u64),
            ("records sent again", self.counts.resent as u64),
            ("accepted", self.counts.accepted as u64),
            ("refused", self.counts.refused as u64),
            ("distinct exchanges in the receipts", self.distinct as u64),
            ("exchanges waiting for the recipient", self.waiting as u64),
            ("exchanges in the store", self.stored),
            ("deliveries in the store", self.deliveries),
            ("faults of the log", self.faults),
        ] {
            println!("{what:<36} {count:>8}");
        }
        println!(
            "{:<36} {:>8.0}",
            "records a second, cuts included",
            self.per_second()
        );
        println!("{}", if exact { "exact" } else { "NOT EXACT" });
    }

    fn json(&self, records: usize, exact: bool) -> Value {
        json!({
            "records": records,
            "cuts": self.cuts_made,
            "streams_broken": self.counts.cuts,
            "resent": self.counts.resent,
            "accepted": self.counts.accepted,
            "refused": self.counts.refused,
            "distinct": self.distinct,
            "waiting": self.waiting,
            "stored": self.stored,
            "deliveries": self.deliveries,
            "faults": self.faults,
            "per_second": self.per_second(),
            "exact": exact,
        })
    }
}
