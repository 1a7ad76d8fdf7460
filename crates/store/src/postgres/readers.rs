//! The connections that read: taken, given back and let go of without a word to the server.

use std::time::Duration;

use deadpool::managed::{self, Manager, Metrics, Object, PoolError, RecycleError, RecycleResult};
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::time::timeout;

use crate::store::StoreError;

/// How long a read waits for a free connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// A connection is used for so long: the server's process behind it grows with what it has seen.
const AGE: Duration = Duration::from_secs(30 * 60);

/// A pool of them.
pub(super) type Pool = managed::Pool<Opener>;

/// Opens connections to one server.
#[derive(Debug)]
pub(super) struct Opener(PgConnectOptions);

/// A connection, and whether its last answer came whole.
#[derive(Debug)]
pub(super) struct Opened {
    connection: PgConnection,
    sound: bool,
}

impl Manager for Opener {
    type Type = Opened;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Opened, sqlx::Error> {
        // In a box: few reads open one, and the others would carry the room for it.
        let connection = Box::pin(self.0.connect()).await?;
        Ok(Opened {
            connection,
            sound: false,
        })
    }

    async fn recycle(&self, opened: &mut Opened, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        // A read that meets a dead connection is asked again; to ask before each would double its cost.
        if !opened.sound || metrics.age() > AGE {
            return Err(RecycleError::message("left half way, or old"));
        }
        opened.sound = false;
        Ok(())
    }
}

/// A pool of at most so many readers, at least two, of one server; none is opened yet.
///
/// # Errors
/// [`StoreError::Database`]: never for what is asked here.
pub(super) fn pool(options: PgConnectOptions, most: u32) -> Result<Pool, StoreError> {
    let most = usize::try_from(most.max(2)).unwrap_or(usize::MAX);
    let built = Pool::builder(Opener(options)).max_size(most).build();
    built.map_err(|failure| StoreError::Database(failure.to_string()))
}

/// A reader of a pool, or a new one.
///
/// # Errors
/// [`StoreError::Unreachable`] when none was free in time or the pool was ended; what opening one failed with.
pub(super) async fn get(pool: &Pool) -> Result<Reader, StoreError> {
    match timeout(PATIENCE, pool.get()).await {
        Ok(Ok(held)) => Ok(Reader(held)),
        Ok(Err(PoolError::Backend(failure))) => Err(failure.into()),
        Ok(Err(failure)) => Err(StoreError::Unreachable(failure.to_string())),
        Err(_) => Err(StoreError::Unreachable("no connection was free in time".into())),
    }
}

/// A connection that reads. One that is not given back is not used again: a read that failed, or was dropped before
/// its answer came, may have left it half way.
#[derive(Debug)]
pub(super) struct Reader(Object<Opener>);

impl Reader {
    /// The connection, for one read.
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.0.connection
    }

    /// Back to the pool: its answer came.
    pub(super) fn give_back(mut self) {
        self.0.sound = true;
    }
}
