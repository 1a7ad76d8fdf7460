//! The server that takes writes, and the pool that reads from it: looked for again when it does not answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgConnection, PgQueryResult};
use sqlx::query::Query;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::READING;
use super::address::Address;
use super::readers::{self, Pool, Reader};
use crate::store::StoreError;

/// How often the primary is asked whether it still is one.
const PULSE: Duration = Duration::from_secs(1);
/// How long it may take to say so.
const ANSWER: Duration = Duration::from_secs(2);
/// Between two looks for a primary while there is none.
const SEARCH: Duration = Duration::from_millis(200);

/// The primary as this process knows it.
#[derive(Debug)]
pub(super) struct Primary {
    address: Address,
    server: AtomicUsize,
    pool: ArcSwap<Pool>,
    readers: u32,
    doubted: Notify,
}

impl Primary {
    /// Finds the primary and makes a pool of readers on it.
    pub(super) async fn find(address: Address, readers: u32) -> Result<Self, StoreError> {
        let (server, connection) = address.primary(0, &READING).await?;
        drop(connection);
        let pool = readers::pool(address.options(server, &READING), readers)?;
        Ok(Self {
            address,
            server: AtomicUsize::new(server),
            pool: ArcSwap::from_pointee(pool),
            readers,
            doubted: Notify::new(),
        })
    }

    /// Ends the readers' pool.
    pub(super) fn close(&self) {
        self.pool.load().close();
    }

    /// A connection that reads, of the pool.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] when none could be had in time.
    pub(super) async fn reader(&self) -> Result<Reader, StoreError> {
        let pool = self.pool.load_full();
        readers::get(&pool).await
    }

    /// Runs a statement of its own, without the writer.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`], [`StoreError::Database`].
    pub(super) async fn execute(
        &self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<PgQueryResult, StoreError> {
        let mut reader = self.reader().await?;
        let done = query.execute(reader.connection()).await?;
        reader.give_back();
        Ok(done)
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
        match readers::pool(self.address.options(server, &READING), self.readers) {
            Ok(new) => self.pool.swap(Arc::new(new)).close(),
            Err(failure) => warn!(%failure, "the readers stay as they are"),
        }
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
        let asked = timeout(ANSWER, async {
            let mut reader = self.reader().await?;
            let is_one = sqlx::query_scalar::<_, bool>(ASK)
                .fetch_one(reader.connection())
                .await?;
            reader.give_back();
            Ok::<_, StoreError>(is_one)
        })
        .await;
        matches!(asked, Ok(Ok(true)))
    }
}
