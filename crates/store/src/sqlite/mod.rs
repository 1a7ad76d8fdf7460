//! The embedded engine: SQLite in one file, WAL, every commit synced before it is acknowledged.

mod attachments;
mod audit;
pub(crate) mod bare;
mod cases;
mod clocks;
mod commit;
mod decode;
mod directory;
mod endings;
mod folding;
mod lookup;
mod opening;
mod read;
mod referrals;
mod rights;
mod rows;
mod schema;
mod subjects;
mod writes;

use std::path::PathBuf;
use std::sync::Arc;

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
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions as _, Row as _};
use tokio::sync::{Mutex, broadcast};

use self::commit::Writer;
pub(crate) use self::endings::{end_logs, mark_moved, moved_to};
use self::folding::Folding;
pub(crate) use self::opening::{open_alone, open_copier, open_snapshot};
use self::subjects::Subjects;
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

/// What is needed to open a database.
#[derive(Debug)]
pub struct SqliteOptions {
    /// The file; it is made when it is not there.
    pub path: PathBuf,
    /// The master key that wraps new keys.
    pub master_key: MasterKey,
    /// Master keys that were current before: they open what they wrapped.
    pub former_keys: Vec<MasterKey>,
    /// The key that signs the checkpoints of this process's own log; its name is the log's origin.
    pub log_key: LogKey,
    /// How many connections read at the same time, at least 1. Each costs a thread and about 1 MiB when used.
    pub readers: u32,
}

/// A database file, open: one connection that writes, a few that read.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Mutex<Option<Writer>>,
    readers: SqlitePool,
    subjects: Subjects,
    filter: Arc<Filter>,
    keyring: Arc<Keyring>,
    log: i64,
    origin: String,
}

impl SqliteStore {
    /// Opens a database, making file, schema, pseudonym secret and log row where they are not there.
    ///
    /// # Errors
    /// [`StoreError::Schema`] for a database of a newer version, [`StoreError::Keys`] when the master keys do
    /// not fit, [`StoreError::Ledger`] when the log of this origin has another key, [`StoreError::Moved`] and
    /// [`StoreError::LogEnded`] when history or log go on elsewhere, [`StoreError::Database`].
    pub async fn open(options: SqliteOptions) -> Result<Self, StoreError> {
        let key = options.log_key;
        let origin = key.verifier().name().to_owned();
        let mut connection = schema::writer(&options.path).connect().await?;
        schema::migrate(&mut connection).await?;
        if let Some(place) = moved_to(&mut connection).await? {
            return Err(StoreError::Moved(place));
        }

        // One transaction: of two processes that open a new file, one makes the secret, the other finds it.
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await?;
        let keyring = keyring(&mut connection, options.master_key, options.former_keys).await?;
        let log = log_number(&mut connection, &origin, &key.verifier().to_string()).await?;
        sqlx::query("COMMIT").execute(&mut connection).await?;

        let filter = Arc::new(subjects::filter(&mut connection).await?);
        let writer = Writer::open(connection, log, key, Folding::of(&options.path)).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(options.readers.max(1))
            .min_connections(1)
            .test_before_acquire(false)
            .connect_with(schema::reader(&options.path))
            .await?;
        Ok(Self {
            writer: Mutex::new(Some(writer)),
            subjects: Subjects::start(
                Arc::clone(&filter),
                readers.clone(),
                schema::reader(&options.path).connect().await?,
            ),
            filter,
            readers,
            keyring: Arc::new(keyring),
            log,
            origin,
        })
    }
}

async fn keyring(
    connection: &mut SqliteConnection,
    current: MasterKey,
    former: Vec<MasterKey>,
) -> Result<Keyring, StoreError> {
    const FIND: &str = "SELECT master_key_id, wrapped FROM hub_secret WHERE id = 1";
    const MAKE: &str = "INSERT INTO hub_secret (id, master_key_id, wrapped) VALUES (1, ?, ?)";
    if let Some(row) = sqlx::query(FIND).fetch_optional(&mut *connection).await? {
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
        .execute(connection)
        .await?;
    Ok(keyring)
}

async fn log_number(connection: &mut SqliteConnection, origin: &str, key: &str) -> Result<i64, StoreError> {
    const FIND: &str = "SELECT no, verifier_key, ended_at IS NOT NULL FROM log WHERE origin = ?";
    const MAKE: &str =
        "INSERT INTO log (origin, verifier_key, size, peaks) VALUES (?, ?, 0, x'') RETURNING no";
    let found = sqlx::query(FIND)
        .bind(origin.to_owned())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = found else {
        let made = sqlx::query(MAKE).bind(origin.to_owned()).bind(key.to_owned());
        return Ok(made.fetch_one(connection).await?.try_get(0)?);
    };
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
impl Store for SqliteStore {
    fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keyring)
    }

    fn log_origin(&self) -> &str {
        &self.origin
    }

    /// A file tells nobody of a change.
    fn hints(&self) -> Option<broadcast::Receiver<Hint>> {
        None
    }

    /// Folds the write-ahead log into the file when nobody else has it open.
    async fn close(&self) -> Result<(), StoreError> {
        self.readers.close().await;
        self.subjects.close().await?;
        if let Some(writer) = self.writer.lock().await.take() {
            writer.close().await?;
        }
        Ok(())
    }

    async fn commit(&self, batch: Vec<Change>) -> Result<Vec<Result<Committed, Conflict>>, StoreError> {
        self.filter.learn(&batch);
        match self.writer.lock().await.as_mut() {
            Some(writer) => writer.commit(batch).await,
            None => Err(StoreError::Database("the store is closed".into())),
        }
    }

    async fn directory_revision(&self) -> Result<u64, StoreError> {
        directory::revision(&self.readers).await
    }

    async fn directory(&self) -> Result<Directory, StoreError> {
        directory::directory(&self.readers).await
    }

    async fn subjects(&self, groups: Vec<Vec<[u8; 16]>>) -> Result<Vec<Vec<SubjectFacts>>, StoreError> {
        self.subjects.ask(groups).await
    }

    async fn subject(&self, subject: SubjectId) -> Result<Option<SubjectFacts>, StoreError> {
        subjects::subject(&self.readers, subject).await
    }

    async fn exchange(&self, exchange: ExchangeId) -> Result<Option<ExchangeRecord>, StoreError> {
        read::exchange(&self.readers, exchange).await
    }

    async fn accepted(
        &self,
        sender: &AgencyId,
        request: RequestId,
    ) -> Result<Option<(ExchangeId, [u8; 32])>, StoreError> {
        read::accepted(&self.readers, sender, request).await
    }

    async fn deliveries_of(&self, exchange: ExchangeId) -> Result<Vec<DeliveryRecord>, StoreError> {
        read::deliveries_of(&self.readers, exchange).await
    }

    async fn deliveries(
        &self,
        recipient: &AgencyId,
        deliveries: &[DeliveryId],
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        read::deliveries(&self.readers, recipient, deliveries).await
    }

    async fn inbox(
        &self,
        recipient: &AgencyId,
        after: Option<DeliveryId>,
        limit: u32,
    ) -> Result<InboxPage, StoreError> {
        read::inbox(&self.readers, recipient, after, limit).await
    }

    async fn sent(
        &self,
        sender: &AgencyId,
        kind: Option<ExchangeKind>,
        before: Option<ExchangeId>,
        limit: u32,
    ) -> Result<TransferList, StoreError> {
        read::sent(&self.readers, sender, kind, before, limit).await
    }

    async fn unclaimed(&self, tags: &[[u8; 16]], limit: u32) -> Result<Vec<ExchangeRecord>, StoreError> {
        read::unclaimed(&self.readers, tags, limit).await
    }

    async fn import_report(&self, delivery: DeliveryId) -> Result<Option<Vec<u8>>, StoreError> {
        read::import_report(&self.readers, delivery).await
    }

    async fn case(&self, case: CaseId) -> Result<Option<CaseRecord>, StoreError> {
        cases::case(&self.readers, case).await
    }

    async fn case_exchanges(&self, case: CaseId) -> Result<Vec<ExchangeRecord>, StoreError> {
        cases::case_exchanges(&self.readers, case).await
    }

    async fn cases(
        &self,
        agency: &AgencyId,
        kind: CaseKind,
        before: Option<CaseId>,
        limit: u32,
    ) -> Result<CaseList, StoreError> {
        cases::cases(&self.readers, agency, kind, before, limit).await
    }

    async fn rights(&self, subject: SubjectId) -> Result<RightsRecords, StoreError> {
        rights::rights(&self.readers, subject).await
    }

    async fn rights_record(&self, record: RightsRecordId) -> Result<Option<RightsRecord>, StoreError> {
        rights::rights_record(&self.readers, record).await
    }

    async fn relying_on(&self, record: RightsRecordId) -> Result<Vec<DeliveryRecord>, StoreError> {
        rights::relying_on(&self.readers, record).await
    }

    async fn clock(&self, clock: ClockId) -> Result<Option<ClockRecord>, StoreError> {
        clocks::clock(&self.readers, clock).await
    }

    async fn clocks_of_case(&self, case: CaseId) -> Result<Vec<ClockRecord>, StoreError> {
        clocks::clocks_of_case(&self.readers, case).await
    }

    async fn clocks_of_exchange(&self, exchange: ExchangeId) -> Result<Vec<ClockRecord>, StoreError> {
        clocks::clocks_of_exchange(&self.readers, exchange).await
    }

    async fn clocks_owed_by(
        &self,
        agency: &AgencyId,
        after: Option<(Date, ClockId)>,
        limit: u32,
    ) -> Result<Vec<ClockRecord>, StoreError> {
        clocks::clocks_owed_by(&self.readers, agency, after, limit).await
    }

    async fn clocks_owed_about(
        &self,
        agency: &AgencyId,
        subject: SubjectId,
    ) -> Result<Vec<ClockRecord>, StoreError> {
        clocks::clocks_owed_about(&self.readers, agency, subject).await
    }

    async fn clocks_to_notice(&self, on: Date, limit: u32) -> Result<Vec<ClockRecord>, StoreError> {
        clocks::clocks_to_notice(&self.readers, on, limit).await
    }

    async fn referral(&self, referral: ReferralId) -> Result<Option<ReferralRecord>, StoreError> {
        referrals::referral(&self.readers, referral).await
    }

    async fn referrals_of(&self, exchange: ExchangeId) -> Result<Vec<ReferralRecord>, StoreError> {
        referrals::referrals_of(&self.readers, exchange).await
    }

    async fn open_referrals(
        &self,
        decider: &AgencyId,
        after: Option<ReferralId>,
        limit: u32,
    ) -> Result<Vec<ReferralRecord>, StoreError> {
        referrals::open_referrals(&self.readers, decider, after, limit).await
    }

    async fn attachment(&self, attachment: AttachmentId) -> Result<Option<AttachmentRecord>, StoreError> {
        attachments::attachment(&self.readers, attachment).await
    }

    async fn attachments_of(&self, exchange: ExchangeId) -> Result<Vec<AttachmentRecord>, StoreError> {
        attachments::attachments_of(&self.readers, exchange).await
    }

    async fn exchanges_of_attachment(&self, attachment: AttachmentId) -> Result<Vec<ExchangeId>, StoreError> {
        attachments::exchanges_of_attachment(&self.readers, attachment).await
    }

    async fn logs(&self) -> Result<Vec<LogSummary>, StoreError> {
        audit::logs(&self.readers, self.log).await
    }

    async fn events(&self, filter: &EventFilter) -> Result<Vec<EventRow>, StoreError> {
        audit::events(&self.readers, filter).await
    }

    async fn event(&self, log: &str, index: u64) -> Result<Option<EventRow>, StoreError> {
        audit::event(&self.readers, log, index).await
    }

    async fn checkpoint(&self, log: &str, size: Option<u64>) -> Result<Option<CheckpointRow>, StoreError> {
        audit::checkpoint(&self.readers, log, size).await
    }

    async fn prove_inclusion(
        &self,
        log: &str,
        index: u64,
        size: u64,
    ) -> Result<Option<InclusionProof>, StoreError> {
        audit::prove_inclusion(&self.readers, log, index, size).await
    }

    async fn prove_consistency(
        &self,
        log: &str,
        old: u64,
        new: u64,
    ) -> Result<Option<ConsistencyProof>, StoreError> {
        audit::prove_consistency(&self.readers, log, old, new).await
    }
}
