//! `sendhub bench watchers`: schools that watch their inboxes, what they cost while nothing comes, and how soon they
//! hear of what another gateway accepted.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use sendhub_client::session::Session;
use sendhub_contracts::mailbox::v1::WatchDeliveriesRequest;
use sendhub_gateway::server::start;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::engine::{Engine, EngineChoice};
use super::ground::Plot;
use super::load::Measured;
use super::machine;
use super::record::Records;
use super::section::{Bound, Cell, Ratio, Section};
use super::unlimited;

const SENDER: &str = "9991001";
/// Watching schools are numbered from here.
const FIRST: usize = 9_972_000;
/// As many as one local authority's numbers hold from there.
const MOST: usize = 7_999;
/// Connections made at once.
const AT_ONCE: usize = 32;
/// How long a watcher may take to hear before the measurement has failed.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two records.
const PAUSE: Duration = Duration::from_millis(5);

/// Opens the inboxes of so many schools, each a school of its own with its own certificate, token key, connection and
/// watch, at a gateway in a process of its own; measures that process's memory before and after; then sends one record
/// after another to one of them, by another gateway on PostgreSQL, by the same one on SQLite.
#[derive(Debug, Args)]
pub(super) struct WatchersBench {
    #[command(flatten)]
    pub(super) engine: EngineChoice,
    /// How many schools watch.
    #[arg(long, default_value_t = 5_000)]
    pub(super) watchers: usize,
    /// How many records are sent.
    #[arg(long, default_value_t = 1_000)]
    pub(super) records: usize,
    /// Where the hub's folder is made; among the temporary files otherwise.
    #[arg(long)]
    pub(super) folder: Option<PathBuf>,
}

/// A gateway in a process of its own; killed when it is dropped.
struct Apart(Child);

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Apart {
    /// Starts it and waits until it listens.
    async fn start(config: &Path) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", "--config"])
            .arg(config)
            .stdout(Stdio::piped())
            .spawn()
            .context("the gateway's process cannot be started")?;
        let said = child.stdout.take().context("the gateway says nothing")?;
        let apart = Self(child);
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(said).read_line(&mut line).map(|_| line)
        })
        .await??;
        ensure!(line.contains("listening"), "the gateway did not start");
        Ok(apart)
    }

    fn resident(&self) -> Result<u64> {
        machine::resident(self.0.id()).context("this system does not tell a process's memory")
    }
}

/// A watcher heard of an exchange.
struct Heard {
    exchange: String,
    at: Instant,
}

impl WatchersBench {
    pub(super) async fn measure(&self) -> Result<Vec<Section>> {
        ensure!(
            (2..=MOST).contains(&self.watchers) && self.records > 0,
            "--watchers is from 2 to {MOST}, --records more than zero"
        );
        let engine = self.engine.engine();
        let schools: Vec<String> = (0..self.watchers)
            .map(|number| (FIRST + number).to_string())
            .collect();
        let mut all = vec![SENDER.to_owned()];
        all.extend(schools.iter().cloned());
        let plot = Plot::lay(&engine, self.folder.as_deref(), &all, unlimited).await?;
        let gateway = Apart::start(&plot.config_path()).await?;
        let (hear, mut heard) = mpsc::unbounded_channel();
        // The first watcher fills what is kept once: it is not counted.
        watch(&plot, &schools[0], hear.clone()).await?;
        sleep(Duration::from_secs(2)).await;
        let before = gateway.resident()?;
        let begun = Instant::now();
        stream::iter(&schools[1..])
            .map(|school| watch(&plot, school, hear.clone()))
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<()>>()
            .await?;
        let opened = begun.elapsed();
        sleep(Duration::from_secs(3)).await;
        let after = gateway.resident()?;
        let times = self.records(&plot, &engine, &schools, &mut heard).await?;
        let most = gateway.resident()?;
        drop(gateway);
        let said = engine.describe().await?;
        plot.clear().await?;
        Ok(vec![self.section(
            &engine,
            &said,
            opened,
            [before, after, most],
            times,
        )])
    }

    /// Sends a record to one school after another, and times from before it is sent until its school has heard.
    async fn records(
        &self,
        plot: &Plot,
        engine: &Engine,
        schools: &[String],
        heard: &mut mpsc::UnboundedReceiver<Heard>,
    ) -> Result<(Vec<Duration>, Vec<Duration>)> {
        let other = match engine {
            Engine::Postgres(_) => Some(start(plot.another("g2")?).await?),
            Engine::Sqlite => None,
        };
        let session = match &other {
            Some(other) => plot.sessions(SENDER, other, 1).await?.pop(),
            None => Some(Session::open(&plot.profile(SENDER)?).await?),
        };
        let session = session.context("no session was opened")?;
        let records = Arc::new(Records::new());
        let (mut whole, mut after) = (Vec::new(), Vec::new());
        for number in 0..self.records {
            // All over them; the multiplier is a prime.
            let school = &schools[number.wrapping_mul(7_919) % schools.len()];
            let request = records.addressed(number as u64, school);
            let begun = Instant::now();
            let answer = session.transfers().submit_transfer(request).await?.into_inner();
            let answered = Instant::now();
            let exchange = answer.receipt.unwrap_or_default().exchange;
            let Ok(Some(told)) = timeout(PATIENCE, heard.recv()).await else {
                bail!("a watcher did not hear of what came into its inbox");
            };
            ensure!(told.exchange == exchange, "a watcher heard of another exchange");
            // The first fill what is kept.
            if number >= 20 || self.records <= 20 {
                whole.push(told.at.duration_since(begun));
                after.push(told.at.saturating_duration_since(answered));
            }
            sleep(PAUSE).await;
        }
        if let Some(other) = other {
            other.stop();
            other.stopped().await?;
        }
        Ok((whole, after))
    }

    #[expect(clippy::cast_precision_loss, reason = "sizes are shown, not kept")]
    fn section(
        &self,
        engine: &Engine,
        said: &str,
        opened: Duration,
        [before, after, most]: [u64; 3],
        (whole, after_answer): (Vec<Duration>, Vec<Duration>),
    ) -> Section {
        let spent = Duration::from_secs(1);
        let (whole, after_answer) = (
            Measured::of(whole.len(), spent, whole),
            Measured::of(after_answer.len(), spent, after_answer),
        );
        let watchers = (self.watchers - 1) as f64;
        let each = after.saturating_sub(before) as f64 / 1024.0 / watchers;
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let row = |what: &str, value: f64, decimals| vec![Cell::word(what), Cell::number(value, decimals)];
        Section {
            slug: "watchers",
            title: format!("{} schools watch their inboxes at one gateway", self.watchers),
            notes: vec![
                format!("{said}."),
                "Each school has a certificate, a token, a TLS connection and a watch of its own. Memory is the \
                 resident memory of the gateway's process."
                    .into(),
                format!(
                    "{} records, one after another, each to one of the schools, sent {}. Timed from before the \
                     request is sent until the watching school has the notice.",
                    self.records,
                    match engine {
                        Engine::Postgres(_) => "to another gateway",
                        Engine::Sqlite => "to the same gateway",
                    }
                ),
            ],
            columns: vec!["what", "value"],
            rows: vec![
                row("resident before, MiB", mib(before), 1),
                row("resident with all watching, MiB", mib(after), 1),
                row("resident after the records, MiB", mib(most), 1),
                row("connections opened a second", watchers / opened.as_secs_f64(), 0),
                row("request sent to notice, p50 ms", whole.p50, 2),
                row("request sent to notice, p99 ms", whole.p99, 2),
                row("receipt to notice, p50 ms", after_answer.p50, 2),
                row("receipt to notice, p99 ms", after_answer.p99, 2),
            ],
            ratios: vec![
                Ratio::new("KiB resident for each watcher", each, Some(Bound::AtMost(30.0))),
                Ratio::new(
                    "request sent to notice, p99 ms",
                    whole.p99,
                    Some(Bound::AtMost(50.0)),
                ),
            ],
            chart: None,
        }
    }
}

/// Opens a school's watch on a connection of its own; what it hears is told.
async fn watch(plot: &Plot, school: &str, hear: mpsc::UnboundedSender<Heard>) -> Result<()> {
    let session = Session::open(&plot.profile(school)?).await?;
    let asked = WatchDeliveriesRequest::default();
    let mut notices = session
        .mailbox()
        .watch_deliveries(asked)
        .await
        .context("a watch was refused")?
        .into_inner();
    tokio::spawn(async move {
        // Held for as long as it watches.
        let _session = session;
        while let Ok(Some(answer)) = notices.message().await {
            let Some(notice) = answer.notice else { continue };
            let heard = Heard {
                exchange: notice.exchange,
                at: Instant::now(),
            };
            if hear.send(heard).is_err() {
                return;
            }
        }
    });
    Ok(())
}
