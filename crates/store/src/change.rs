//! What can be written: a change is one request's effects together with the log entry that proves them.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use sendhub_domain::agency::{Agency, AgencyId};
use sendhub_domain::exchange::{DeliveryId, DeliveryState, ExchangeId, ExchangeKind, RequestId};
use sendhub_domain::person::SubjectId;
use sendhub_ledger::proof::InclusionProof;

use crate::entry::LogEntry;

/// One request's worth of writing. All of its effects and its log entry become durable together,
/// or a guard fails and none of it does.
#[derive(Debug, Clone)]
pub struct Change {
    /// What the log will say. Every change has exactly one entry: nothing is written unrecorded.
    pub entry: LogEntry,
    /// What is written, in order.
    pub effects: Vec<Effect>,
}

/// One thing that a change writes. Guards are part of the effect: each says what it expects to find.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Adds a person to the register. Fails with [`Conflict::SubjectChanged`] if the person is there already.
    RegisterSubject(SubjectRow),
    /// Points further identifiers of a person at the register entry. An identifier that already leads to
    /// the same person is no fault; one that leads elsewhere fails with [`Conflict::SubjectChanged`].
    LinkIdentifiers {
        /// The person.
        subject: SubjectId,
        /// Keyed tags of the identifiers, see [`crate::seal::Keyring::identifier_tag`].
        tags: Vec<[u8; 16]>,
    },
    /// Replaces the keyed tag of the name by which a person is compared.
    UpdateSubjectName {
        /// The person.
        subject: SubjectId,
        /// The new tag, see [`crate::seal::Keyring::name_tag`].
        name_tag: [u8; 16],
    },
    /// Stores an exchange. Its (sender, request id) must be new: the same request with the same digest
    /// fails with [`Conflict::AlreadyAccepted`], with another digest with [`Conflict::RequestIdReused`].
    StoreExchange(ExchangeRow),
    /// Puts one recipient's copy in its mailbox.
    Deliver(DeliveryRow),
    /// Moves a copy to another state. Fails with [`Conflict::DeliveryMoved`] unless it stands in one of `from`.
    MoveDelivery {
        /// Which copy.
        delivery: DeliveryId,
        /// The states it may be in.
        from: &'static [DeliveryState],
        /// The state it gets.
        to: DeliveryState,
        /// When.
        at: Timestamp,
    },
    /// Holds an exchange of unknown destination for local authorities to find.
    HoldUnclaimed {
        /// Which exchange.
        exchange: ExchangeId,
        /// Keyed tags under which a search finds it.
        search_tags: Vec<[u8; 16]>,
    },
    /// Marks a held exchange as taken. Fails with [`Conflict::AlreadyClaimed`] if it was.
    Claim {
        /// Which exchange.
        exchange: ExchangeId,
        /// Who takes it.
        by: AgencyId,
        /// When.
        at: Timestamp,
    },
    /// Keeps what the recipient's system made of a record; a later report on the same copy replaces it.
    StoreImportReport {
        /// Which copy.
        delivery: DeliveryId,
        /// The report, sealed under the subject's key with [`crate::seal::SealPurpose::ImportReport`].
        sealed: Vec<u8>,
        /// When.
        at: Timestamp,
    },
    /// Creates (`expected_revision` 0) or replaces an agency. Fails with [`Conflict::AgencyRevision`] when
    /// the stored revision differs, with [`Conflict::AgencyIdentifierTaken`] when an identifier or an
    /// unrevoked certificate already belongs to another agency.
    PutAgency {
        /// The entry as it shall be; its `revision` is `expected_revision + 1`.
        agency: Box<Agency>,
        /// The revision it replaces.
        expected_revision: u64,
    },
}

/// A person in the register. Nothing here can be read without the hub's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectRow {
    /// The person's pseudonym.
    pub subject: SubjectId,
    /// Keyed tag of the date of birth.
    pub birth_tag: [u8; 16],
    /// Keyed tag of the name.
    pub name_tag: [u8; 16],
    /// The person's data key, wrapped by the master key.
    pub wrapped_key: Vec<u8>,
    /// Which master key wrapped it.
    pub master_key_id: String,
    /// Facts that decisions need (date of birth), sealed under the person's data key.
    pub sealed_facts: Vec<u8>,
    /// When the person was first named.
    pub created_at: Timestamp,
}

/// An accepted exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeRow {
    /// Its name.
    pub exchange: ExchangeId,
    /// What it is.
    pub kind: ExchangeKind,
    /// Who sent it.
    pub sender: AgencyId,
    /// The sender's request id.
    pub request: RequestId,
    /// SHA-256 of the request as sent: tells a repeat from another request under the same id.
    pub request_digest: [u8; 32],
    /// Whom it is about.
    pub subject: SubjectId,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When the recipient must have it, by law.
    pub due_on: Option<Date>,
    /// Non-personal facts for lists and receipts, as the gateway encodes them.
    pub header: Vec<u8>,
    /// The content, sealed under the subject's data key.
    pub sealed: Vec<u8>,
}

/// One recipient's copy of an exchange, as its mailbox lists it. Nothing personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
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
    /// The case reference that both sides know, if any.
    pub case_reference: Option<String>,
    /// When it is due, by law.
    pub due_on: Option<Date>,
    /// Size of the content in bytes.
    pub size_bytes: u64,
    /// When it came into the mailbox.
    pub created_at: Timestamp,
}

/// What a committed change got: its place in the log, with proof.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Proof that the entry stands in the tree that `checkpoint` signs.
    pub proof: InclusionProof,
    /// The signed checkpoint (C2SP signed note) of this commit; one for the whole batch.
    pub checkpoint: Arc<str>,
}

/// Why a change was not written. The rest of its batch is not affected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The same request was accepted before: answer with its first receipt.
    #[error("the request was accepted before")]
    AlreadyAccepted {
        /// What it became.
        exchange: ExchangeId,
    },
    /// The request id was used for another request.
    #[error("the request id was used for another request")]
    RequestIdReused,
    /// The register changed between reading and writing: read again and retry.
    #[error("the register entry changed meanwhile")]
    SubjectChanged,
    /// The copy is not in a state from which it can move so; `None` when there is no such copy.
    #[error("the delivery is in another state")]
    DeliveryMoved(Option<DeliveryState>),
    /// The held record was taken before.
    #[error("the record was claimed before")]
    AlreadyClaimed,
    /// The agency's entry changed meanwhile; the number is the stored revision, 0 for none.
    #[error("the agency's entry is at revision {0}")]
    AgencyRevision(u64),
    /// An identifier or certificate belongs to another agency. Carries the identifier system's code
    /// (`URN`, `LAESTAB`, `LA_CODE`, `ODS_CODE`, `UKPRN`, `CERTIFICATE`).
    #[error("{0} belongs to another agency")]
    AgencyIdentifierTaken(&'static str),
}
