//! `sendhub bench`: the hub against what its parts can do alone, as ratios within one run.

mod bulk;
mod cutter;
mod echo;
mod fairness;
mod flood;
mod ground;
mod load;
#[cfg(test)]
mod overload;
mod policy;
mod record;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Subcommand};
use sendhub_client::profile::Profile;
use sendhub_client::session::Session;
use sendhub_domain::agency::{AgencyIdentifiers, AgencyKind};
use sendhub_domain::identifiers::LaEstab;
use sendhub_gateway::clock::{Clock as _, SystemClock};
use sendhub_gateway::config::Config;
use sendhub_gateway::server::{Running, start};
use sendhub_store::sqlite::bare::BareWriter;
use serde_json::{Value, json};

use self::echo::Echo;
use self::load::{Measured, closed_loop, streams};
use self::record::{Records, Rows};
use crate::Output;
use crate::site::{self, NewHub, Site};

/// Connections that the callers share.
const CONNECTIONS: usize = 4;

/// Measures, in one run and with the same message size: a bare mTLS echo; a durable echo (the same rows in group
/// commits, without identity, policy, sealing or proof); bare batched inserts; the hub's unary accepts; its
/// streamed accepts. Client, hub and database share this machine: read the ratios, not the figures.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Another measurement than the whole.
    #[command(subcommand)]
    part: Option<Part>,
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
}

/// What can be measured by itself.
#[derive(Debug, Subcommand)]
enum Part {
    Policy(policy::PolicyBench),
    Bulk(bulk::BulkBench),
    Fairness(fairness::FairnessBench),
    #[command(hide = true)]
    Flood(flood::Flood),
}

/// One row of the report.
struct Point {
    concurrency: usize,
    name: &'static str,
    measured: Measured,
}

impl Bench {
    pub(crate) async fn run(&self, output: Output) -> Result<ExitCode> {
        match &self.part {
            Some(Part::Policy(part)) => return part.run(output),
            Some(Part::Bulk(part)) => return Box::pin(part.run(output)).await,
            Some(Part::Fairness(part)) => return Box::pin(part.run(output)).await,
            Some(Part::Flood(part)) => return Box::pin(part.run()).await,
            None => {}
        }
        ensure!(
            self.rounds > 0 && self.seconds > 0.0 && self.concurrency.iter().all(|one| *one > 0),
            "--rounds, --seconds and --concurrency must be more than zero"
        );
        let folder = self
            .folder
            .clone()
            .unwrap_or_else(std::env::temp_dir)
            .join(format!("sendhub-bench-{}", SystemClock.new_id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let measured = self.measure(&folder).await;
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        let (points, size) = measured?;
        match output {
            Output::Json => println!("{}", as_json(&points, size)),
            Output::Text => print(&points, size),
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn measure(&self, folder: &Path) -> Result<(Vec<Point>, usize)> {
        let (config, running) = hub(folder).await?;
        let sessions = sessions(folder).await?;
        let records = Arc::new(Records::new());
        let size = records.size();
        let time = Duration::from_secs_f64(self.seconds);
        let bare = Echo::start(&config, None).await?;
        let durable = Echo::start(&config, Some(&folder.join("durable.db"))).await?;
        let echoes = (clients(folder, &bare).await?, clients(folder, &durable).await?);
        // One database for the whole run, as the hub has: both grow.
        let mut alone = BareWriter::open(&folder.join("bare.db")).await?;
        let mut points = Vec::new();
        for &concurrency in &self.concurrency {
            let mut rounds: Vec<[Measured; 5]> = Vec::new();
            for _ in 0..self.rounds {
                let payload = vec![b'x'; size];
                let again = payload.clone();
                let made = Arc::clone(&records);
                let echo = closed_loop(concurrency, time, &echoes.0, move |client| {
                    let (client, payload) = (client.clone(), payload.clone());
                    async move { client.echo(payload).await }
                })
                .await?;
                let durable = closed_loop(concurrency, time, &echoes.1, move |client| {
                    let (client, payload) = (client.clone(), again.clone());
                    async move { client.echo(payload).await }
                })
                .await?;
                let inserts = inserts(&mut alone, concurrency, time, size).await?;
                let unary = closed_loop(concurrency, time, &sessions, move |session| {
                    let (mut client, request) = (session.transfers(), made.next());
                    async move {
                        client.submit_transfer(request).await?;
                        Ok(())
                    }
                })
                .await?;
                let streamed = streams(concurrency, time, &sessions, &records).await?;
                rounds.push([echo, durable, inserts, unary, streamed]);
            }
            for (at, name) in NAMES.into_iter().enumerate() {
                rounds.sort_by(|one, other| one[at].per_second.total_cmp(&other[at].per_second));
                points.push(Point {
                    concurrency,
                    name,
                    measured: rounds[rounds.len() / 2][at],
                });
            }
        }
        running.stop();
        running.stopped().await?;
        Ok((points, size))
    }
}

const NAMES: [&str; 5] = [
    "bare echo",
    "durable echo",
    "bare inserts",
    "unary accepts",
    "streamed accepts",
];

/// A hub as it is run, on the embedded store, with limits that do not bind one caller.
async fn hub(folder: &Path) -> Result<(PathBuf, Running)> {
    let path = site::create(
        folder,
        &NewHub {
            name: "bench.sendhub".into(),
            listen: ([127, 0, 0, 1], 0).into(),
            hosts: vec!["localhost".into()],
            store: None,
        },
    )?;
    let site = Site::open(&path).await?;
    let mut config = Config::load(&path)?;
    config.limits.requests_per_second = 0;
    config.limits.concurrent_requests = 0;
    config.limits.agency_records_per_second = 0;
    let running = start(config).await?;
    let address = format!("https://localhost:{}", running.address.port());
    for number in ["9991001", "9984001"] {
        let identifiers = AgencyIdentifiers {
            laestab: Some(LaEstab::parse(number)?),
            ..AgencyIdentifiers::default()
        };
        let id = format!("school-{number}");
        let mut agency = site::new_agency(&id, AgencyKind::MaintainedSchool, &id, identifiers)?;
        site.issue(&mut agency, &folder.join(&id), &address, "mis-system", None)?;
        site.put(agency, 0, "sendhub bench").await?;
    }
    site.close().await?;
    running.hub.refresh_directory().await?;
    Ok((path, running))
}

async fn sessions(folder: &Path) -> Result<Vec<Session>> {
    let profile = Profile::load(&folder.join("school-9991001").join("client.toml"))?;
    let mut sessions = Vec::new();
    for _ in 0..CONNECTIONS {
        sessions.push(Session::open(&profile).await?);
    }
    Ok(sessions)
}

async fn clients(folder: &Path, echo: &Echo) -> Result<Vec<echo::Client>> {
    let mut profile = Profile::load(&folder.join("school-9991001").join("client.toml"))?;
    profile.hub = format!("https://localhost:{}", echo.address.port());
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(echo::Client::open(&profile).await?);
    }
    Ok(clients)
}

/// What the database alone takes: the same rows, batches as large as there would be callers, no network.
async fn inserts(writer: &mut BareWriter, batch: usize, time: Duration, size: usize) -> Result<Measured> {
    let rows = Rows::new(size)?;
    let mut times = Vec::new();
    let mut spent = Duration::ZERO;
    while spent < time {
        let made = (0..batch).map(|_| rows.next()).collect();
        let begun = std::time::Instant::now();
        writer.write(made).await?;
        let took = begun.elapsed();
        spent += took;
        times.push(took);
    }
    Ok(Measured::of(times.len() * batch, spent, times))
}

/// The ratios that the hub is judged by, at one concurrency.
fn ratios(points: &[Point], concurrency: usize) -> [(&'static str, f64); 3] {
    let of = |name: &str| {
        points
            .iter()
            .find(|point| point.concurrency == concurrency && point.name == name)
            .map(|point| point.measured)
            .unwrap_or_default()
    };
    [
        (
            "unary accepts / durable echo",
            of("unary accepts").per_second / of("durable echo").per_second,
        ),
        (
            "streamed accepts / bare inserts",
            of("streamed accepts").per_second / of("bare inserts").per_second,
        ),
        (
            "p50 unary accept / p50 durable echo",
            of("unary accepts").p50 / of("durable echo").p50,
        ),
    ]
}

fn concurrencies(points: &[Point]) -> Vec<usize> {
    let mut all: Vec<usize> = points.iter().map(|point| point.concurrency).collect();
    all.dedup();
    all
}

fn print(points: &[Point], size: usize) {
    println!(
        "message {size} bytes, {CONNECTIONS} connections, SQLite (WAL, synchronous FULL), mutual TLS 1.3"
    );
    println!(
        "{:>11} {:<18} {:>10} {:>10} {:>10}",
        "concurrency", "what", "per second", "p50 ms", "p99 ms"
    );
    for point in points {
        println!(
            "{:>11} {:<18} {:>10.0} {:>10.3} {:>10.3}",
            point.concurrency, point.name, point.measured.per_second, point.measured.p50, point.measured.p99
        );
    }
    for concurrency in concurrencies(points) {
        for (name, ratio) in ratios(points, concurrency) {
            println!("{concurrency:>11} {name:<38} {ratio:.2}");
        }
    }
}

fn as_json(points: &[Point], size: usize) -> Value {
    let rows: Vec<Value> = points
        .iter()
        .map(|point| {
            json!({
                "concurrency": point.concurrency,
                "what": point.name,
                "per_second": point.measured.per_second,
                "p50_ms": point.measured.p50,
                "p99_ms": point.measured.p99,
            })
        })
        .collect();
    let ratios: Vec<Value> = concurrencies(points)
        .into_iter()
        .flat_map(|concurrency| {
            ratios(points, concurrency)
                .map(|(name, ratio)| json!({ "concurrency": concurrency, "ratio": name, "value": ratio }))
        })
        .collect();
    json!({ "message_bytes": size, "points": rows, "ratios": ratios })
}
