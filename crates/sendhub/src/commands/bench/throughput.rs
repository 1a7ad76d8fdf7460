//! One gateway against what its parts can do alone: echo, durable echo, bare inserts, unary and streamed accepts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use sendhub_client::profile::Profile;
use sendhub_store::bare::BareWriter;

use super::echo::{self, Echo};
use super::engine::Engine;
use super::ground::Plot;
use super::load::{Measured, accepts, closed_loop, streams};
use super::pgbench::{self, PgBench};
use super::record::{Records, Rows};
use super::section::{Bound, Cell, Chart, Ratio, Section};
use super::unlimited;

/// Connections that the callers share.
pub(super) const CONNECTIONS: usize = 4;
/// The concurrency at which the targets stand.
const JUDGED: usize = 64;
const SENDER: &str = "9991001";
const RECIPIENT: &str = "9984001";

// Where each stands among the names and in a round.
const ECHO: usize = 0;
const DURABLE: usize = 1;
const INSERTS: usize = 2;
const UNARY: usize = 3;
const STREAMED: usize = 4;
const NAMES: [&str; 5] = [
    "bare echo",
    "durable echo",
    "bare inserts",
    "unary accepts",
    "streamed accepts",
];

/// How it is measured.
pub(super) struct Throughput<'a> {
    pub(super) engine: &'a Engine,
    pub(super) folder: Option<&'a Path>,
    pub(super) seconds: f64,
    pub(super) rounds: usize,
    pub(super) concurrency: &'a [usize],
    /// Where `pgbench` is, when it is not found by itself.
    pub(super) pgbench: Option<PathBuf>,
}

/// One row of the report.
struct Point {
    concurrency: usize,
    name: &'static str,
    measured: Measured,
}

impl Throughput<'_> {
    pub(super) async fn measure(&self) -> Result<Section> {
        let plot = Plot::lay(self.engine, self.folder, &[SENDER, RECIPIENT], unlimited).await?;
        let ground = plot.start().await?;
        let sessions = ground.plot.sessions(SENDER, &ground.running, CONNECTIONS).await?;
        let records = Arc::new(Records::new());
        let size = records.size();
        let time = Duration::from_secs_f64(self.seconds);
        // One database for each writer and the whole run, as the hub has: all grow.
        let (for_echo, for_inserts) = (self.engine.make().await?, self.engine.make().await?);
        let beside = |name: &str| ground.plot.config_path().with_file_name(name);
        let config = ground.plot.config_path();
        let bare = Echo::start(&config, None).await?;
        let durable = Echo::start(&config, Some(for_echo.bare(&beside("durable.db")).await?)).await?;
        let profile = ground.plot.profile(SENDER)?;
        let echoes = (
            clients(&profile, &bare).await?,
            clients(&profile, &durable).await?,
        );
        let mut alone = for_inserts.bare(&beside("bare.db")).await?;
        let pgbench = match self.engine {
            Engine::Postgres(server) if self.concurrency.contains(&JUDGED) => {
                Some(PgBench::lay(server, self.pgbench.as_deref()).await?)
            }
            _ => None,
        };
        let mut points = Vec::new();
        let mut commits = Vec::new();
        let mut ratios = Vec::new();
        for &concurrency in self.concurrency {
            let mut rounds: Vec<[Measured; 5]> = Vec::new();
            for round in 0..self.rounds {
                let mut found = [Measured::default(); 5];
                // Another first each time: the server's checkpoints come about as often as a round does, and would
                // fall on the same one again and again.
                for step in 0..=NAMES.len() {
                    match (round + step) % (NAMES.len() + 1) {
                        ECHO => found[ECHO] = echoed(concurrency, time, &echoes.0, size).await?,
                        DURABLE => found[DURABLE] = echoed(concurrency, time, &echoes.1, size).await?,
                        INSERTS => found[INSERTS] = inserts(&mut alone, concurrency, time, size).await?,
                        UNARY => found[UNARY] = accepts(concurrency, time, &sessions, &records).await?,
                        STREAMED => found[STREAMED] = streams(concurrency, time, &sessions, &records).await?,
                        _ => {
                            if let Some(pgbench) = pgbench.as_ref().filter(|_| concurrency == JUDGED) {
                                commits.push(pgbench.commits(self.seconds).await?);
                            }
                        }
                    }
                }
                rounds.push(found);
            }
            let against: &[f64] = if concurrency == JUDGED { &commits } else { &[] };
            ratios.extend(judged(concurrency, &rounds, against));
            for (at, name) in NAMES.into_iter().enumerate() {
                rounds.sort_by(|one, other| one[at].per_second.total_cmp(&other[at].per_second));
                points.push(Point {
                    concurrency,
                    name,
                    measured: rounds[rounds.len() / 2][at],
                });
            }
        }
        let said = self.engine.describe().await?;
        drop(alone);
        for_echo.remove().await?;
        for_inserts.remove().await?;
        if let Some(pgbench) = pgbench {
            pgbench.remove().await?;
        }
        ground.stop().await?.clear().await?;
        let commits = (!commits.is_empty()).then(|| median(commits));
        Ok(Section {
            ratios,
            ..self.section(&points, size, &said, commits)
        })
    }

    /// What was found, without its ratios.
    fn section(&self, points: &[Point], size: usize, said: &str, commits: Option<f64>) -> Section {
        let mut rows: Vec<Vec<Cell>> = points
            .iter()
            .map(|point| {
                vec![
                    Cell::number(as_float(point.concurrency), 0),
                    Cell::word(point.name),
                    Cell::number(point.measured.per_second, 0),
                    Cell::number(point.measured.p50, 3),
                    Cell::number(point.measured.p99, 3),
                ]
            })
            .collect();
        if let Some(commits) = commits {
            let clients = as_float(pgbench::CLIENTS);
            rows.push(vec![
                Cell::number(clients, 0),
                Cell::word("pgbench -N"),
                Cell::number(commits, 0),
                Cell::number(clients / commits * 1e3, 3),
                Cell::number(f64::NAN, 3),
            ]);
        }
        Section {
            slug: match self.engine {
                Engine::Sqlite => "throughput_sqlite",
                Engine::Postgres(_) => "throughput_postgresql",
            },
            title: format!("One gateway on {}", self.engine.name()),
            notes: vec![
                format!("{said}."),
                format!(
                    "Messages of {size} bytes on {CONNECTIONS} connections, mutual TLS 1.3, policy and proofs switched \
                     on; {} s a measurement, another first in each round; figures are medians of {} rounds, ratios \
                     medians of the rounds' own.",
                    self.seconds, self.rounds
                ),
                "A durable echo commits the same rows in groups, without identity, policy, sealing or proof; bare \
                 inserts are the same without a network. Each writer has one connection, as the hub has."
                    .into(),
            ],
            columns: vec!["concurrency", "what", "per second", "p50 ms", "p99 ms"],
            rows,
            ratios: Vec::new(),
            chart: Some(Chart {
                unit: "a second",
                bars: points
                    .iter()
                    .map(|point| {
                        (
                            format!("{} at {}", point.name, point.concurrency),
                            point.measured.per_second,
                        )
                    })
                    .chain(commits.map(|rate| (format!("pgbench -N at {}", pgbench::CLIENTS), rate)))
                    .collect(),
            }),
        }
    }
}

/// The ratios that the hub is judged by, at one concurrency: each round's own, and of these the one in the middle.
/// What slows the machine for a while slows both sides of a round.
fn judged(concurrency: usize, rounds: &[[Measured; 5]], commits: &[f64]) -> Vec<Ratio> {
    let bound = |bound| (concurrency == JUDGED).then_some(bound);
    let of = |what: &dyn Fn(&[Measured; 5]) -> f64| median(rounds.iter().map(what).collect());
    let mut ratios = vec![
        Ratio::new(
            format!("{concurrency}: unary accepts / durable echo"),
            of(&|round| round[UNARY].per_second / round[DURABLE].per_second),
            bound(Bound::AtLeast(0.6)),
        ),
        Ratio::new(
            format!("{concurrency}: streamed accepts / bare inserts"),
            of(&|round| round[STREAMED].per_second / round[INSERTS].per_second),
            bound(Bound::AtLeast(0.5)),
        ),
        Ratio::new(
            format!("{concurrency}: p50 unary accept / p50 durable echo"),
            of(&|round| round[UNARY].p50 / round[DURABLE].p50),
            None,
        ),
    ];
    for (name, at) in [("unary", UNARY), ("streamed", STREAMED)] {
        let against = rounds.iter().zip(commits);
        let found: Vec<f64> = against
            .map(|(round, commits)| round[at].per_second / commits)
            .collect();
        if !found.is_empty() {
            ratios.push(Ratio::new(
                format!(
                    "{concurrency}: {name} accepts / pgbench -N with {} clients",
                    pgbench::CLIENTS
                ),
                median(found),
                Some(Bound::AtLeast(1.5)),
            ));
        }
    }
    ratios
}

/// The one in the middle; of an even number the upper.
pub(super) fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

#[expect(clippy::cast_precision_loss, reason = "a count is shown, not kept")]
fn as_float(count: usize) -> f64 {
    count as f64
}

async fn clients(profile: &Profile, echo: &Echo) -> Result<Vec<echo::Client>> {
    let mut profile = profile.clone();
    profile.hub = format!("https://localhost:{}", echo.address.port());
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(echo::Client::open(&profile).await?);
    }
    Ok(clients)
}

async fn echoed(
    concurrency: usize,
    time: Duration,
    clients: &[echo::Client],
    size: usize,
) -> Result<Measured> {
    let payload = vec![b'x'; size];
    closed_loop(concurrency, time, clients, move |client| {
        let (client, payload) = (client.clone(), payload.clone());
        async move { client.echo(payload).await }
    })
    .await
}

/// What the database alone takes: the same rows, batches as large as there would be callers, no network.
async fn inserts(writer: &mut BareWriter, batch: usize, time: Duration, size: usize) -> Result<Measured> {
    let rows = Rows::new(size)?;
    let mut times = Vec::new();
    let mut spent = Duration::ZERO;
    while spent < time {
        let made = (0..batch).map(|_| rows.next()).collect();
        let begun = Instant::now();
        writer.write(made).await?;
        let took = begun.elapsed();
        spent += took;
        times.push(took);
    }
    Ok(Measured::of(times.len() * batch, spent, times))
}
