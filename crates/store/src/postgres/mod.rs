//! The engine for many gateways: PostgreSQL, each gateway with a log that it leases, every commit as durable as the
//! database's settings make it.

mod address;
mod attachments;
mod audit;
pub(crate) mod bare;
mod cases;
mod clocks;
mod commit;
mod decode;
mod directory;
mod hints;
mod lease;
mod lookup;
pub(crate) mod native;
mod primary;
mod read;
mod referrals;
mod rights;
mod safety;
mod schema;
mod subjects;
mod target;
mod thread;
mod writes;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::civil::Date;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::exchange::{
    AttachmentId, CaseId, CaseKind, ClockId, DeliveryId, ExchangeId, ExchangeKind, ReferralId, RequestId,
    RightsRecordId,
};
use sendhub_domain::person::SubjectId;
use sendhub_ledger::checkpoint::LogKey;
use sendhub_ledger::proof::{ConsistencyProof, InclusionProof};
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Postgres, Row as _};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, broadcast};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::warn;

use self::address::Address;
use self::commit::Writer;
use self::hints::Hints;
use self::lease::Lease;
use self::primary::Primary;
use self::thread::WriterThread;
pub use self::safety::{Failover, Safety};
use crate::change::{Change, Committed, Conflict};
use crate::directory::Directory;
use crate::filter::Filter;
use crate::reads::{
    AttachmentRecord, CaseList, CaseRecord, CheckpointRow, ClockRecord, DeliveryRecord, EventFilter,
    EventRow, ExchangeRecord, InboxPage, LogSummary, ReferralRecord, RightsRecord, RightsRecords,
    SubjectFacts, TransferList,
};
use crate::seal::{Keyring, MasterKey, WrappedSecret};
use crate::store::{Hint, Store, StoreError};

/// The writer's session. Its statements find rows by key, and their shape does not depend on what they are given: the
/// planner is told so once. A transaction that its gateway has left behind does not hold its locks for long.
const SETTINGS: [(&str, &str); 8] = [
    ("synchronous_commit", "on"),
    // Locks are taken in one statement, and what they guard is read in the next, which must see it as it is then.
    ("default_transaction_isolation", "read committed"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
    ("idle_in_transaction_session_timeout", "10s"),
];
/// A reader's session.
const READING: [(&str, &str); 2] = [("jit", "off"), ("idle_in_transaction_session_timeout", "60s")];
/// How long a read may take before it is given up.
const READ: Duration = Duration::from_secs(15);
/// How often partitions are looked to.
const UPKEEP: Duration = Duration::from_secs(3_600);

/// What is needed to open a database.
#[derive(Debug)]
pub struct PostgresOptions {
    /// `postgres://user@host:port/database`, with several hosts when the primary may move.
    pub url: String,
    /// The master key that wraps new keys.
    pub master_key: MasterKey,
    /// Master keys that were current before: they open what they wrapped.
    pub former_keys: Vec<MasterKey>,
    /// The key that signs the checkpoints of this gateway's own log; its name is the log's origin.
    pub log_key: LogKey,
    /// How many connections read at the same time, at least 2.
    pub readers: u32,
    /// For how long the log is this process's without word from it. Another process with the same log waits so long.
    pub lease: Duration,
    /// Whether several servers may be named although the loss of the primary would lose what was acknowledged.
    pub failover_may_lose: MayLose,
}

/// Whether the operator takes it that a failover loses what was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MayLose {
    /// It may not: a database that would is refused.
    #[default]
    Nothing,
    /// It may.
    WhatNoStandbyHad,
}

/// A database, open: one connection that writes, a few that read, one that listens.
#[derive(Debug)]
pub struct PostgresStore {
    writer: Mutex<Option<Writer>>,
    primary: Arc<Primary>,
    lease: Arc<Lease>,
    hints: Hints,
    filter: Arc<Filter>,
    keyring: Arc<Keyring>,
    origin: String,
    tasks: Vec<JoinHandle<()>>,
    thread: WriterThread,
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl PostgresStore {
    /// Opens a database: finds its primary, judges its settings, brings its schema up to date, makes the pseudonym
    /// secret and the log row where they are not there, and takes the lease of the log.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`], [`StoreError::Unsafe`] for settings that lose what was confirmed and for a lease
    /// that another process holds, [`StoreError::Schema`] for a database of a newer version, [`StoreError::Keys`]
    /// when the master keys do not fit, [`StoreError::Ledger`] when the log of this origin has another key,
    /// [`StoreError::LogEnded`] when the log takes no more entries, [`StoreError::Database`].
    pub async fn open(options: PostgresOptions) -> Result<Self, StoreError> {
        let key = options.log_key;
        let origin = key.verifier().name().to_owned();
        let address = Address::parse(&options.url)?;
        let failover = safety::expected(&address, options.failover_may_lose);
        let primary = Arc::new(Primary::find(address, options.readers).await?);
        let thread = WriterThread::start()?;
        let found = Arc::clone(&primary);
        let mut connection = thread.run(async move { found.connect(&SETTINGS).await }).await?;
        Safety::read(&mut connection).await?.require(failover)?;
        schema::migrate(&mut connection).await?;
        let keyring = keyring(&mut connection, options.master_key, options.former_keys).await?;
        let log = log_number(&mut connection, &origin, &key.verifier().to_string()).await?;
        let lease = Arc::new(Lease::take(&mut connection, log, options.lease).await?);
        let filter = Arc::new(subjects::filter(&mut connection).await?);
        let mut writer = Writer::open(connection, Arc::clone(&primary), Arc::clone(&lease), key).await?;
        writer.upkeep().await?;
        let (hints, [telling, listening]) = Hints::start(Arc::clone(&primary), origin.clone());
        let watching = Arc::clone(&primary);
        let (held, pools) = (Arc::clone(&lease), Arc::clone(&primary));
        let tasks = vec![
            telling,
            listening,
            tokio::spawn(async move { watching.watch().await }),
            tokio::spawn(async move { held.keep(|| pools.pool()).await }),
            tokio::spawn(upkeep(Arc::clone(&primary), log)),
        ];
        Ok(Self {
            writer: Mutex::new(Some(writer)),
            primary,
            lease,
            hints,
            filter,
            keyring: Arc::new(keyring),
            origin,
            tasks,
            thread,
        })
    }

    /// Reads from the primary. A read that met a dead connection is asked once more: it changes nothing.
    async fn read<'a, T: Send>(
        &self,
        ask: impl Fn(PoolConnection<Postgres>) -> Asking<'a, T> + Send + Sync,
    ) -> Result<T, StoreError> {
        let asked = async || ask(self.primary.reader().await?).await;
        match timeout(READ, asked()).await {
            Ok(Err(StoreError::Unreachable(_))) => {
                self.primary.doubt();
                sleep(Duration::from_millis(50)).await;
                let again = timeout(READ, asked()).await;
                again.unwrap_or_else(|_| Err(slow()))
            }
            Ok(result) => result,
            Err(_) => {
                self.primary.doubt();
                Err(slow())
            }
        }
    }
}

/// A read under way.
type Asking<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

fn slow() -> StoreError {
    StoreError::Unreachable("it does not answer in time".into())
}

/// Opens a database for reading, in one snapshot of it: what is written meanwhile is not seen.
///
/// # Errors
/// [`StoreError::Unreachable`], [`StoreError::Database`].
pub(crate) async fn open_snapshot(url: &str) -> Result<PgConnection, StoreError> {
    let (_, mut connection) = Address::parse(url)?.primary(0, &[]).await?;
    sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .execute(&mut connection)
        .await?;
    Ok(connection)
}

pub(crate) use self::schema::{History, migrate, partitions_for};
pub(crate) use self::target::{Target, open_target};

/// An instant of a row, for verification.
pub(crate) use self::decode::instant as instant_at;

/// Makes partitions ahead of their time, for as long as the store is open.
async fn upkeep(primary: Arc<Primary>, log: i32) {
    const SIZE: &str = "SELECT size FROM log WHERE no = $1";
    loop {
        sleep(UPKEEP).await;
        let made = async {
            let mut connection = primary.connect(&READING).await?;
            let row = sqlx::query(SIZE).bind(log).fetch_one(&mut connection).await?;
            schema::partitions(&mut connection, decode::count(&row, 0)?).await
        };
        if let Err(failure) = made.await {
            warn!(%failure, "partitions could not be looked to");
        }
    }
}

async fn keyring(
    connection: &mut PgConnection,
    current: MasterKey,
    former: Vec<MasterKey>,
) -> Result<Keyring, StoreError> {
    const FIND: &str = "SELECT master_key_id, wrapped FROM hub_secret WHERE id = 1";
    const MAKE: &str = "INSERT INTO hub_secret (id, master_key_id, wrapped) VALUES (1, $1, $2)";
    // Of two processes that open a new database one makes the secret, and the other finds it.
    let mut transaction = schema::alone(connection).await?;
    if let Some(row) = sqlx::query(FIND).fetch_optional(&mut *transaction).await? {
        let secret = WrappedSecret {
            master_key_id: row.try_get(0)?,
            wrapped: row.try_get(1)?,
        };
        return Ok(Keyring::open(current, former, &secret)?);
    }
    let (keyring, secret) = Keyring::create(current)?;
    sqlx::query(MAKE)
        .bind(secret.master_key_id)
        .bind(secret.wrapped)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(keyring)
}

async fn log_number(connection: &mut PgConnection, origin: &str, key: &str) -> Result<i32, StoreError> {
    const MAKE: &str = "INSERT INTO log (origin, verifier_key, size, peaks, epoch) VALUES ($1, $2, 0, '', 0) \
        ON CONFLICT (origin) DO NOTHING";
    const FIND: &str = "SELECT no, verifier_key, ended_at IS NOT NULL FROM log WHERE origin = $1";
    let make = sqlx::query(MAKE).bind(origin).bind(key);
    make.execute(&mut *connection).await?;
    let row = sqlx::query(FIND).bind(origin).fetch_one(connection).await?;
    if row.try_get::<&str, _>(1)? != key {
        return Err(StoreError::Ledger(
            "the log of this origin was begun with another key".into(),
        ));
    }
    if row.try_get(2)? {
        return Err(StoreError::LogEnded(origin.to_owned()));
    }
    Ok(row.try_get(0)?)
}

#[async_trait]
impl Store for PostgresStore {
    fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keyring)
    }

    fn log_origin(&self) -> &str {
        &self.origin
    }

    fn hints(&self) -> Option<broadcast::Receiver<Hint>> {
        Some(self.hints.subscribe())
    }

    fn home(&self) -> Handle {
        self.thread.handle().unwrap_or_else(Handle::current)
    }

    async fn lost(&self) {
        self.lease.gone().await;
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.tasks.iter().for_each(JoinHandle::abort);
        if let Some(writer) = self.writer.lock().await.take()
            && let Some(mut connection) = writer.into_connection()
        {
            self.lease.give_back(&mut connection).await?;
            connection.close().await?;
        }
        self.primary.pool().close().await;
        Ok(())
    }

    async fn commit(&self, batch: Vec<Change>) -> Result<Vec<Result<Committed, Conflict>>, StoreError> {
        self.filter.learn(&batch);
        let concerned = hints::of(&batch);
        let results = match self.writer.lock().await.as_mut() {
            Some(writer) => writer.commit(batch).await?,
            None => return Err(StoreError::Database("the store is closed".into())),
        };
        self.hints.tell(concerned.into_iter().map(Hint::from));
        Ok(results)
    }

    async fn directory_revision(&self) -> Result<u64, StoreError> {
        self.read(|mut held| Box::pin(async move { directory::revision(&mut held).await }))
            .await
    }

    async fn directory(&self) -> Result<Directory, StoreError> {
        self.read(|mut held| Box::pin(async move { directory::directory(&mut held).await }))
            .await
    }

    async fn subjects(&self, groups: Vec<Vec<[u8; 16]>>) -> Result<Vec<Vec<SubjectFacts>>, StoreError> {
        if !groups.iter().flatten().any(|tag| self.filter.may_know(tag)) {
            return Ok(vec![Vec::new(); groups.len()]);
        }
        let groups = &groups;
        self.read(|mut held| Box::pin(async move { subjects::subjects(&mut held, groups).await }))
            .await
    }

    async fn subject(&self, subject: SubjectId) -> Result<Option<SubjectFacts>, StoreError> {
        self.read(|mut held| Box::pin(async move { subjects::subject(&mut held, subject).await }))
            .await
    }

    async fn exchange(&self, exchange: ExchangeId) -> Result<Option<ExchangeRecord>, StoreError> {
        self.read(|mut held| Box::pin(async move { read::exchange(&mut held, exchange).await }))
            .await
    }

    async fn accepted(
        &self,
        sender: &AgencyId,
        request: RequestId,
    ) -> Result<Option<(ExchangeId, [u8; 32])>, StoreError> {
        self.read(|mut held| Box::pin(async move { read::accepted(&mut held, sender, request).await }))
            .await
    }

    async fn deliveries_of(&self, exchange: ExchangeId) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.read(|mut held| Box::pin(async move { read::deliveries_of(&mut held, exchange).await }))
            .await
    }

    async fn deliveries(
        &self,
        recipient: &AgencyId,
        deliveries: &[DeliveryId],
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.read(|mut held| Box::pin(async move { read::deliveries(&mut held, recipient, deliveries).await }))
            .await
    }

    async fn inbox(
        &self,
        recipient: &AgencyId,
        after: Option<DeliveryId>,
        limit: u32,
    ) -> Result<InboxPage, StoreError> {
        self.read(|mut held| Box::pin(async move { read::inbox(&mut held, recipient, after, limit).await }))
            .await
    }

    async fn sent(
        &self,
        sender: &AgencyId,
        kind: Option<ExchangeKind>,
        before: Option<ExchangeId>,
        limit: u32,
    ) -> Result<TransferList, StoreError> {
        self.read(|mut held| Box::pin(async move { read::sent(&mut held, sender, kind, before, limit).await }))
            .await
    }

    async fn unclaimed(&self, tags: &[[u8; 16]], limit: u32) -> Result<Vec<ExchangeRecord>, StoreError> {
        self.read(|mut held| Box::pin(async move { read::unclaimed(&mut held, tags, limit).await }))
            .await
    }

    async fn import_report(&self, delivery: DeliveryId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|mut held| Box::pin(async move { read::import_report(&mut held, delivery).await }))
            .await
    }

    async fn case(&self, case: CaseId) -> Result<Option<CaseRecord>, StoreError> {
        self.read(|mut held| Box::pin(async move { cases::case(&mut held, case).await }))
            .await
    }

    async fn case_exchanges(&self, case: CaseId) -> Result<Vec<ExchangeRecord>, StoreError> {
        self.read(|mut held| Box::pin(async move { cases::case_exchanges(&mut held, case).await }))
            .await
    }

    async fn cases(
        &self,
        agency: &AgencyId,
        kind: CaseKind,
        before: Option<CaseId>,
        limit: u32,
    ) -> Result<CaseList, StoreError> {
        self.read(|mut held| Box::pin(async move { cases::cases(&mut held, agency, kind, before, limit).await }))
            .await
    }

    async fn rights(&self, subject: SubjectId) -> Result<RightsRecords, StoreError> {
        self.read(|mut held| Box::pin(async move { rights::rights(&mut held, subject).await }))
            .await
    }

    async fn rights_record(&self, record: RightsRecordId) -> Result<Option<RightsRecord>, StoreError> {
        self.read(|mut held| Box::pin(async move { rights::rights_record(&mut held, record).await }))
            .await
    }

    async fn relying_on(&self, record: RightsRecordId) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.read(|mut held| Box::pin(async move { rights::relying_on(&mut held, record).await }))
            .await
    }

    async fn clock(&self, clock: ClockId) -> Result<Option<ClockRecord>, StoreError> {
        self.read(|mut held| Box::pin(async move { clocks::clock(&mut held, clock).await }))
            .await
    }

    async fn clocks_of_case(&self, case: CaseId) -> Result<Vec<ClockRecord>, StoreError> {
        self.read(|mut held| Box::pin(async move { clocks::clocks_of_case(&mut held, case).await }))
            .await
    }

    async fn clocks_of_exchange(&self, exchange: ExchangeId) -> Result<Vec<ClockRecord>, StoreError> {
        self.read(|mut held| Box::pin(async move { clocks::clocks_of_exchange(&mut held, exchange).await }))
            .await
    }

    async fn clocks_owed_by(
        &self,
        agency: &AgencyId,
        after: Option<(Date, ClockId)>,
        limit: u32,
    ) -> Result<Vec<ClockRecord>, StoreError> {
        self.read(|mut held| Box::pin(async move { clocks::clocks_owed_by(&mut held, agency, after, limit).await }))
            .await
    }

    async fn clocks_owed_about(
        &self,
        agency: &AgencyId,
        subject: SubjectId,
    ) -> Result<Vec<ClockRecord>, StoreError> {
        self.read(|mut held| Box::pin(async move { clocks::clocks_owed_about(&mut held, agency, subject).await }))
            .await
    }

    async fn clocks_to_notice(&self, on: Date, limit: u32) -> Result<Vec<ClockRecord>, StoreError> {
        self.read(|mut held| Box::pin(async move { clocks::clocks_to_notice(&mut held, on, limit).await }))
            .await
    }

    async fn referral(&self, referral: ReferralId) -> Result<Option<ReferralRecord>, StoreError> {
        self.read(|mut held| Box::pin(async move { referrals::referral(&mut held, referral).await }))
            .await
    }

    async fn referrals_of(&self, exchange: ExchangeId) -> Result<Vec<ReferralRecord>, StoreError> {
        self.read(|mut held| Box::pin(async move { referrals::referrals_of(&mut held, exchange).await }))
            .await
    }

    async fn open_referrals(
        &self,
        decider: &AgencyId,
        after: Option<ReferralId>,
        limit: u32,
    ) -> Result<Vec<ReferralRecord>, StoreError> {
        self.read(|mut held| {
            Box::pin(async move { referrals::open_referrals(&mut held, decider, after, limit).await })
        })
        .await
    }

    async fn attachment(&self, attachment: AttachmentId) -> Result<Option<AttachmentRecord>, StoreError> {
        self.read(|mut held| Box::pin(async move { attachments::attachment(&mut held, attachment).await }))
            .await
    }

    async fn attachments_of(&self, exchange: ExchangeId) -> Result<Vec<AttachmentRecord>, StoreError> {
        self.read(|mut held| Box::pin(async move { attachments::attachments_of(&mut held, exchange).await }))
            .await
    }

    async fn exchanges_of_attachment(&self, attachment: AttachmentId) -> Result<Vec<ExchangeId>, StoreError> {
        self.read(|mut held| {
            Box::pin(async move { attachments::exchanges_of_attachment(&mut held, attachment).await })
        })
        .await
    }

    async fn logs(&self) -> Result<Vec<LogSummary>, StoreError> {
        let own = self.lease.log();
        self.read(|mut held| Box::pin(async move { audit::logs(&mut held, own).await }))
            .await
    }

    async fn events(&self, filter: &EventFilter) -> Result<Vec<EventRow>, StoreError> {
        self.read(|mut held| Box::pin(async move { audit::events(&mut held, filter).await }))
            .await
    }

    async fn event(&self, log: &str, index: u64) -> Result<Option<EventRow>, StoreError> {
        self.read(|mut held| Box::pin(async move { audit::event(&mut held, log, index).await }))
            .await
    }

    async fn checkpoint(&self, log: &str, size: Option<u64>) -> Result<Option<CheckpointRow>, StoreError> {
        self.read(|mut held| Box::pin(async move { audit::checkpoint(&mut held, log, size).await }))
            .await
    }

    async fn prove_inclusion(
        &self,
        log: &str,
        index: u64,
        size: u64,
    ) -> Result<Option<InclusionProof>, StoreError> {
        self.read(|mut held| Box::pin(async move { audit::prove_inclusion(&mut held, log, index, size).await }))
            .await
    }

    async fn prove_consistency(
        &self,
        log: &str,
        old: u64,
        new: u64,
    ) -> Result<Option<ConsistencyProof>, StoreError> {
        self.read(|mut held| Box::pin(async move { audit::prove_consistency(&mut held, log, old, new).await }))
            .await
    }
}
