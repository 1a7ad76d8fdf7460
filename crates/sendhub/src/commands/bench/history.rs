//! `sendhub bench history`: what a record costs in hubs with short and with long histories, and what a full inbox costs.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use sendhub_client::courier;
use sendhub_client::session::Session;
use sendhub_contracts::mailbox::v1::ListDeliveriesRequest;

use super::engine::EngineChoice;
use super::fill::{fill, spread};
use super::gateways::middle;
use super::ground::{Ground, Plot};
use super::load::{Measured, closed_loop};
use super::record::Records;
use super::section::{Bound, Cell, Chart, Ratio, Section};
use super::throughput::CONNECTIONS;
use super::unlimited;

const SENDER: &str = "9991001";
const RECIPIENT: &str = "9984001";
/// Who has many copies waiting, and who has few.
const FULL: &str = "9984002";
const FEW: &str = "9984003";
const A_FEW: u64 = 10;
/// Callers at once, for accepting.
const CALLERS: usize = 64;
/// Requests at once, for collecting, and copies in each.
const COLLECTORS: usize = 4;
const COPIES: usize = 128;
/// Pupils whom no history knows are numbered from here.
const NEW: u64 = 500_000_000;

/// Makes one hub for each number of stored exchanges, all on the same server, runs them side by side, and measures
/// what accepting and collecting cost in each in turn; then the first page of an inbox with many copies and with few.
/// Every second record is about a pupil whom the history knows. The largest of ten million needs some 30 GB.
#[derive(Debug, Args)]
pub(super) struct HistoryBench {
    #[command(flatten)]
    pub(super) engine: EngineChoice,
    /// Stored exchanges.
    #[arg(long = "sizes", value_delimiter = ',', default_values_t = [10_000, 1_000_000, 10_000_000])]
    pub(super) sizes: Vec<u64>,
    /// Copies that wait in the full inbox of the largest.
    #[arg(long, default_value_t = 100_000)]
    pub(super) waiting: u64,
    /// Seconds for each measurement.
    #[arg(long, default_value_t = 4.0)]
    pub(super) seconds: f64,
    /// How often each is measured; the median stands in the report.
    #[arg(long, default_value_t = 5)]
    pub(super) rounds: usize,
    /// Where the hubs' folders are made; among the temporary files otherwise.
    #[arg(long)]
    pub(super) folder: Option<PathBuf>,
}

/// A hub with a history, not running.
struct Filled {
    size: u64,
    filled: Duration,
    /// Bytes on the disk.
    stored: u64,
    plot: Plot,
}

impl Filled {
    /// Runs it as a hub that has run for long: what filling it has left to do is done, and what every record asks of
    /// its history is in memory again, from where the filling of the next one has pushed it.
    async fn start(self) -> Result<Under> {
        self.plot.database.settle().await?;
        self.plot.database.warm().await?;
        let ground = self.plot.start().await?;
        let senders = ground.plot.sessions(SENDER, &ground.running, CONNECTIONS).await?;
        let recipient = one_session(&ground, RECIPIENT).await?;
        Ok(Under {
            size: self.size,
            filled: self.filled,
            stored: self.stored,
            ground,
            senders,
            recipient,
            next: Arc::new(AtomicU64::new(0)),
            accepted: Vec::new(),
            collected: Vec::new(),
        })
    }
}

/// A hub with a history, under load.
struct Under {
    size: u64,
    filled: Duration,
    /// Bytes on the disk when it was filled.
    stored: u64,
    ground: Ground,
    senders: Vec<Session>,
    recipient: Session,
    next: Arc<AtomicU64>,
    accepted: Vec<Measured>,
    collected: Vec<Measured>,
}

impl HistoryBench {
    pub(super) async fn measure(&self) -> Result<Vec<Section>> {
        let largest = self.sizes.iter().copied().max().context("--sizes names none")?;
        ensure!(
            self.rounds > 0 && self.seconds > 0.0 && largest >= self.waiting + A_FEW,
            "--rounds and --seconds must be more than zero, and the largest of --sizes more than --waiting"
        );
        let mut filled = Vec::new();
        for &size in &self.sizes {
            filled.push(self.fill(size, size == largest).await?);
        }
        let mut hubs = Vec::new();
        for hub in filled {
            hubs.push(hub.start().await?);
        }
        let records = Arc::new(Records::new());
        for _ in 0..self.rounds {
            for hub in &mut hubs {
                let found = hub.accept(&records, self.seconds).await?;
                hub.accepted.push(found);
                let found = hub.collect(self.seconds).await?;
                hub.collected.push(found);
            }
        }
        let inbox = self.inbox(&hubs).await?;
        let said = self.engine.engine().describe().await?;
        let cost = self.cost(&hubs, &said);
        for hub in hubs {
            hub.ground.stop().await?.clear().await?;
        }
        Ok(vec![cost, inbox])
    }

    /// A hub with so many stored exchanges.
    async fn fill(&self, size: u64, largest: bool) -> Result<Filled> {
        let schools = [SENDER, RECIPIENT, FULL, FEW];
        let plot = Plot::lay(&self.engine.engine(), self.folder.as_deref(), &schools, unlimited).await?;
        let bar = ProgressBar::new(size);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len}, {per_sec}") {
            bar.set_style(style);
        }
        let waiting = self.waiting;
        let begun = Instant::now();
        let whose = move |number| match number {
            number if largest && number < waiting => format!("school-{FULL}"),
            number if largest && number < waiting + A_FEW => format!("school-{FEW}"),
            number => spread(number),
        };
        fill(&plot, 0, size, whose, &bar).await?;
        bar.finish_and_clear();
        let filled = begun.elapsed();
        Ok(Filled {
            size,
            filled,
            stored: plot.stored().await?,
            plot,
        })
    }

    /// The first page of a full inbox and of one with few copies, in turn.
    async fn inbox(&self, hubs: &[Under]) -> Result<Section> {
        let hub = hubs
            .iter()
            .max_by_key(|hub| hub.size)
            .context("there is no hub")?;
        let (full, few) = (
            one_session(&hub.ground, FULL).await?,
            one_session(&hub.ground, FEW).await?,
        );
        let (mut many, mut little) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            for (session, found) in [(&full, &mut many), (&few, &mut little)] {
                found.push(first_pages(session, self.seconds / 2.0).await?);
            }
        }
        let by_p50 = |mut all: Vec<Measured>| {
            all.sort_by(|one, other| one.p50.total_cmp(&other.p50));
            all.get(all.len() / 2).copied().unwrap_or_default()
        };
        let (many, little) = (by_p50(many), by_p50(little));
        let row = |waiting: u64, found: &Measured| {
            vec![
                Cell::number(as_float(waiting), 0),
                Cell::number(found.p50, 3),
                Cell::number(found.p99, 3),
            ]
        };
        Ok(Section {
            slug: "inbox",
            title: "The first page of an inbox".into(),
            notes: vec![format!(
                "In the hub with {} stored exchanges: a page of {A_FEW} copies, one caller; the median of {}.",
                hub.size, self.rounds
            )],
            columns: vec!["waiting", "p50 ms", "p99 ms"],
            rows: vec![row(A_FEW, &little), row(self.waiting, &many)],
            ratios: vec![Ratio::new(
                format!("p50 with {} waiting / p50 with {A_FEW}", self.waiting),
                many.p50 / little.p50,
                Some(Bound::AtMost(1.5)),
            )],
            chart: None,
        })
    }

    fn cost(&self, hubs: &[Under], said: &str) -> Section {
        let (mut rows, mut bars) = (Vec::new(), Vec::new());
        let (mut accepts, mut collects) = (Vec::new(), Vec::new());
        for hub in hubs {
            let (accepted, collected) = (middle(hub.accepted.clone()), middle(hub.collected.clone()));
            // Microseconds of the machine for one record.
            let (accept, collect) = (1e6 / accepted.per_second, 1e6 / collected.per_second);
            rows.push(vec![
                Cell::number(as_float(hub.size), 0),
                Cell::number(accepted.per_second, 0),
                Cell::number(accept, 1),
                Cell::number(collected.per_second, 0),
                Cell::number(collect, 1),
                Cell::number(as_float(hub.size) / hub.filled.as_secs_f64(), 0),
                Cell::number(as_float(hub.stored) / as_float(hub.size), 0),
            ]);
            bars.push((format!("accept, {} stored", hub.size), accept));
            bars.push((format!("collect, {} stored", hub.size), collect));
            accepts.push(accept);
            collects.push(collect);
        }
        let spread = |costs: &[f64]| {
            let most = costs.iter().copied().fold(f64::NAN, f64::max);
            most / costs.iter().copied().fold(f64::NAN, f64::min)
        };
        Section {
            slug: "history",
            title: "Cost of a record against the history stored".into(),
            notes: vec![
                format!("{said}."),
                format!(
                    "One hub for each size, side by side on the same server; accepting with {CALLERS} callers, every \
                     second record about a pupil whom the history knows; collecting {COPIES} copies a request, \
                     {COLLECTORS} requests at once; {} s a measurement, the sizes in turn, the median of {}.",
                    self.seconds, self.rounds
                ),
                "The history was written by a generator through the store's own writer, not through a gateway: real \
                 keys, pseudonyms, sealed requests, log and signatures; the sealed requests have no Common Transfer \
                 File, and all copies are waiting, spread over 24,000 schools."
                    .into(),
                "Before measuring each database was vacuumed, and its register of people and the indexes of requests \
                 and of people in the log were read once: as they lie in the memory of a server that has run for long."
                    .into(),
            ],
            columns: vec![
                "stored",
                "accepts a second",
                "µs an accept",
                "collected a second",
                "µs a copy",
                "generated a second",
                "bytes stored for each",
            ],
            rows,
            ratios: vec![
                Ratio::new(
                    "accept: dearest / cheapest",
                    spread(&accepts),
                    Some(Bound::AtMost(1.25)),
                ),
                Ratio::new(
                    "collect: dearest / cheapest",
                    spread(&collects),
                    Some(Bound::AtMost(1.25)),
                ),
            ],
            chart: Some(Chart {
                unit: "µs a record",
                bars,
            }),
        }
    }
}

impl Under {
    async fn accept(&self, records: &Arc<Records>, seconds: f64) -> Result<Measured> {
        let (records, next, size) = (Arc::clone(records), Arc::clone(&self.next), self.size);
        closed_loop(
            CALLERS,
            Duration::from_secs_f64(seconds),
            &self.senders,
            move |session| {
                let number = next.fetch_add(1, Ordering::Relaxed);
                // Known pupils from all over the history; the multiplier is a prime.
                let pupil = if number.is_multiple_of(2) {
                    NEW + number
                } else {
                    number.wrapping_mul(2_654_435_761) % size
                };
                let (mut client, request) = (session.transfers(), records.numbered(pupil));
                async move {
                    client.submit_transfer(request).await?;
                    Ok(())
                }
            },
        )
        .await
    }

    /// Collects copies for so long, or until none waits; says afterwards that they were taken.
    async fn collect(&self, seconds: f64) -> Result<Measured> {
        let session = &self.recipient;
        let (mut taken, mut times, mut spent) = (0, Vec::new(), Duration::ZERO);
        while spent.as_secs_f64() < seconds {
            let page = session
                .mailbox()
                .list_deliveries(ListDeliveriesRequest {
                    page_size: 500,
                    page_token: String::new(),
                })
                .await?
                .into_inner();
            let ids: Vec<String> = page
                .deliveries
                .into_iter()
                .map(|notice| notice.delivery_id)
                .collect();
            if ids.is_empty() {
                break;
            }
            let begun = Instant::now();
            let results: Vec<_> = stream::iter(ids.chunks(COPIES))
                .map(|chunk| courier::collect(session, chunk))
                .buffered(COLLECTORS)
                .try_collect()
                .await?;
            let took = begun.elapsed();
            for (_, result) in results.iter().flatten() {
                ensure!(result.is_ok(), "a copy of the bench was refused");
                taken += 1;
            }
            spent += took;
            times.push(took);
            courier::acknowledge(session, &ids).await?;
        }
        ensure!(taken > 0, "nothing waited to be collected");
        Ok(Measured::of(taken, spent, times))
    }
}

async fn one_session(ground: &Ground, school: &str) -> Result<Session> {
    let mut sessions = ground.plot.sessions(school, &ground.running, 1).await?;
    sessions.pop().context("no session was opened")
}

async fn first_pages(session: &Session, seconds: f64) -> Result<Measured> {
    let asked = ListDeliveriesRequest {
        page_size: u32::try_from(A_FEW)?,
        page_token: String::new(),
    };
    closed_loop(
        1,
        Duration::from_secs_f64(seconds),
        std::slice::from_ref(session),
        move |session| {
            let (mut client, asked) = (session.mailbox(), asked.clone());
            async move {
                client.list_deliveries(asked).await?;
                Ok(())
            }
        },
    )
    .await
}

#[expect(clippy::cast_precision_loss, reason = "a count is shown, not kept")]
fn as_float(count: u64) -> f64 {
    count as f64
}
