//! What a request comes to before it is decided: recipients, the step of its case, clocks, and what goes into the log.

use std::collections::HashMap;

use jiff::civil::Date;
use sendhub_contracts::refusal::Refusal;
use sendhub_domain::disclosure::Ground;
use sendhub_domain::exchange::{CaseId, CaseKind, ExchangeId, ExchangeKind};
use sendhub_domain::person::SubjectId;
use sendhub_ledger::hash::sha256;
use sendhub_store::Effect;

use super::circumstances::Circumstances;
use super::parties::{Addressee, Sent};
use super::running::NewClock;
use crate::identity::Caller;

/// How often a request is tried again when what it was decided on changed between reading and writing.
pub(crate) const TRIES: usize = 16;

/// A request as it is hashed and sealed: its fields in the order of their numbers.
pub(crate) struct Text {
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: [u8; 32],
}

impl Text {
    /// Of a request.
    pub(crate) fn of(request: &impl prost::Message) -> Self {
        let bytes = request.encode_to_vec();
        let digest = sha256(&bytes).0;
        Self { bytes, digest }
    }
}

/// What an exchange does to a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CaseStep {
    /// Nothing.
    None,
    /// Opens one.
    Opens(CaseId, CaseKind),
    /// Is the next step of one that has so many and is about this person.
    Extends(CaseId, u32, SubjectId),
}

/// What a service has made of its request, before the rules are asked.
pub(crate) struct Draft {
    pub(crate) addressees: Vec<Addressee>,
    pub(crate) circumstances: Circumstances,
    pub(crate) case: CaseStep,
    pub(crate) clocks: Vec<NewClock>,
    pub(crate) ended: Vec<Effect>,
    pub(crate) warnings: Vec<String>,
    /// On what the service says that it rests; what the sender claims otherwise.
    pub(crate) ground: Option<Ground>,
    /// When the recipients' part is due, for their mailbox.
    pub(crate) due_on: Option<Date>,
    /// Further facts to be kept beside the exchange, as codes by name.
    pub(crate) kept: HashMap<String, String>,
    /// Facts for the log, none of them personal.
    pub(crate) facts: Vec<(&'static str, String)>,
}

impl Draft {
    /// One for these recipients, with nothing else to say.
    pub(crate) fn to(addressees: Vec<Addressee>) -> Self {
        Self {
            addressees,
            circumstances: Circumstances::default(),
            case: CaseStep::None,
            clocks: Vec::new(),
            ended: Vec::new(),
            warnings: Vec::new(),
            ground: None,
            due_on: None,
            kept: HashMap::new(),
            facts: Vec::new(),
        }
    }
}

/// A draft on its way in.
pub(crate) struct Offer<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) method: &'static str,
    pub(crate) kind: ExchangeKind,
    pub(crate) exchange: ExchangeId,
    pub(crate) sent: &'a Sent,
    pub(crate) text: &'a Text,
    pub(crate) draft: Draft,
}

impl Offer<'_> {
    /// What the sender claims, or what the service rests it on. A ground that opens a route of its own (a court's
    /// order, safeguarding) is the sender's to claim; otherwise the service knows better.
    pub(crate) fn ground(&self) -> Ground {
        match (self.sent.ground, self.draft.ground) {
            (claimed @ (Ground::CourtOrder | Ground::Safeguarding), _) | (claimed, None) => claimed,
            (_, Some(known)) => known,
        }
    }
}

/// Why an offer was not taken.
pub(crate) enum NotTaken {
    /// Refused; the refusal stands in the log.
    Refused(Refusal),
    /// Another step of the case came between: read the case again.
    CaseMoved,
}

impl From<Refusal> for NotTaken {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The exchange's name on the wire.
pub(crate) fn name(exchange: ExchangeId) -> String {
    format!("exchanges/{exchange}")
}
