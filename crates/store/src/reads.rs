//! What can be read: the rows that decisions, mailboxes and auditors see.

mod matters;

use jiff::Timestamp;
use jiff::civil::Date;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::exchange::{
    CaseId, DeliveryId, DeliveryState, ExchangeId, ExchangeKind, HubNoticeCode, RequestId,
};
use sendhub_domain::person::SubjectId;

pub use self::matters::{
    AttachmentRecord, CaseList, CaseRecord, ClockException, ClockRecord, ReferralRecord, RightsRecord,
    RightsRecords,
};

/// What the register knows of a person; all of it keyed or sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectFacts {
    /// The pseudonym.
    pub subject: SubjectId,
    /// Keyed tag of the date of birth.
    pub birth_tag: [u8; 16],
    /// Keyed tag of the name.
    pub name_tag: [u8; 16],
    /// The wrapped data key.
    pub wrapped_key: Vec<u8>,
    /// Which master key wrapped it.
    pub master_key_id: String,
    /// Sealed decision facts.
    pub sealed_facts: Vec<u8>,
}

/// An accepted exchange with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeRecord {
    /// Its name.
    pub exchange: ExchangeId,
    /// What it is.
    pub kind: ExchangeKind,
    /// Who sent it.
    pub sender: AgencyId,
    /// The sender's request id.
    pub request: RequestId,
    /// Whom it is about.
    pub subject: SubjectId,
    /// The case that it belongs to, if any.
    pub case: Option<CaseId>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it is due, by law.
    pub due_on: Option<Date>,
    /// Non-personal facts as the gateway encoded them.
    pub header: Vec<u8>,
    /// The sealed content.
    pub sealed: Vec<u8>,
    /// The log that holds its entry.
    pub log: String,
    /// Where in that log.
    pub leaf_index: u64,
    /// The size of the tree whose checkpoint its receipt carried.
    pub tree_size: u64,
}

/// One recipient's copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its name.
    pub delivery: DeliveryId,
    /// Which exchange.
    pub exchange: ExchangeId,
    /// What it is.
    pub kind: ExchangeKind,
    /// Who may collect it.
    pub recipient: AgencyId,
    /// Who sent it.
    pub sender: AgencyId,
    /// Where it stands.
    pub state: DeliveryState,
    /// The case that its exchange belongs to, if any.
    pub case: Option<CaseId>,
    /// The case reference, if any.
    pub case_reference: Option<String>,
    /// When it is due, by law.
    pub due_on: Option<Date>,
    /// Size of the content in bytes.
    pub size_bytes: u64,
    /// When it came.
    pub created_at: Timestamp,
    /// When it was first collected.
    pub collected_at: Option<Timestamp>,
    /// When it was acknowledged, rejected or stopped.
    pub ended_at: Option<Timestamp>,
    /// What the hub tells, when this is a notice of the hub itself (kind `HUB_NOTICE`); it has no content.
    pub notice: Option<HubNoticeCode>,
    /// The date that the notice speaks of.
    pub notice_on: Option<Date>,
}

/// A page of an inbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InboxPage {
    /// Open copies, oldest first.
    pub deliveries: Vec<DeliveryRecord>,
    /// Whether there are more after these.
    pub more: bool,
}

/// A page of what an agency has sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransferList {
    /// Exchanges, newest first; `sealed` is left empty.
    pub exchanges: Vec<ExchangeRecord>,
    /// Whether there are more before these.
    pub more: bool,
}

/// One log in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSummary {
    /// Its origin line, which is also its name.
    pub origin: String,
    /// The verifier key in C2SP vkey form.
    pub verifier_key: String,
    /// Entries so far.
    pub size: u64,
}

/// Which log entries to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// One log only; all logs otherwise.
    pub log: Option<String>,
    /// Entries in which this agency acted.
    pub agency: Option<AgencyId>,
    /// Entries about this person.
    pub subject: Option<SubjectId>,
    /// Entries about this exchange.
    pub exchange: Option<ExchangeId>,
    /// Entries of this kind (an `EventKind` code).
    pub kind: Option<String>,
    /// At or after.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// After this (log, index): the page's start.
    pub after: Option<(String, u64)>,
    /// At most so many.
    pub limit: u32,
}

/// One log entry as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// The log's origin.
    pub log: String,
    /// The entry's index.
    pub index: u64,
    /// The leaf hash as stored.
    pub hash: [u8; 32],
    /// The leaf's bytes.
    pub entry: Vec<u8>,
}

/// One signed checkpoint as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRow {
    /// The log's origin.
    pub log: String,
    /// The tree's size.
    pub size: u64,
    /// The signed note.
    pub note: String,
}
