//! The facts of a transfer: who sends whose record to whom, at which of the two moments.

use sendhub_domain::agency::{AgencyKind, AgencyStatus};
use sendhub_domain::exchange::DeliveryState;
use sendhub_domain::person::IdentityMatch;
use serde::Deserialize;

use super::{Action, Pairs, Party, nth, read_or};
use crate::term::{Term, term};
use crate::vocabulary::Vocabulary;

/// At which of its two moments a transfer is decided. Both use that day's facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The sender hands it to the hub.
    Submit,
    /// The recipient asks for its copy: the disclosure. Carries where that copy stands.
    Collect(DeliveryState),
}

term! {
    /// Whose record it is, by the file's source and the sender's certificate.
    pub RecordSource {
        /// The sender's own.
        Sender = "SENDER",
        /// Another agency's.
        AnotherAgency = "ANOTHER_AGENCY",
    }
}

term! {
    /// What the parent, or the young person where rights have passed, is recorded to have said.
    pub FamilyView {
        /// Nothing is recorded. That is not agreement.
        NotRecorded = "NOT_RECORDED",
        /// They agree.
        Agrees = "AGREES",
        /// They refuse.
        Refuses = "REFUSES",
    }
}

/// Where a transfer record is bound, as the directory knows it on the day of the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DestinationKind {
    /// An agency in the directory that is not the sender. For a held record at collection: the authority
    /// that claimed it.
    Agency(AgencyKind, AgencyStatus),
    /// The sender itself.
    Sender,
    /// A named school or authority that the directory does not have.
    NotRegistered,
    /// Not known: the lost-pupil file.
    Unknown,
    /// Outside the maintained sector or abroad.
    OutsideSector,
}

term! {
    /// A destination as the rules name it.
    pub(crate) Destination {
        Agency = "AGENCY",
        Sender = "SENDER",
        NotRegistered = "NOT_REGISTERED",
        Unknown = "UNKNOWN",
        OutsideSector = "OUTSIDE_SECTOR",
    }
}

impl DestinationKind {
    const fn destination(self) -> Destination {
        match self {
            Self::Agency(..) => Destination::Agency,
            Self::Sender => Destination::Sender,
            Self::NotRegistered => Destination::NotRegistered,
            Self::Unknown => Destination::Unknown,
            Self::OutsideSector => Destination::OutsideSector,
        }
    }

    fn with(destination: Destination, kind: AgencyKind, status: AgencyStatus) -> Self {
        match destination {
            Destination::Agency => Self::Agency(kind, status),
            Destination::Sender => Self::Sender,
            Destination::NotRegistered => Self::NotRegistered,
            Destination::Unknown => Self::Unknown,
            Destination::OutsideSector => Self::OutsideSector,
        }
    }
}

/// What the decision on one transfer record for one recipient may rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransferFacts {
    /// At sending or at collection.
    pub stage: Stage,
    /// What the sender is.
    pub sender_kind: AgencyKind,
    /// Whether the sender takes part today. Weighed at sending only.
    pub sender_status: AgencyStatus,
    /// Whether the record is the sender's own.
    pub record_source: RecordSource,
    /// Who is to have it.
    pub destination: DestinationKind,
    /// How the pupil fits the register.
    pub identity: IdentityMatch,
    /// What the family or young person said. Stops nothing between schools and authorities.
    pub family_view: FamilyView,
}

impl TransferFacts {
    pub(super) fn action(&self) -> Action {
        match self.stage {
            Stage::Submit => Action::SubmitTransfer,
            Stage::Collect(_) => Action::CollectTransfer,
        }
    }

    pub(super) fn pairs(&self, words: &Vocabulary) -> Pairs {
        let sender = Party {
            kind: self.sender_kind,
            status: self.sender_status,
        };
        let mut pairs = vec![
            ("sender".to_owned(), words.party(sender)),
            ("record_source".to_owned(), words.term(self.record_source)),
            (
                "destination".to_owned(),
                words.term(self.destination.destination()),
            ),
            ("identity".to_owned(), words.term(self.identity)),
            ("family_view".to_owned(), words.term(self.family_view)),
        ];
        if let DestinationKind::Agency(kind, status) = self.destination {
            pairs.push(("recipient".to_owned(), words.party(Party { kind, status })));
        }
        if let Stage::Collect(delivery) = self.stage {
            pairs.push(("delivery".to_owned(), words.term(delivery)));
        }
        pairs
    }

    pub(super) fn samples() -> Vec<Self> {
        // The agency kinds are the longest list; the recipient runs through all its kinds and statuses as
        // well, and the other destinations follow.
        let parties = 0..AgencyKind::ALL.len();
        let others = Destination::ALL
            .iter()
            .map(|place| DestinationKind::with(*place, AgencyKind::Academy, AgencyStatus::Active));
        let destinations: Vec<_> = parties
            .map(|n| DestinationKind::Agency(nth(n), nth(n)))
            .chain(others)
            .collect();
        let at = |stage, n: usize, destination| Self {
            stage,
            sender_kind: nth(n),
            sender_status: nth(n),
            record_source: nth(n),
            destination,
            identity: nth(n),
            family_view: nth(n),
        };
        destinations
            .into_iter()
            .enumerate()
            .flat_map(|(n, destination)| {
                [
                    at(Stage::Submit, n, destination),
                    at(Stage::Collect(nth(n)), n, destination),
                ]
            })
            .collect()
    }
}

/// A row of a test table. What is absent is as usual: an own record of somebody known, between agencies
/// that take part, with nothing recorded of the family.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransferRow {
    /// Where the copy stands; present at collection, absent at sending.
    collect: Option<String>,
    /// The sender's kind.
    from: String,
    from_status: Option<String>,
    source: Option<String>,
    /// The recipient's kind, or another destination than an agency.
    to: String,
    to_status: Option<String>,
    identity: Option<String>,
    family: Option<String>,
}

impl TransferRow {
    /// # Errors
    /// What is wrong, for the author of the table.
    pub(crate) fn facts(&self) -> Result<TransferFacts, String> {
        let stage = match &self.collect {
            None => Stage::Submit,
            Some(code) => Stage::Collect(read_or("collect", Some(code), DeliveryState::Waiting)?),
        };
        Ok(TransferFacts {
            stage,
            sender_kind: read_or("from", Some(&self.from), AgencyKind::Academy)?,
            sender_status: read_or("from_status", self.from_status.as_deref(), AgencyStatus::Active)?,
            record_source: read_or("source", self.source.as_deref(), RecordSource::Sender)?,
            destination: self.destination()?,
            identity: read_or("identity", self.identity.as_deref(), IdentityMatch::Same)?,
            family_view: read_or("family", self.family.as_deref(), FamilyView::NotRecorded)?,
        })
    }

    fn destination(&self) -> Result<DestinationKind, String> {
        let status = read_or("to_status", self.to_status.as_deref(), AgencyStatus::Active)?;
        if let Some(kind) = AgencyKind::from_code(&self.to) {
            return Ok(DestinationKind::Agency(kind, status));
        }
        if self.to_status.is_some() {
            return Err("to_status: only an agency has one".to_owned());
        }
        match Destination::read(&self.to) {
            Some(Destination::Agency) | None => Err(format!("to: there is no destination `{}`", self.to)),
            Some(place) => Ok(DestinationKind::with(place, AgencyKind::Academy, status)),
        }
    }
}
