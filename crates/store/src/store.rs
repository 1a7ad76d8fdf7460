//! The store's contract: one way to write, and the reads that decisions, mailboxes and auditors need.

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

use tokio::runtime::Handle;
use tokio::sync::broadcast;

use crate::change::{Change, Committed, Conflict};
use crate::directory::Directory;
use crate::reads::{
    AttachmentRecord, CaseList, CaseRecord, CheckpointRow, ClockRecord, DeliveryRecord, EventFilter,
    EventRow, ExchangeRecord, InboxPage, LogSummary, ReferralRecord, RightsRecord, RightsRecords,
    SubjectFacts, TransferList,
};
use crate::seal::Keyring;

/// What went wrong in a store. The texts name no data.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine failed or cannot be reached; nothing of the batch was acknowledged.
    #[error("the database failed: {0}")]
    Database(String),
    /// The database cannot be reached, or the server that was asked no longer takes writes.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// Another gateway wrote at the same moment what this one wanted to write: try again.
    #[error("another gateway stood in the way")]
    Contended,
    /// Another writer appended to this log: this one must stop, reopen the log and only then go on.
    #[error("another writer has the log")]
    LogMoved,
    /// A row could not be read back as what it must be.
    #[error("a stored {0} cannot be read")]
    Corrupt(&'static str),
    /// The keys given do not fit this database.
    #[error("the keys do not fit this database: {0}")]
    Keys(#[from] crate::seal::SealError),
    /// The log's mathematics refused something.
    #[error("the log is not consistent: {0}")]
    Ledger(String),
    /// The database does not keep what it confirms, or another process holds this process's log.
    #[error("the database cannot be used: {0}")]
    Unsafe(String),
    /// The history was moved to another database: it goes on there, and this one must not go on beside it.
    #[error("this history was moved to {0}: it is served there, and here no more")]
    Moved(String),
    /// The log of this process takes no more entries.
    #[error(
        "log {0} has ended: it was restored from a back-up; give this gateway another name (hub.gateway)"
    )]
    LogEnded(String),
    /// The database was made by a newer version, or migrating it failed.
    #[error("the database's schema cannot be used: {0}")]
    Schema(String),
    /// An export could not be written or read.
    #[error("the export file failed: {0}")]
    Export(#[from] std::io::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        // Engine texts name tables and constraints, never bound values.
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unreachable(error.to_string()),
            // PostgreSQL's five-character conditions; SQLite's codes are shorter.
            sqlx::Error::Database(said) => match said.code().as_deref() {
                // Unique key, deadlock, serialisation, what was taken for granted (migration 3): another gateway was
                // quicker.
                Some("23505" | "40P01" | "40001" | "SH002") => Self::Contended,
                Some("SH001") => Self::LogMoved,
                // Shutting down, crashed, starting up; no longer the primary; an idle transaction was ended; any
                // failure of a connection.
                Some("57P01" | "57P02" | "57P03" | "25006" | "25P03") => Self::Unreachable(error.to_string()),
                Some(code) if code.len() == 5 && code.starts_with("08") => {
                    Self::Unreachable(error.to_string())
                }
                _ => Self::Database(error.to_string()),
            },
            _ => Self::Database(error.to_string()),
        }
    }
}

/// Something that another process may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// Something came into this agency's mailbox, or left it.
    Mailbox(AgencyId),
    /// The directory or an agreement changed.
    Directory,
    /// Hints may have been missed: look at everything.
    Missed,
}

/// One database with this process's own log in it.
///
/// Promises that every implementation keeps, and that `conformance` checks:
/// * **Durability.** When [`Store::commit`] returns `Ok`, every change reported as `Ok` survives a crash of
///   the process and of the machine. When it returns `Err`, the caller does not know and must not acknowledge.
/// * **All or nothing.** A change's effects and its log entry are there together or not at all.
/// * **Order.** Entries of one batch stand in the log in the order of the batch, skipping refused changes.
/// * **One writer a log.** A commit succeeds only if the log still has the size this writer knows
///   (compare-and-swap in the same transaction), else [`StoreError::LogMoved`] and nothing is written.
/// * **Read your writes.** A read that starts after a commit returned sees it.
///
/// Where the engines differ:
/// * **Other processes.** SQLite lets one process at a time write; PostgreSQL as many as there are logs, each with a
///   log that it leases. What others write is heard of through [`Store::hints`] on PostgreSQL, and on SQLite found by
///   looking.
/// * **Order of mailboxes.** Copies are in the order of their names, which hold the time of the gateway that made
///   them. With many gateways a copy may come into a mailbox in front of one that is there already.
/// * **A lost machine.** On SQLite what is durable is as durable as the one disk. On PostgreSQL it is what the
///   configured replication makes it, see [`crate::postgres::Safety`].
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The hub's keys: pseudonyms and sealing.
    fn keyring(&self) -> Arc<Keyring>;

    /// The origin of this process's own log.
    fn log_origin(&self) -> &str;

    /// What other processes wrote that concerns this one, as far as the engine tells of it. A hint may be lost and
    /// may come twice: who depends on it looks from time to time as well. `None` when the engine tells nothing.
    fn hints(&self) -> Option<broadcast::Receiver<Hint>>;

    /// Where the one who writes runs best: beside the connection on which it waits.
    fn home(&self) -> Handle {
        Handle::current()
    }

    /// For how long at most a batch gathers after the one before it, while much is written: each commit costs an engine
    /// that others use, too.
    fn gathers(&self) -> Duration {
        Duration::ZERO
    }

    /// Comes back when another process has taken this process's log: nothing more can be written. Never, where no
    /// other process can.
    async fn lost(&self) {
        std::future::pending::<()>().await;
    }

    /// Closes every connection and gives the log back. Later calls fail; a store that is dropped without this loses
    /// nothing.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn close(&self) -> Result<(), StoreError>;

    /// Writes a batch in one durable transaction and returns each change's own result, in order.
    /// A change whose guard fails takes no effect and leaves no entry; the others are not affected.
    /// Guards see the effects of changes earlier in the same batch.
    ///
    /// # Errors
    /// Any [`StoreError`]: nothing may be acknowledged.
    async fn commit(&self, batch: Vec<Change>) -> Result<Vec<Result<Committed, Conflict>>, StoreError>;

    /// The number that grows with every change to the directory, by any process.
    async fn directory_revision(&self) -> Result<u64, StoreError>;

    /// The whole directory as of now.
    async fn directory(&self) -> Result<Directory, StoreError>;

    /// What the register knows of people, asked by groups of identifier tags: for each group, the
    /// distinct people that its tags lead to (none, one, or, where identifiers contradict, several).
    async fn subjects(&self, groups: Vec<Vec<[u8; 16]>>) -> Result<Vec<Vec<SubjectFacts>>, StoreError>;

    /// The register's entry of one person.
    async fn subject(&self, subject: SubjectId) -> Result<Option<SubjectFacts>, StoreError>;

    /// One exchange with its place in the log.
    async fn exchange(&self, exchange: ExchangeId) -> Result<Option<ExchangeRecord>, StoreError>;

    /// What a sender's request id became, with the digest of the request, if it was accepted.
    async fn accepted(
        &self,
        sender: &AgencyId,
        request: RequestId,
    ) -> Result<Option<(ExchangeId, [u8; 32])>, StoreError>;

    /// The copies of one exchange, without the hub's own notices about it.
    async fn deliveries_of(&self, exchange: ExchangeId) -> Result<Vec<DeliveryRecord>, StoreError>;

    /// The copies with these names that belong to `recipient`, in the order asked; unknown ones are left out.
    async fn deliveries(
        &self,
        recipient: &AgencyId,
        deliveries: &[DeliveryId],
    ) -> Result<Vec<DeliveryRecord>, StoreError>;

    /// A recipient's open copies, oldest first, after a given one.
    async fn inbox(
        &self,
        recipient: &AgencyId,
        after: Option<DeliveryId>,
        limit: u32,
    ) -> Result<InboxPage, StoreError>;

    /// What an agency has sent, of one kind or of every kind, newest first, before a given exchange.
    async fn sent(
        &self,
        sender: &AgencyId,
        kind: Option<ExchangeKind>,
        before: Option<ExchangeId>,
        limit: u32,
    ) -> Result<TransferList, StoreError>;

    /// Held exchanges of unknown destination that no one has claimed and that carry every one of these tags.
    async fn unclaimed(&self, tags: &[[u8; 16]], limit: u32) -> Result<Vec<ExchangeRecord>, StoreError>;

    /// The sealed import report on a copy.
    async fn import_report(&self, delivery: DeliveryId) -> Result<Option<Vec<u8>>, StoreError>;

    /// One case.
    async fn case(&self, case: CaseId) -> Result<Option<CaseRecord>, StoreError>;

    /// The exchanges of a case with their content, oldest first.
    async fn case_exchanges(&self, case: CaseId) -> Result<Vec<ExchangeRecord>, StoreError>;

    /// The cases of one kind in which an agency takes part, newest first, before a given one: it owns them, has sent an
    /// exchange of them, or has a copy of one.
    async fn cases(
        &self,
        agency: &AgencyId,
        kind: CaseKind,
        before: Option<CaseId>,
        limit: u32,
    ) -> Result<CaseList, StoreError>;

    /// All that is recorded of a person's rights, with its revision, as of one moment.
    async fn rights(&self, subject: SubjectId) -> Result<RightsRecords, StoreError>;

    /// One record about rights.
    async fn rights_record(&self, record: RightsRecordId) -> Result<Option<RightsRecord>, StoreError>;

    /// The open copies that may be handed over only as long as this record stands, oldest first.
    async fn relying_on(&self, record: RightsRecordId) -> Result<Vec<DeliveryRecord>, StoreError>;

    /// One clock.
    async fn clock(&self, clock: ClockId) -> Result<Option<ClockRecord>, StoreError>;

    /// The clocks of a case, oldest first.
    async fn clocks_of_case(&self, case: CaseId) -> Result<Vec<ClockRecord>, StoreError>;

    /// The clocks that an exchange started, oldest first.
    async fn clocks_of_exchange(&self, exchange: ExchangeId) -> Result<Vec<ClockRecord>, StoreError>;

    /// The running clocks on which an agency must act, the soonest due first, after a given day and clock.
    async fn clocks_owed_by(
        &self,
        agency: &AgencyId,
        after: Option<(Date, ClockId)>,
        limit: u32,
    ) -> Result<Vec<ClockRecord>, StoreError>;

    /// The running clocks on which an agency must act for one person, in whichever case, oldest first.
    async fn clocks_owed_about(
        &self,
        agency: &AgencyId,
        subject: SubjectId,
    ) -> Result<Vec<ClockRecord>, StoreError>;

    /// Running clocks whose next notice is due on or before a day, the earliest notice first.
    async fn clocks_to_notice(&self, on: Date, limit: u32) -> Result<Vec<ClockRecord>, StoreError>;

    /// One referral.
    async fn referral(&self, referral: ReferralId) -> Result<Option<ReferralRecord>, StoreError>;

    /// The referrals of an exchange, oldest first.
    async fn referrals_of(&self, exchange: ExchangeId) -> Result<Vec<ReferralRecord>, StoreError>;

    /// The referrals that wait for an agency's decision, in the order of their names, after a given one.
    async fn open_referrals(
        &self,
        decider: &AgencyId,
        after: Option<ReferralId>,
        limit: u32,
    ) -> Result<Vec<ReferralRecord>, StoreError>;

    /// One attachment.
    async fn attachment(&self, attachment: AttachmentId) -> Result<Option<AttachmentRecord>, StoreError>;

    /// The attachments of an exchange, oldest first.
    async fn attachments_of(&self, exchange: ExchangeId) -> Result<Vec<AttachmentRecord>, StoreError>;

    /// The exchanges to which an attachment belongs, oldest first.
    async fn exchanges_of_attachment(&self, attachment: AttachmentId) -> Result<Vec<ExchangeId>, StoreError>;

    /// The logs in this database, this process's own first.
    async fn logs(&self) -> Result<Vec<LogSummary>, StoreError>;

    /// Entries that fit a filter, in log order.
    async fn events(&self, filter: &EventFilter) -> Result<Vec<EventRow>, StoreError>;

    /// One entry.
    async fn event(&self, log: &str, index: u64) -> Result<Option<EventRow>, StoreError>;

    /// The checkpoint of a size, or the newest when `None`.
    async fn checkpoint(&self, log: &str, size: Option<u64>) -> Result<Option<CheckpointRow>, StoreError>;

    /// Proof that entry `index` stands in the tree of `size`; `None` when there is no such tree or entry.
    async fn prove_inclusion(
        &self,
        log: &str,
        index: u64,
        size: u64,
    ) -> Result<Option<sendhub_ledger::proof::InclusionProof>, StoreError>;

    /// Proof that the tree of `old` is a prefix of the tree of `new`; `None` when either does not exist.
    async fn prove_consistency(
        &self,
        log: &str,
        old: u64,
        new: u64,
    ) -> Result<Option<sendhub_ledger::proof::ConsistencyProof>, StoreError>;
}
