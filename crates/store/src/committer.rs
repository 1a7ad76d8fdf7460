//! Group commit: one task takes what waits, in fair turns of the agencies, writes it in one transaction, and
//! answers all.

mod lines;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{error, warn};

pub use self::lines::Room;
use self::lines::{Lines, NoPlace, Turn};
use crate::change::{Change, Committed, Conflict, Effect};
use crate::store::{Store, StoreError};

/// How many changes are in one transaction. Measured: larger batches gain nothing and lengthen the wait. While
/// several agencies send, each has a smaller part: a lone record then waits for two short commits at most.
const TURN: Turn = Turn {
    whole: 256,
    few: 16,
    in_company: 16,
};
/// Sealed content of so many bytes takes as long to write as one more record.
const BYTES_A_RECORD: usize = 16 * 1024;
/// A batch of so many says that more come at once: the next may be gathered.
const MUCH: usize = 4;

/// Why a change was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum CommitRefused {
    /// A guard failed: the change, and only it, was not written.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// More of this agency's waits than it may have waiting, or more of all: try again later. Nothing was done.
    #[error("too much waits to be written")]
    Overloaded,
    /// The database failed; whether the change was written is not known.
    #[error("the database did not confirm the change")]
    NotConfirmed,
    /// This gateway writes no more: it stops, or another has its log. Nothing was done.
    #[error("the hub is shutting down")]
    Closed,
}

type Answer = oneshot::Sender<Result<Committed, CommitRefused>>;
type Queue = Lines<(Change, Answer)>;

/// The way in for everybody who writes. Clones share one set of lines.
///
/// Who stops waiting (a deadline passed, a connection cut) before the change is taken into a transaction has
/// not written: it is passed over. A transaction under way is finished whoever waits for it.
#[derive(Clone)]
pub struct Committer {
    queue: Arc<Queue>,
    _open: Arc<Open>,
}

/// Closes the lines when the last clone of a [`Committer`] goes.
struct Open(Arc<Queue>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl std::fmt::Debug for Committer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Committer")
    }
}

impl Committer {
    /// Starts the writing task over a store. At most as many changes wait as there is room for. A batch is of what
    /// arrived while the last commit ran, so a lone caller waits for one commit and no longer; of much it is half, so
    /// that the writer and the callers have work at once. Only while much is written beside another process is a
    /// batch gathered for a moment, see [`Store::gathers`].
    ///
    /// The task ends when every clone is gone and nothing waits, or when the log is lost to another writer;
    /// the handle says which.
    pub fn start(
        store: Arc<dyn Store>,
        room: impl Into<Room>,
    ) -> (Self, tokio::task::JoinHandle<Result<(), StoreError>>) {
        let queue = Lines::new(room.into());
        let committer = Self {
            queue: Arc::clone(&queue),
            _open: Arc::new(Open(Arc::clone(&queue))),
        };
        let writing = store.home().spawn(write(store, queue));
        (committer, writing)
    }

    /// Writes one change, refusing at once when its agency has no place. For single requests.
    ///
    /// # Errors
    /// [`CommitRefused`].
    pub async fn commit(&self, change: Change) -> Result<Committed, CommitRefused> {
        let place = self.queue.place_now(&change.entry.agency)?;
        let (answer, reply) = oneshot::channel();
        let cost = cost(&change);
        self.queue.put(place, (change, answer), cost);
        reply.await.map_err(|_| CommitRefused::NotConfirmed)?
    }

    /// Queues one change, waiting for room: backpressure instead of refusal. For streams.
    /// Awaiting the outer future takes the place in the line; the returned one gives the result.
    ///
    /// # Errors
    /// [`CommitRefused::Closed`]; the inner future [`CommitRefused`].
    pub async fn queue(
        &self,
        change: Change,
    ) -> Result<impl Future<Output = Result<Committed, CommitRefused>> + Send + use<>, CommitRefused> {
        let place = self.queue.place(&change.entry.agency).await?;
        let (answer, reply) = oneshot::channel();
        let cost = cost(&change);
        self.queue.put(place, (change, answer), cost);
        Ok(async move { reply.await.map_err(|_| CommitRefused::NotConfirmed)? })
    }
}

impl From<NoPlace> for CommitRefused {
    fn from(none: NoPlace) -> Self {
        match none {
            NoPlace::Full => Self::Overloaded,
            NoPlace::Closed => Self::Closed,
        }
    }
}

/// How long a change takes to write, counted in small records.
fn cost(change: &Change) -> u64 {
    let bytes: usize = change
        .effects
        .iter()
        .map(|effect| match effect {
            Effect::StoreExchange(row) => row.sealed.len() / BYTES_A_RECORD,
            _ => 0,
        })
        .sum();
    1 + u64::try_from(bytes).unwrap_or(u64::MAX / 2)
}

/// For how long the next batch is gathered after one of so many changes that took so long: never longer than a commit
/// takes, as on a fast disk the wait would cost more than it saves. A sleep of nothing takes a tick of the timer, too.
fn pause(gathers: Duration, written: usize, took: Duration) -> Option<Duration> {
    let pause = gathers.min(took);
    (written >= MUCH && !pause.is_zero()).then_some(pause)
}

async fn write(store: Arc<dyn Store>, queue: Arc<Queue>) -> Result<(), StoreError> {
    let (mut written, mut took) = (0, Duration::ZERO);
    loop {
        if let Some(pause) = pause(store.gathers(), written, took) {
            // What has not come by then is not waited for.
            let _ = timeout(pause, queue.gather()).await;
        }
        let waiting = tokio::select! {
            // Also while nothing is to be written: a gateway without a log of its own is to end.
            () = store.lost() => {
                queue.close();
                close(&queue).await;
                return Err(StoreError::LogMoved);
            }
            waiting = queue.take(TURN, |(_, answer)| !answer.is_closed()) => waiting,
        };
        if waiting.is_empty() {
            return Ok(());
        }
        written = waiting.len();
        let (batch, answers): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
        let begun = Instant::now();
        let committed = store.commit(batch).await;
        took = begun.elapsed();
        match committed {
            Ok(results) => {
                for (answer, result) in answers.into_iter().zip(results) {
                    // A caller that went away loses only its answer: the change is durable and its
                    // request id gives the receipt again.
                    let _ = answer.send(result.map_err(CommitRefused::Conflict));
                }
            }
            Err(StoreError::LogMoved) => {
                error!("another writer has this gateway's log: no further change is written");
                refuse(answers);
                queue.close();
                close(&queue).await;
                return Err(StoreError::LogMoved);
            }
            Err(failure) => {
                warn!(%failure, "a batch was not confirmed");
                refuse(answers);
            }
        }
    }
}

/// Tells those who still wait that nothing of theirs is written.
async fn close(queue: &Arc<Queue>) {
    loop {
        let waiting = queue.take(TURN, |_| true).await;
        if waiting.is_empty() {
            return;
        }
        for (_, answer) in waiting {
            let _ = answer.send(Err(CommitRefused::Closed));
        }
    }
}

fn refuse(answers: Vec<Answer>) {
    for answer in answers {
        let _ = answer.send(Err(CommitRefused::NotConfirmed));
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, MUCH, pause};

    #[test]
    fn a_batch_is_gathered_while_much_is_written_and_never_longer_than_a_commit_takes() {
        let millis = Duration::from_millis;
        let cases = [
            // The store asks for, the last batch was of, and took; what is waited.
            (millis(0), 256, millis(5), None),
            (millis(2), MUCH - 1, millis(5), None),
            (millis(2), 0, millis(0), None),
            (millis(2), MUCH, millis(5), Some(millis(2))),
            (millis(2), 256, millis(1), Some(millis(1))),
        ];
        for (gathers, written, took, waited) in cases {
            assert_eq!(
                pause(gathers, written, took),
                waited,
                "{gathers:?} {written} {took:?}"
            );
        }
    }
}
