//! Load: callers in closed loops, and streams with so many records under way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use futures_util::future::try_join_all;
use futures_util::stream;
use sendhub_client::session::Session;
use sendhub_contracts::transfer::v1::{SubmitTransfersRequest, submit_transfers_response};
use tokio::sync::{Semaphore, mpsc};
use tonic::Status;

use super::record::Records;

/// Run before anything is counted.
const WARM_UP: Duration = Duration::from_millis(400);

/// What a measurement gave. Times are in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Measured {
    pub(super) per_second: f64,
    pub(super) p50: f64,
    pub(super) p99: f64,
}

impl Measured {
    #[expect(clippy::cast_precision_loss, reason = "a rate is shown, not kept")]
    pub(super) fn of(count: usize, spent: Duration, mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |hundredths: usize| {
            times
                .get((times.len() * hundredths / 100).min(times.len().saturating_sub(1)))
                .map_or(0.0, |time| time.as_secs_f64() * 1e3)
        };
        Self {
            per_second: count as f64 / spent.as_secs_f64(),
            p50: at(50),
            p99: at(99),
        }
    }
}

/// So many callers, each of which asks again as soon as it has its answer.
pub(super) async fn closed_loop<C, F, Fut>(
    concurrency: usize,
    time: Duration,
    clients: &[C],
    call: F,
) -> Result<Measured>
where
    F: Fn(&C) -> Fut,
    Fut: Future<Output = Result<(), Status>> + Send + 'static,
    C: Clone + Send + Sync + 'static,
    F: Clone + Send + Sync + 'static,
{
    let begun = Instant::now();
    let callers = (0..concurrency).map(|number| {
        let (client, call) = (clients[number % clients.len()].clone(), call.clone());
        tokio::spawn(async move {
            let mut times = Vec::new();
            while begun.elapsed() < WARM_UP + time {
                let asked = Instant::now();
                call(&client).await?;
                if begun.elapsed() >= WARM_UP {
                    times.push(asked.elapsed());
                }
            }
            Ok::<_, Status>(times)
        })
    });
    let mut times = Vec::new();
    for caller in try_join_all(callers).await? {
        times.extend(caller?);
    }
    Ok(Measured::of(
        times.len(),
        begun.elapsed().saturating_sub(WARM_UP),
        times,
    ))
}

/// Callers who each send one record after another.
pub(super) async fn accepts(
    concurrency: usize,
    time: Duration,
    sessions: &[Session],
    records: &Arc<Records>,
) -> Result<Measured> {
    let made = Arc::clone(records);
    closed_loop(concurrency, time, sessions, move |session| {
        let (mut client, request) = (session.transfers(), made.next());
        async move {
            client.submit_transfer(request).await?;
            Ok(())
        }
    })
    .await
}

/// Streams, one a connection, that together keep so many records under way.
pub(super) async fn streams(
    concurrency: usize,
    time: Duration,
    sessions: &[Session],
    records: &Arc<Records>,
) -> Result<Measured> {
    let count = sessions.len().min(concurrency);
    let begun = Instant::now();
    let running = sessions.iter().take(count).enumerate().map(|(number, session)| {
        let window = concurrency / count + usize::from(number < concurrency % count);
        tokio::spawn(stream_records(
            session.clone(),
            Arc::clone(records),
            window,
            begun,
            time,
        ))
    });
    let mut times = Vec::new();
    for one in try_join_all(running).await? {
        times.extend(one?);
    }
    Ok(Measured::of(
        times.len(),
        begun.elapsed().saturating_sub(WARM_UP),
        times,
    ))
}

async fn stream_records(
    session: Session,
    records: Arc<Records>,
    window: usize,
    begun: Instant,
    time: Duration,
) -> Result<Vec<Duration>> {
    let room = Arc::new(Semaphore::new(window));
    let (sent, mut sending) = mpsc::unbounded_channel();
    let asked = stream::unfold(
        (records, sent, Arc::clone(&room)),
        move |(records, sent, room)| async move {
            room.acquire().await.ok()?.forget();
            if begun.elapsed() >= WARM_UP + time {
                return None;
            }
            let _ = sent.send(Instant::now());
            let record = SubmitTransfersRequest {
                transfer: Some(records.next()),
            };
            Some((record, (records, sent, room)))
        },
    );
    let mut answers = session
        .transfers()
        .submit_transfers(Box::pin(asked))
        .await?
        .into_inner();
    let mut refused = 0;
    let mut times = Vec::new();
    while let Some(answer) = answers.message().await? {
        room.add_permits(1);
        if !matches!(answer.result, Some(submit_transfers_response::Result::Receipt(_))) {
            refused += 1;
        }
        if let Some(at) = sending.recv().await
            && begun.elapsed() >= WARM_UP
        {
            times.push(at.elapsed());
        }
    }
    if refused > 0 {
        bail!("{refused} records of the bench were refused");
    }
    Ok(times)
}
