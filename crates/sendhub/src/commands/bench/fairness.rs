//! `sendhub bench fairness`: a lone record of one agency while another floods the hub.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use futures_util::stream;
use sendhub_client::bulk::Bulk;
use sendhub_client::profile::Profile;
use sendhub_client::session::Session;
use sendhub_contracts::transfer::v1::SubmitTransferRequest;
use serde_json::{Value, json};

use super::ground::Ground;
use super::load::Measured;
use super::record::Records;
use crate::Output;

const FLOOD: &str = "9991001";
const LONE: &str = "9991002";
const RECIPIENT: &str = "9984001";
/// Streams of the flood, each on a connection of its own.
const STREAMS: usize = 2;
/// Single requests that an unbounded flood keeps under way beside its streams.
const SINGLES: usize = 64;
/// Pupils of each flood and of the lone agency are numbered apart.
const APART: u64 = 100_000_000;

/// Measures what one agency's single records cost while another agency floods the hub from a process of its own. The
/// hub's capacity is found first; a fair share is its part for one of so many agencies, and the hub is told so
/// (`agency_records_per_second`). Then the other agency is silent, sends at its fair share, and at ten times; and the
/// same without that limit, so that only the writer's turns stand between the two. The limit of requests a second is
/// off throughout. All share this machine's cores.
#[derive(Debug, Args)]
pub(crate) struct FairnessBench {
    /// Seconds for each measurement.
    #[arg(long, default_value_t = 15.0)]
    seconds: f64,
    /// Single records a second of the lone agency.
    #[arg(long, default_value_t = 50.0)]
    lone: f64,
    /// Among how many agencies the hub's capacity is shared to find one's fair share.
    #[arg(long, default_value_t = 10)]
    agencies: u32,
    /// Where the database is made; among the temporary files otherwise.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// What was found at one level of the flood.
struct Found {
    name: &'static str,
    offered: Option<f64>,
    accepted: f64,
    lone: Measured,
}

/// What was found in all.
struct Report {
    capacity: f64,
    share: u32,
    levels: Vec<Found>,
}

impl FairnessBench {
    pub(crate) async fn run(&self, output: Output) -> Result<ExitCode> {
        ensure!(
            self.seconds > 0.0 && self.lone > 0.0 && self.agencies > 0,
            "--seconds, --lone and --agencies must be more than zero"
        );
        let mut first = APART;
        let capacity = {
            let ground = self.ground(0).await?;
            let flood = ground.profile_path(FLOOD);
            let found = Flooding::begin(&flood, None, 0, self.seconds.min(5.0), &mut first)?
                .end()
                .await;
            ground.stop().await?.clear()?;
            found?
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some thousands a second"
        )]
        let share = ((capacity / f64::from(self.agencies)) as u32).max(1);
        let ten = f64::from(share) * 10.0;
        let mut levels = Vec::new();
        for (limit, floods) in [
            (
                share,
                vec![
                    ("silent", Some(0.0), 0),
                    ("its fair share", Some(f64::from(share)), 0),
                    ("ten times its fair share", Some(ten), 0),
                ],
            ),
            (
                0,
                vec![
                    ("the same, no limit", Some(ten), 0),
                    ("all it can, no limit", None, SINGLES),
                ],
            ),
        ] {
            let ground = self.ground(limit).await?;
            let mut pupils = 0;
            for (name, rate, singles) in floods {
                levels.push(
                    self.level(&ground, name, rate, singles, (&mut first, &mut pupils))
                        .await?,
                );
            }
            ground.stop().await?.clear()?;
        }
        let report = Report {
            capacity,
            share,
            levels,
        };
        match output {
            Output::Json => println!("{}", self.json(&report)),
            Output::Text => self.print(&report),
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn ground(&self, limit: u32) -> Result<Ground> {
        Ground::make(self.folder.as_deref(), &[FLOOD, LONE, RECIPIENT], |limits| {
            limits.requests_per_second = 0;
            limits.agency_records_per_second = limit;
        })
        .await
    }

    /// One level: the flood at a rate (`None` for all it can) and with single requests beside its streams.
    async fn level(
        &self,
        ground: &Ground,
        name: &'static str,
        rate: Option<f64>,
        singles: usize,
        (first, pupils): (&mut u64, &mut u64),
    ) -> Result<Found> {
        let flood = ground.profile_path(FLOOD);
        let flooding = match rate {
            Some(0.0) => None,
            rate => Some(Flooding::begin(&flood, rate, singles, self.seconds + 2.0, first)?),
        };
        // The flood is at its height before anything is counted.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let lone = self.lone_records(&ground.profile(LONE)?, pupils).await?;
        let accepted = match flooding {
            None => 0.0,
            Some(flooding) => flooding.end().await?,
        };
        Ok(Found {
            name,
            offered: rate,
            accepted,
            lone,
        })
    }

    /// Single records at their times, whether those before are answered or not, on a runtime of their own: the
    /// client does not wait behind the hub's tasks.
    async fn lone_records(&self, profile: &Profile, pupils: &mut u64) -> Result<Measured> {
        let (profile, first, rate, seconds) = (profile.clone(), *pupils, self.lone, self.seconds);
        *pupils += 1_000_000;
        let asked = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?
                .block_on(lone_records(&profile, first, rate, seconds))
        });
        tokio::task::spawn_blocking(move || asked.join())
            .await?
            .map_err(|_| anyhow::anyhow!("the lone agency's thread has failed"))?
    }

    fn print(&self, report: &Report) {
        println!(
            "capacity {:.0} records/s (streams, nobody else); shared by {}: a fair share is {}; the lone agency \
             sends {} single records/s",
            report.capacity, self.agencies, report.share, self.lone
        );
        println!(
            "{:<26} {:>10} {:>10} {:>9} {:>9}",
            "the other agency sends", "offered/s", "accepted/s", "p50 ms", "p99 ms"
        );
        for one in &report.levels {
            println!(
                "{:<26} {:>10} {:>10.0} {:>9.2} {:>9.2}",
                one.name,
                one.offered.map_or("all".into(), |rate| format!("{rate:.0}")),
                one.accepted,
                one.lone.p50,
                one.lone.p99
            );
        }
        for (name, ratio) in ratios(&report.levels) {
            println!("{name:<62} {ratio:.2}");
        }
    }

    fn json(&self, report: &Report) -> Value {
        let levels: Vec<Value> = report
            .levels
            .iter()
            .map(|one| {
                json!({
                    "flood": one.name,
                    "offered_per_second": one.offered,
                    "accepted_per_second": one.accepted,
                    "lone_p50_ms": one.lone.p50,
                    "lone_p99_ms": one.lone.p99,
                })
            })
            .collect();
        let ratios: Vec<Value> = ratios(&report.levels)
            .into_iter()
            .map(|(name, value)| json!({ "ratio": name, "value": value }))
            .collect();
        json!({
            "capacity_per_second": report.capacity,
            "fair_share_per_second": report.share,
            "agencies": self.agencies,
            "lone_per_second": self.lone,
            "levels": levels,
            "ratios": ratios,
        })
    }
}

/// The ratios that fairness is judged by.
fn ratios(found: &[Found]) -> Vec<(&'static str, f64)> {
    let p99 = |at: usize| found.get(at).map_or(f64::NAN, |one| one.lone.p99);
    vec![
        (
            "p99 at ten times the fair share / p99 at the fair share",
            p99(2) / p99(1),
        ),
        (
            "p99 at ten times the fair share / p99 when silent",
            p99(2) / p99(0),
        ),
        ("p99 at ten times, no limit / p99 when silent", p99(3) / p99(0)),
        ("p99 at all it can / p99 when silent", p99(4) / p99(0)),
    ]
}

async fn lone_records(profile: &Profile, first: u64, rate: f64, seconds: f64) -> Result<Measured> {
    let session = Session::open(profile).await?;
    let records = Records::of(LONE, first);
    // The first call signs the token and fills what is kept.
    session.transfers().submit_transfer(records.next()).await?;
    let begun = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    let mut asked = tokio::task::JoinSet::new();
    while begun.elapsed().as_secs_f64() < seconds {
        tick.tick().await;
        let (mut client, record) = (session.transfers(), records.next());
        asked.spawn(async move {
            let at = Instant::now();
            client.submit_transfer(record).await.map(|_| at.elapsed())
        });
    }
    let mut times = Vec::new();
    while let Some(answered) = asked.join_next().await {
        times.push(answered?.context("a lone record was refused")?);
    }
    Ok(Measured::of(times.len(), begun.elapsed(), times))
}

/// A flood under way in another process.
struct Flooding(Child);

impl Flooding {
    fn begin(
        profile: &Path,
        rate: Option<f64>,
        singles: usize,
        seconds: f64,
        first: &mut u64,
    ) -> Result<Self> {
        let own = std::env::current_exe()?;
        let child = Command::new(own)
            .args(["bench", "flood", "--profile"])
            .arg(profile)
            .args(["--rate", &rate.unwrap_or_default().to_string()])
            .args(["--singles", &singles.to_string()])
            .args(["--seconds", &seconds.to_string()])
            .args(["--first", &first.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .context("the flood's process cannot be started")?;
        *first += APART;
        Ok(Self(child))
    }

    /// Waits for its end. Gives the records accepted a second.
    async fn end(self) -> Result<f64> {
        let done = tokio::task::spawn_blocking(|| self.0.wait_with_output()).await??;
        if !done.status.success() {
            bail!("the flood has failed");
        }
        let told: Value = serde_json::from_slice(&done.stdout)?;
        told["accepted_per_second"]
            .as_f64()
            .context("the flood told no rate")
    }
}

/// The flood's own process.
#[derive(Debug, Args)]
pub(crate) struct Flood {
    #[arg(long)]
    profile: PathBuf,
    /// Records a second of all streams; 0 for as many as go.
    #[arg(long)]
    rate: f64,
    #[arg(long)]
    singles: usize,
    #[arg(long)]
    seconds: f64,
    #[arg(long)]
    first: u64,
}

impl Flood {
    pub(crate) async fn run(&self) -> Result<ExitCode> {
        let profile = Profile::load(&self.profile)?;
        let records = Arc::new(Records::of(FLOOD, self.first));
        let begun = Instant::now();
        let end = begun + Duration::from_secs_f64(self.seconds);
        let mut flows = tokio::task::JoinSet::new();
        #[expect(clippy::cast_precision_loss, reason = "two streams")]
        let rate = self.rate / STREAMS as f64;
        for _ in 0..STREAMS {
            let (session, records) = (Session::open(&profile).await?, Arc::clone(&records));
            flows.spawn(async move {
                let source = Box::pin(paced(records, rate, end));
                let bulk = Bulk {
                    window: 512,
                    ..Bulk::default()
                };
                let counts = bulk.send(&session, source, |_, _| ()).await?;
                Ok::<_, anyhow::Error>(counts.accepted)
            });
        }
        let singles = Session::open(&profile).await?;
        for _ in 0..self.singles {
            let (mut client, records) = (singles.transfers(), Arc::clone(&records));
            flows.spawn(async move {
                let mut accepted = 0;
                while Instant::now() < end {
                    // Refused or not, it goes on: a flood minds nothing.
                    if client.submit_transfer(records.next()).await.is_ok() {
                        accepted += 1;
                    }
                }
                Ok(accepted)
            });
        }
        let mut accepted = 0;
        while let Some(flow) = flows.join_next().await {
            accepted += flow??;
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate is shown, not kept")]
        let rate = accepted as f64 / begun.elapsed().as_secs_f64();
        println!("{}", json!({ "accepted": accepted, "accepted_per_second": rate }));
        Ok(ExitCode::SUCCESS)
    }
}

/// Records at a rate until the end; what the hub holds up is offered as soon as it takes more.
fn paced(
    records: Arc<Records>,
    rate: f64,
    end: Instant,
) -> impl futures_util::Stream<Item = SubmitTransferRequest> {
    let begun = Instant::now();
    stream::unfold((records, 0_u32), move |(records, sent)| async move {
        if rate > 0.0 {
            let due = begun + Duration::from_secs_f64(f64::from(sent) / rate);
            if due > Instant::now() {
                tokio::time::sleep_until(due.into()).await;
            }
        }
        (Instant::now() < end).then(|| (records.next(), (Arc::clone(&records), sent + 1)))
    })
}
