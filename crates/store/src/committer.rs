//! Group commit: one task takes every change that waits, writes them in one transaction, and answers all.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use crate::change::{Change, Committed, Conflict};
use crate::store::{Store, StoreError};

/// The most changes in one transaction. Measured: larger batches gain nothing and lengthen the wait.
const BATCH: usize = 256;

/// Why a change was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum CommitRefused {
    /// A guard failed: the change, and only it, was not written.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// More waits than the queue holds: try again later.
    #[error("too much waits to be written")]
    Overloaded,
    /// The database failed; whether the change was written is not known.
    #[error("the database did not confirm the change")]
    NotConfirmed,
    /// The hub is shutting down.
    #[error("the hub is shutting down")]
    Closed,
}

type Answer = oneshot::Sender<Result<Committed, CommitRefused>>;

/// The way in for everybody who writes. Clones share one queue.
#[derive(Clone)]
pub struct Committer {
    queue: mpsc::Sender<(Change, Answer)>,
}

impl std::fmt::Debug for Committer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Committer")
    }
}

impl Committer {
    /// Starts the writing task over a store. At most `waiting` changes wait; there is no timer: a batch is
    /// what arrived while the last commit ran, so a lone caller waits for one commit and no longer.
    ///
    /// The task ends when every clone is gone and the queue is empty, or when the log is lost to another
    /// writer; the handle says which.
    pub fn start(
        store: Arc<dyn Store>,
        waiting: usize,
    ) -> (Self, tokio::task::JoinHandle<Result<(), StoreError>>) {
        let (queue, changes) = mpsc::channel(waiting);
        (Self { queue }, tokio::spawn(write(store, changes)))
    }

    /// Writes one change, refusing at once when the queue is full. For single requests.
    ///
    /// # Errors
    /// [`CommitRefused`].
    pub async fn commit(&self, change: Change) -> Result<Committed, CommitRefused> {
        let (answer, reply) = oneshot::channel();
        self.queue.try_send((change, answer)).map_err(|full| match full {
            mpsc::error::TrySendError::Full(_) => CommitRefused::Overloaded,
            mpsc::error::TrySendError::Closed(_) => CommitRefused::Closed,
        })?;
        reply.await.map_err(|_| CommitRefused::NotConfirmed)?
    }

    /// Queues one change, waiting for room: backpressure instead of refusal. For streams.
    /// Awaiting the outer future takes the place in the queue; the returned one gives the result.
    ///
    /// # Errors
    /// [`CommitRefused::Closed`]; the inner future [`CommitRefused`].
    pub async fn queue(
        &self,
        change: Change,
    ) -> Result<impl Future<Output = Result<Committed, CommitRefused>> + Send + use<>, CommitRefused> {
        let (answer, reply) = oneshot::channel();
        self.queue
            .send((change, answer))
            .await
            .map_err(|_| CommitRefused::Closed)?;
        Ok(async move { reply.await.map_err(|_| CommitRefused::NotConfirmed)? })
    }
}

async fn write(
    store: Arc<dyn Store>,
    mut changes: mpsc::Receiver<(Change, Answer)>,
) -> Result<(), StoreError> {
    let mut waiting = Vec::with_capacity(BATCH);
    while changes.recv_many(&mut waiting, BATCH).await > 0 {
        let (batch, answers): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
        match store.commit(batch).await {
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
                return Err(StoreError::LogMoved);
            }
            Err(failure) => {
                warn!(%failure, "a batch was not confirmed");
                refuse(answers);
            }
        }
    }
    Ok(())
}

fn refuse(answers: Vec<Answer>) {
    for answer in answers {
        let _ = answer.send(Err(CommitRefused::NotConfirmed));
    }
}
