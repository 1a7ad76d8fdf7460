//! The lease of a gateway's log: who holds it writes, and nobody else. Its time is the database's, so that no
//! gateway's clock matters.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{Executor as _, Row as _};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use uuid::Uuid;

use super::primary::Primary;
use super::writes::Holding;
use crate::store::StoreError;

/// How often a log that another process holds is asked for again.
const AGAIN: Duration = Duration::from_millis(250);

/// A lease that this process holds, or held.
#[derive(Debug)]
pub(super) struct Lease {
    log: i32,
    epoch: i64,
    length: Duration,
    renewed: Mutex<Instant>,
    lost: AtomicBool,
    told: CancellationToken,
}

impl Lease {
    /// Takes the lease of a log, waiting until who holds it has given it back or let it run out.
    ///
    /// # Errors
    /// [`StoreError::Unsafe`] when it is renewed for longer than one length of a lease: another process lives.
    pub(super) async fn take(
        connection: &mut PgConnection,
        log: i32,
        length: Duration,
    ) -> Result<Self, StoreError> {
        const TAKE: &str = "UPDATE log SET epoch = epoch + 1, \
            lease_until = clock_timestamp() + $2::bigint * interval '1 millisecond' \
            WHERE no = $1 AND (lease_until IS NULL OR lease_until < clock_timestamp()) RETURNING epoch";
        let patience = Instant::now() + length + Duration::from_secs(2);
        loop {
            let taken = sqlx::query(TAKE).bind(log).bind(milliseconds(length));
            if let Some(row) = taken.fetch_optional(&mut *connection).await? {
                return Ok(Self {
                    log,
                    epoch: row.try_get(0)?,
                    length,
                    renewed: Mutex::new(Instant::now()),
                    lost: AtomicBool::new(false),
                    told: CancellationToken::new(),
                });
            }
            if Instant::now() > patience {
                return Err(StoreError::Unsafe(
                    "another process holds this log's lease: each gateway has a log, and a name, of its own"
                        .into(),
                ));
            }
            info!("waiting for the lease of this gateway's log");
            sleep(AGAIN).await;
        }
    }

    /// The log's number.
    pub(super) const fn log(&self) -> i32 {
        self.log
    }

    /// The epoch under which this process writes.
    pub(super) const fn epoch(&self) -> i64 {
        self.epoch
    }

    /// For how long it holds without being renewed.
    pub(super) const fn length(&self) -> Duration {
        self.length
    }

    /// What a commit on a connection says of it.
    pub(super) fn holding(&self, session: Uuid) -> Holding {
        Holding {
            log: self.log,
            epoch: self.epoch,
            lease_ms: milliseconds(self.length),
            session: Some(session),
        }
    }

    /// Notes that a commit has just renewed it.
    pub(super) fn renewed(&self) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether it is certainly gone.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Notes that it is gone.
    pub(super) fn lose(&self) {
        if !self.lost.swap(true, Ordering::AcqRel) {
            error!("another process has taken this gateway's log: nothing more is written");
        }
        self.told.cancel();
    }

    /// Comes back when it is gone.
    pub(super) async fn gone(&self) {
        self.told.cancelled().await;
    }

    /// Renews it and lets one connection write from here on, within a transaction of the caller's: what an earlier one
    /// may still have under way is not written any more. Gives the number that the connection's batches must show.
    pub(super) async fn renew_for(&self, connection: &mut PgConnection) -> Result<Uuid, StoreError> {
        const RENEW: &str = "UPDATE log SET session = gen_random_uuid(), \
            lease_until = clock_timestamp() + $3::bigint * interval '1 millisecond' \
            WHERE no = $1 AND epoch = $2 RETURNING session";
        let renewal = sqlx::query(RENEW)
            .bind(self.log)
            .bind(self.epoch)
            .bind(milliseconds(self.length));
        let Some(row) = connection.fetch_optional(renewal).await? else {
            self.lose();
            return Err(StoreError::LogMoved);
        };
        let session = row.try_get(0)?;
        self.renewed();
        Ok(session)
    }

    /// Renews it while nothing is written, asking often enough that two askings in a row may fail.
    pub(super) async fn keep(&self, primary: &Primary) {
        let pause = self.length / 4;
        loop {
            sleep(pause).await;
            let last = *self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
            if last.elapsed() < pause {
                continue;
            }
            match timeout(pause, primary.execute(self.renewal())).await {
                Ok(Ok(renewed)) if renewed.rows_affected() == 0 => {
                    self.lose();
                    return;
                }
                Ok(Ok(_)) => self.renewed(),
                // While the database does not answer nobody else can take it either, or the next asking tells.
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }

    /// Gives it back, so that who comes next need not wait.
    pub(super) async fn give_back(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        const BACK: &str = "UPDATE log SET lease_until = NULL WHERE no = $1 AND epoch = $2";
        connection
            .execute(sqlx::query(BACK).bind(self.log).bind(self.epoch))
            .await?;
        Ok(())
    }

    fn renewal(&self) -> sqlx::query::Query<'static, sqlx::Postgres, sqlx::postgres::PgArguments> {
        const RENEW: &str = "UPDATE log SET lease_until = clock_timestamp() + $3::bigint * interval '1 millisecond' \
            WHERE no = $1 AND epoch = $2";
        sqlx::query(RENEW)
            .bind(self.log)
            .bind(self.epoch)
            .bind(milliseconds(self.length))
    }
}

fn milliseconds(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}
