//! The flood: one agency's records from a process of its own, at a rate or without bound.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use futures_util::stream;
use sendhub_client::bulk::Bulk;
use sendhub_client::profile::Profile;
use sendhub_client::session::Session;
use sendhub_contracts::transfer::v1::SubmitTransferRequest;
use serde_json::{Value, json};

use super::record::Records;

/// The school that floods.
pub(super) const FLOOD: &str = "9991001";
/// Streams of the flood, each on a connection of its own.
const STREAMS: usize = 2;
/// Pupils of each flood and of the lone agency are numbered apart.
pub(super) const APART: u64 = 10_000_000;

/// A flood under way in another process.
pub(super) struct Flooding(Child);

impl Flooding {
    pub(super) fn begin(
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
    pub(super) async fn end(self) -> Result<f64> {
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
