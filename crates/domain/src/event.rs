//! Audit events: what the log says happened, without anything personal in it.

use jiff::Timestamp;

use crate::agency::{AgencyId, Thumbprint, coded};
use crate::exchange::{DeliveryId, ExchangeId, ExchangeKind, RequestId};
use crate::person::SubjectId;

coded! {
    /// What happened.
    EventKind {
        /// A log was opened or its writer changed.
        LogOpened = "LOG_OPENED",
        /// An exchange was accepted and stored.
        ExchangeAccepted = "EXCHANGE_ACCEPTED",
        /// An exchange was refused by law, policy or identity.
        ExchangeRefused = "EXCHANGE_REFUSED",
        /// A recipient's copy was handed over: the disclosure.
        Disclosed = "DISCLOSED",
        /// A collection was refused: nothing was handed over.
        CollectionRefused = "COLLECTION_REFUSED",
        /// A recipient confirmed that it has its copy, or that it cannot take it.
        DeliveryAcknowledged = "DELIVERY_ACKNOWLEDGED",
        /// A recipient reported what became of the record in its own system.
        ImportReported = "IMPORT_REPORTED",
        /// A local authority searched the records of unknown destination.
        UnclaimedSearched = "UNCLAIMED_SEARCHED",
        /// A local authority took over a record of unknown destination.
        UnclaimedClaimed = "UNCLAIMED_CLAIMED",
        /// A caller was turned away at the door: certificate, token, role or limits.
        AccessRefused = "ACCESS_REFUSED",
        /// The directory changed.
        DirectoryChanged = "DIRECTORY_CHANGED",
        /// A consent, finding, determination or authority was recorded.
        RightsRecorded = "RIGHTS_RECORDED",
        /// Somebody read what is recorded of a person's rights.
        RightsRead = "RIGHTS_READ",
        /// A delivery was stopped: the law no longer allows it.
        DeliveryStopped = "DELIVERY_STOPPED",
        /// A named person decided what was referred.
        ReferralDecided = "REFERRAL_DECIDED",
        /// A clock's notice was given.
        ClockNotice = "CLOCK_NOTICE",
        /// An exception was recorded against a clock.
        ClockException = "CLOCK_EXCEPTION",
        /// An attachment was stored.
        AttachmentStored = "ATTACHMENT_STORED",
        /// The rules were replaced.
        PolicyChanged = "POLICY_CHANGED",
    }
}

coded! {
    /// How it ended.
    EventOutcome {
        /// Done.
        Success = "SUCCESS",
        /// Refused; nothing was stored or handed over.
        Refused = "REFUSED",
    }
}

/// Who acted, by credentials. The person is the pseudonymous subject of the token, not a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The agency, once it is known.
    pub agency: Option<AgencyId>,
    /// The acting person or system as the token names it.
    pub subject: Option<String>,
    /// The role in which they acted.
    pub role: Option<String>,
    /// The certificate used.
    pub certificate: Option<Thumbprint>,
    /// The token used (`jti`).
    pub token_id: Option<String>,
}

/// One event. Everything in it may be shown to an auditor; nothing in it is personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// What happened.
    pub kind: EventKind,
    /// How it ended.
    pub outcome: EventOutcome,
    /// When, by the gateway's clock.
    pub at: Timestamp,
    /// The remote procedure or command that led to it, for instance `sendhub.transfer.v1.TransferService/SubmitTransfer`.
    pub method: String,
    /// Who acted.
    pub actor: Option<Actor>,
    /// Whom it is about.
    pub subject: Option<SubjectId>,
    /// Which exchange.
    pub exchange: Option<ExchangeId>,
    /// What kind of exchange.
    pub exchange_kind: Option<ExchangeKind>,
    /// The client's request id.
    pub request: Option<RequestId>,
    /// Which copy.
    pub delivery: Option<DeliveryId>,
    /// Who may have it, or whose entry changed.
    pub recipients: Vec<AgencyId>,
    /// Stable reason code (`sendhub.errors.v1.Reason` or a policy reason).
    pub reason: Option<String>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// Which version of the rules.
    pub policy_version: Option<String>,
    /// The provision it rests on.
    pub provision: Option<String>,
    /// SHA-256 of the sealed payload as stored: ties the row to this entry without the key.
    pub sealed_sha256: Option<[u8; 32]>,
    /// Salted SHA-256 of the content: lets a holder of the receipt prove what was sent.
    pub content_commitment: Option<[u8; 32]>,
    /// Further facts by name, none of them personal: counts, states, sizes.
    pub facts: Vec<(&'static str, String)>,
}

impl AuditEvent {
    /// An event with nothing but its kind, outcome, time and method.
    #[must_use]
    pub fn new(kind: EventKind, outcome: EventOutcome, at: Timestamp, method: impl Into<String>) -> Self {
        Self {
            kind,
            outcome,
            at,
            method: method.into(),
            actor: None,
            subject: None,
            exchange: None,
            exchange_kind: None,
            request: None,
            delivery: None,
            recipients: Vec::new(),
            reason: None,
            rule: None,
            policy_version: None,
            provision: None,
            sealed_sha256: None,
            content_commitment: None,
            facts: Vec::new(),
        }
    }
}
