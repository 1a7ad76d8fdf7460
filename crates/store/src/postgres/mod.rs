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
mod readers;
mod referrals;
mod rights;
mod safety;
mod schema;
mod subjects;
mod target;
mod thread;
mod writes;

use std::marker::PhantomData;
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
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Row as _};
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
pub use self::safety::{Failover, Safety};
use self::thread::WriterThread;
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
/// For how long at most a batch gathers while another gateway writes, too. On a server that is busy with two of them
/// this makes fewer and larger commits; a lone record does not wait for it.
const GATHERED: Duration = Duration::from_millis(2);
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
        let (held, asking) = (Arc::clone(&lease), Arc::clone(&primary));
        let tasks = vec![
            telling,
            listening,
            tokio::spawn(async move { watching.watch().await }),
            tokio::spawn(async move { held.keep(&asking).await }),
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
        ask: impl for<'c> Fn(&'c mut PgConnection, Within<'c, 'a>) -> Asking<'c, T> + Send + Sync,
    ) -> Result<T, StoreError> {
        let asked = async || {
            let mut reader = self.primary.reader().await?;
            let found = ask(reader.connection(), PhantomData).await?;
            reader.give_back();
            Ok(found)
        };
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

/// What is asked for lives longer than the connection is held: `'a` than `'c`.
type Within<'c, 'a> = PhantomData<&'c &'a ()>;

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

    fn gathers(&self) -> Duration {
        match self.hints.in_company() {
            true => GATHERED,
            false => Duration::ZERO,
        }
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
        self.primary.close();
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
        self.read(|reader, _| Box::pin(directory::revision(reader))).await
    }

    async fn directory(&self) -> Result<Directory, StoreError> {
        self.read(|reader, _| Box::pin(directory::directory(reader)))
            .await
    }

    async fn subjects(&self, groups: Vec<Vec<[u8; 16]>>) -> Result<Vec<Vec<SubjectFacts>>, StoreError> {
        if !groups.iter().flatten().any(|tag| self.filter.may_know(tag)) {
            return Ok(vec![Vec::new(); groups.len()]);
        }
        let groups = &groups;
        self.read(|reader, _| Box::pin(subjects::subjects(reader, groups)))
            .await
    }

    async fn subject(&self, subject: SubjectId) -> Result<Option<SubjectFacts>, StoreError> {
        self.read(|reader, _| Box::pin(subjects::subject(reader, subject)))
            .await
    }

    async fn exchange(&self, exchange: ExchangeId) -> Result<Option<ExchangeRecord>, StoreError> {
        self.read(|reader, _| Box::pin(read::exchange(reader, exchange)))
            .await
    }

    async fn accepted(
        &self,
        sender: &AgencyId,
        request: RequestId,
    ) -> Result<Option<(ExchangeId, [u8; 32])>, StoreError> {
        self.read(|reader, _| Box::pin(read::accepted(reader, sender, request)))
            .await
    }

    async fn deliveries_of(&self, exchange: ExchangeId) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.read(|reader, _| Box::pin(read::deliveries_of(reader, exchange)))
            .await
    }

    async fn deliveries(
        &self,
        recipient: &AgencyId,
        deliveries: &[DeliveryId],
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.read(|reader, _| Box::pin(read::deliveries(reader, recipient, deliveries)))
            .await
    }

    async fn inbox(
        &self,
        recipient: &AgencyId,
        after: Option<DeliveryId>,
        limit: u32,
    ) -> Result<InboxPage, StoreError> {
        self.read(|reader, _| Box::pin(read::inbox(reader, recipient, after, limit)))
            .await
    }

    async fn sent(
        &self,
        sender: &AgencyId,
        kind: Option<ExchangeKind>,
        before: Option<ExchangeId>,
        limit: u32,
    ) -> Result<TransferList, StoreError> {
        self.read(|reader, _| Box::pin(read::sent(reader, sender, kind, before, limit)))
            .await
    }

    async fn unclaimed(&self, tags: &[[u8; 16]], limit: u32) -> Result<Vec<ExchangeRecord>, StoreError> {
        self.read(|reader, _| Box::pin(read::unclaimed(reader, tags, limit)))
            .await
    }

    async fn import_report(&self, delivery: DeliveryId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|reader, _| Box::pin(read::import_report(reader, delivery)))
            .await
    }

    async fn case(&self, case: CaseId) -> Result<Option<CaseRecord>, StoreError> {
        self.read(|reader, _| Box::pin(cases::case(reader, case))).await
    }

    async fn case_exchanges(&self, case: CaseId) -> Result<Vec<ExchangeRecord>, StoreError> {
        self.read(|reader, _| Box::pin(cases::case_exchanges(reader, case)))
            .await
    }

    async fn cases(
        &self,
        agency: &AgencyId,
        kind: CaseKind,
        before: Option<CaseId>,
        limit: u32,
    ) -> Result<CaseList, StoreError> {
        self.read(|reader, _| Box::pin(cases::cases(reader, agency, kind, before, limit)))
            .await
    }

    async fn rights(&self, subject: SubjectId) -> Result<RightsRecords, StoreError> {
        self.read(|reader, _| Box::pin(rights::rights(reader, subject)))
            .await
    }

    async fn rights_record(&self, record: RightsRecordId) -> Result<Option<RightsRecord>, StoreError> {
        self.read(|reader, _| Box::pin(rights::rights_record(reader, record)))
            .await
    }

    async fn relying_on(&self, record: RightsRecordId) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.read(|reader, _| Box::pin(rights::relying_on(reader, record)))
            .await
    }

    async fn clock(&self, clock: ClockId) -> Result<Option<ClockRecord>, StoreError> {
        self.read(|reader, _| Box::pin(clocks::clock(reader, clock)))
            .await
    }

    async fn clocks_of_case(&self, case: CaseId) -> Result<Vec<ClockRecord>, StoreError> {
        self.read(|reader, _| Box::pin(clocks::clocks_of_case(reader, case)))
            .await
    }

    async fn clocks_of_exchange(&self, exchange: ExchangeId) -> Result<Vec<ClockRecord>, StoreError> {
        self.read(|reader, _| Box::pin(clocks::clocks_of_exchange(reader, exchange)))
            .await
    }

    async fn clocks_owed_by(
        &self,
        agency: &AgencyId,
        after: Option<(Date, ClockId)>,
        limit: u32,
    ) -> Result<Vec<ClockRecord>, StoreError> {
        self.read(|reader, _| Box::pin(clocks::clocks_owed_by(reader, agency, after, limit)))
            .await
    }

    async fn clocks_owed_about(
        &self,
        agency: &AgencyId,
        subject: SubjectId,
    ) -> Result<Vec<ClockRecord>, StoreError> {
        self.read(|reader, _| Box::pin(clocks::clocks_owed_about(reader, agency, subject)))
            .await
    }

    async fn clocks_to_notice(&self, on: Date, limit: u32) -> Result<Vec<ClockRecord>, StoreError> {
        self.read(|reader, _| Box::pin(clocks::clocks_to_notice(reader, on, limit)))
            .await
    }

    async fn referral(&self, referral: ReferralId) -> Result<Option<ReferralRecord>, StoreError> {
        self.read(|reader, _| Box::pin(referrals::referral(reader, referral)))
            .await
    }

    async fn referrals_of(&self, exchange: ExchangeId) -> Result<Vec<ReferralRecord>, StoreError> {
        self.read(|reader, _| Box::pin(referrals::referrals_of(reader, exchange)))
            .await
    }

    async fn open_referrals(
        &self,
        decider: &AgencyId,
        after: Option<ReferralId>,
        limit: u32,
    ) -> Result<Vec<ReferralRecord>, StoreError> {
        self.read(|reader, _| Box::pin(referrals::open_referrals(reader, decider, after, limit)))
            .await
    }

    async fn attachment(&self, attachment: AttachmentId) -> Result<Option<AttachmentRecord>, StoreError> {
        self.read(|reader, _| Box::pin(attachments::attachment(reader, attachment)))
            .await
    }

    async fn attachments_of(&self, exchange: ExchangeId) -> Result<Vec<AttachmentRecord>, StoreError> {
        self.read(|reader, _| Box::pin(attachments::attachments_of(reader, exchange)))
            .await
    }

    async fn exchanges_of_attachment(&self, attachment: AttachmentId) -> Result<Vec<ExchangeId>, StoreError> {
        self.read(|reader, _| Box::pin(attachments::exchanges_of_attachment(reader, attachment)))
            .await
    }

    async fn logs(&self) -> Result<Vec<LogSummary>, StoreError> {
        let own = self.lease.log();
        self.read(|reader, _| Box::pin(audit::logs(reader, own))).await
    }

    async fn events(&self, filter: &EventFilter) -> Result<Vec<EventRow>, StoreError> {
        self.read(|reader, _| Box::pin(audit::events(reader, filter)))
            .await
    }

    async fn event(&self, log: &str, index: u64) -> Result<Option<EventRow>, StoreError> {
        self.read(|reader, _| Box::pin(audit::event(reader, log, index)))
            .await
    }

    async fn checkpoint(&self, log: &str, size: Option<u64>) -> Result<Option<CheckpointRow>, StoreError> {
        self.read(|reader, _| Box::pin(audit::checkpoint(reader, log, size)))
            .await
    }

    async fn prove_inclusion(
        &self,
        log: &str,
        index: u64,
        size: u64,
    ) -> Result<Option<InclusionProof>, StoreError> {
        self.read(|reader, _| Box::pin(audit::prove_inclusion(reader, log, index, size)))
            .await
    }

    async fn prove_consistency(
        &self,
        log: &str,
        old: u64,
        new: u64,
    ) -> Result<Option<ConsistencyProof>, StoreError> {
        self.read(|reader, _| Box::pin(audit::prove_consistency(reader, log, old, new)))
            .await
    }
}
