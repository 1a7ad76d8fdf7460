//! `sendhub bench fairness`: a lone record of one agency while another floods the hub.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use sendhub_client::profile::Profile;
use sendhub_client::session::Session;
use serde_json::{Value, json};

use super::flood::{APART, FLOOD, Flooding};
use super::ground::Ground;
use super::load::Measured;
use super::record::Records;
use crate::Output;

const LONE: &str = "9991002";
const RECIPIENT: &str = "9984001";
/// Single requests that an unbounded flood keeps under way beside its streams.
const SINGLES: usize = 64;
/// As many rounds as there are pupils' numbers for.
const MOST_ROUNDS: usize = 15;

/// Measures what one agency's single records cost while another agency floods the hub from a process of its own. The
/// hub's capacity is found first; a fair share is its part for one of so many agencies, and the hub is told so
/// (`agency_records_per_second`). Then the other agency is silent, sends at its fair share, and at ten times; and the
/// same without that limit, so that only the writer's turns stand between the two. The limit of requests a second is
/// off throughout. All share this machine's cores.
#[derive(Debug, Args)]
pub(crate) struct FairnessBench {
    /// Seconds for each measurement.
    #[arg(long, default_value_t = 6.0)]
    seconds: f64,
    /// How often the levels are measured in turn; the median of each stands in the report.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
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
            self.seconds > 0.0 && self.lone > 0.0 && self.agencies > 0 && self.rounds > 0,
            "--seconds, --lone, --agencies and --rounds must be more than zero"
        );
        ensure!(self.rounds <= MOST_ROUNDS, "--rounds is at most {MOST_ROUNDS}");
        let mut first = APART;
        let capacity = {
            let ground = self.ground(0).await?;
            let flood = ground.profile_path(FLOOD);
            let found = Flooding::begin(&flood, None, 0, self.seconds.min(5.0), &mut first)?
                .end()
                .await;
            ground.stop().await?.clear().await?;
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
            let mut rounds: Vec<Vec<Found>> = floods.iter().map(|_| Vec::new()).collect();
            for _ in 0..self.rounds {
                for (found, &(name, rate, singles)) in rounds.iter_mut().zip(&floods) {
                    let numbers = (&mut first, &mut pupils);
                    found.push(self.level(&ground, name, rate, singles, numbers).await?);
                }
            }
            levels.extend(rounds.into_iter().filter_map(median));
            ground.stop().await?.clear().await?;
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
        *pupils += 100_000;
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

/// The round in the middle by the lone records' p99, with the p50 in the middle.
fn median(mut rounds: Vec<Found>) -> Option<Found> {
    let middle = rounds.len() / 2;
    rounds.sort_by(|one, other| one.lone.p50.total_cmp(&other.lone.p50));
    let p50 = rounds.get(middle)?.lone.p50;
    rounds.sort_by(|one, other| one.lone.p99.total_cmp(&other.lone.p99));
    let mut found = rounds.swap_remove(middle);
    found.lone.p50 = p50;
    Some(found)
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
