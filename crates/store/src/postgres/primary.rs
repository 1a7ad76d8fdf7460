//! The server that takes writes, and the pool that reads from it: looked for again when it does not answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::READING;
use super::address::Address;
use crate::store::StoreError;

/// How often the primary is asked whether it still is one.
const PULSE: Duration = Duration::from_secs(1);
/// How long it may take to say so.
const ANSWER: Duration = Duration::from_secs(2);
/// Between two looks for a primary while there is none.
const SEARCH: Duration = Duration::from_millis(200);
/// How long a read waits for a free connection.
const ACQUIRE: Duration = Duration::from_secs(5);

/// The primary as this process knows it.
#[derive(Debug)]
pub(super) struct Primary {
    address: Address,
    server: AtomicUsize,
    pool: ArcSwap<PgPool>,
    readers: u32,
    doubted: Notify,
}

impl Primary {
    /// Finds the primary and makes a pool of readers on it.
    pub(super) async fn find(address: Address, readers: u32) -> Result<Self, StoreError> {
        let (server, connection) = address.primary(0, &READING).await?;
        drop(connection);
        let pool = pool(&address, server, readers);
        Ok(Self {
            address,
            server: AtomicUsize::new(server),
            pool: ArcSwap::from_pointee(pool),
            readers,
            doubted: Notify::new(),
        })
    }

    /// The readers' pool.
    pub(super) fn pool(&self) -> Arc<PgPool> {
        self.pool.load_full()
    }

    /// A reader of the pool.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`].
    pub(super) async fn reader(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        let pool = self.pool();
        // To wait for one, or open one, takes 15 KiB on the heap, which most reads can do without: a watch that is
        // opened would leave them touched.
        match pool.try_acquire() {
            Some(reader) => Ok(reader),
            None => Ok(Box::pin(pool.acquire()).await?),
        }
    }

    /// Options for a connection of one's own to the primary as it is now.
    pub(super) fn options(&self, settings: &[(&str, &str)]) -> sqlx::postgres::PgConnectOptions {
        self.address
            .options(self.server.load(Ordering::Acquire), settings)
    }

    /// A new connection to whichever server takes writes now.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`].
    pub(super) async fn connect(&self, settings: &[(&str, &str)]) -> Result<PgConnection, StoreError> {
        let known = self.server.load(Ordering::Acquire);
        let (server, connection) = self.address.primary(known, settings).await?;
        if server != known {
            self.moved(server);
        }
        Ok(connection)
    }

    /// Somebody found that it does not answer: it is looked for at once.
    pub(super) fn doubt(&self) {
        self.doubted.notify_one();
    }

    fn moved(&self, server: usize) {
        info!(server, "the database's primary has moved");
        self.server.store(server, Ordering::Release);
        self.renew(server);
    }

    /// Puts a new pool in the place of the old one, whose connections may hang on a server that is gone.
    fn renew(&self, server: usize) {
        let old = self
            .pool
            .swap(Arc::new(pool(&self.address, server, self.readers)));
        tokio::spawn(async move { old.close().await });
    }

    /// Asks the primary from time to time, and follows it when it moves.
    pub(super) async fn watch(&self) {
        loop {
            tokio::select! {
                () = sleep(PULSE) => {}
                () = self.doubted.notified() => {}
            }
            if self.is_primary().await {
                continue;
            }
            warn!("the database's primary does not answer");
            let known = self.server.load(Ordering::Acquire);
            let server = loop {
                match self.address.primary(known, &READING).await {
                    Ok((server, _)) => break server,
                    Err(_) => sleep(SEARCH).await,
                }
            };
            if server == known {
                info!("the database's primary answers again");
                self.renew(server);
            } else {
                self.moved(server);
            }
        }
    }

    async fn is_primary(&self) -> bool {
        const ASK: &str = "SELECT NOT pg_is_in_recovery()";
        let pool = self.pool();
        let asked = timeout(ANSWER, sqlx::query_scalar::<_, bool>(ASK).fetch_one(&*pool)).await;
        matches!(asked, Ok(Ok(true)))
    }
}

fn pool(address: &Address, server: usize, readers: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(readers.max(2))
        .min_connections(1)
        .acquire_timeout(ACQUIRE)
        // A read that meets a dead connection is asked again; to ask before each would double its cost.
        .test_before_acquire(false)
        .connect_lazy_with(address.options(server, &READING))
}
