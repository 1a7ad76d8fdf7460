//! Rows of the register, of exchanges and of mailboxes.

use jiff::Timestamp;
use jiff::civil::Date;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::exchange::{CaseId, DeliveryId, ExchangeId, ExchangeKind, HubNoticeCode, RequestId};
use sendhub_domain::person::SubjectId;

/// The name under which the hub itself sends notices, in the place of an agency's id.
pub const HUB_SENDER: &str = "send-hub";

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
    /// The case that it belongs to, if any.
    pub case: Option<CaseId>,
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

/// A notice of the hub itself in an agency's mailbox. Nothing personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    /// Its name as a copy: it is collected and acknowledged like others.
    pub delivery: DeliveryId,
    /// The exchange that it is about.
    pub about: ExchangeId,
    /// Who is told.
    pub recipient: AgencyId,
    /// What.
    pub code: HubNoticeCode,
    /// The date that it speaks of.
    pub on: Date,
    /// The case reference that the recipient knows, if any.
    pub case_reference: Option<String>,
    /// What it must be told once only: a second notice with this key is not written.
    pub once: String,
    /// When it came into the mailbox.
    pub created_at: Timestamp,
}
