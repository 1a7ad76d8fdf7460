//! Guards: what a batch expects to find, kept up to date change by change, so that changes of one batch see each
//! other. Which rows to ask for, and what is found, is the same for every engine; how to ask is each engine's own.

pub(crate) mod matters;
mod tracked;

use std::collections::HashSet;

use sendhub_domain::agency::{Agency, AgencyId};
use sendhub_domain::exchange::{DeliveryId, DeliveryState, ExchangeId, RequestId};
use sendhub_domain::person::SubjectId;

use self::matters::Matters;
pub(crate) use self::tracked::Tracked;
use crate::agency_document;
use crate::change::{Change, Conflict, Effect};
use crate::store::StoreError;

/// A keyed tag of an identifier; a subject's id is one.
pub(crate) type Tag = [u8; 16];
/// An identifier or certificate that only one agency may have.
pub(crate) type AgencyKey = (&'static str, String);

/// The names that a batch's guards ask about.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) requests: HashSet<(AgencyId, RequestId)>,
    pub(crate) people: HashSet<Tag>,
    pub(crate) deliveries: HashSet<DeliveryId>,
    pub(crate) held: HashSet<ExchangeId>,
    pub(crate) agencies: HashSet<AgencyId>,
    pub(crate) keys: HashSet<AgencyKey>,
    pub(crate) matters: matters::Asked,
}

impl Asked {
    pub(crate) fn by(batch: &[Change]) -> Self {
        let mut asked = Self::default();
        for effect in batch.iter().flat_map(|change| &change.effects) {
            asked.ask(effect);
        }
        asked
    }

    fn ask(&mut self, effect: &Effect) {
        match effect {
            Effect::RegisterSubject(row) => {
                self.people.insert(row.subject.0);
            }
            Effect::LinkIdentifiers { subject, tags } => {
                self.people.insert(subject.0);
                self.people.extend(tags);
            }
            Effect::UpdateSubjectName { subject, .. } => {
                self.people.insert(subject.0);
            }
            Effect::StoreExchange(row) => {
                self.requests.insert((row.sender.clone(), row.request));
            }
            Effect::MoveDelivery { delivery, .. } => {
                self.deliveries.insert(*delivery);
            }
            Effect::Claim { exchange, .. } => {
                self.held.insert(*exchange);
            }
            Effect::PutAgency { agency, .. } => {
                self.agencies.insert(agency.id.clone());
                self.keys.extend(agency_document::claimed(agency));
            }
            Effect::ExtendCase { .. }
            | Effect::RecordRights { .. }
            | Effect::ExpectRights { .. }
            | Effect::AdvanceClock { .. }
            | Effect::DecideReferral { .. }
            | Effect::PutAgreement { .. }
            | Effect::Tell(_) => self.matters.ask(effect),
            // These have no guard but keys, which the schema keeps.
            Effect::Deliver(_)
            | Effect::HoldUnclaimed { .. }
            | Effect::StoreImportReport { .. }
            | Effect::OpenCase(_)
            | Effect::RelyOn { .. }
            | Effect::StartClock(_)
            | Effect::EndClock { .. }
            | Effect::LiftClock { .. }
            | Effect::OpenReferral(_)
            | Effect::StoreAttachment(_)
            | Effect::AttachTo { .. } => {}
        }
    }
}

/// What the database holds of all that a batch asks about, as it will be after the changes looked at so far.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) requests: Tracked<(AgencyId, RequestId), (ExchangeId, [u8; 32])>,
    pub(crate) people: Tracked<Tag, SubjectId>,
    pub(crate) deliveries: Tracked<DeliveryId, DeliveryState>,
    pub(crate) held: Tracked<ExchangeId, Held>,
    pub(crate) agencies: Tracked<AgencyId, u64>,
    pub(crate) keys: Tracked<AgencyKey, AgencyId>,
    pub(crate) matters: Matters,
    pub(crate) log_size: Option<u64>,
}

/// How a held exchange stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// Nobody has claimed it.
    Free,
    /// Somebody has.
    Claimed,
}

impl Known {
    /// The log's size as the transaction sees it; `None` when the log is not there.
    pub(crate) const fn log_size(&self) -> Option<u64> {
        self.log_size
    }

    /// Takes a change if all of its guards hold; else nothing of it is remembered.
    pub(crate) fn admit(&mut self, change: &Change) -> Result<(), Conflict> {
        let result = change.effects.iter().try_for_each(|effect| self.guard(effect));
        match result {
            Ok(()) => {
                self.requests.keep();
                self.people.keep();
                self.deliveries.keep();
                self.held.keep();
                self.agencies.keep();
                self.keys.keep();
                self.matters.keep();
            }
            Err(_) => {
                self.requests.undo();
                self.people.undo();
                self.deliveries.undo();
                self.held.undo();
                self.agencies.undo();
                self.keys.undo();
                self.matters.undo();
            }
        }
        result
    }

    fn guard(&mut self, effect: &Effect) -> Result<(), Conflict> {
        match effect {
            Effect::RegisterSubject(row) => self.register(row.subject),
            Effect::LinkIdentifiers { subject, tags } => self.link(*subject, tags),
            Effect::UpdateSubjectName { subject, .. } => self.registered(*subject),
            Effect::StoreExchange(row) => {
                let key = (row.sender.clone(), row.request);
                match self.requests.get(&key) {
                    Some((exchange, digest)) if *digest == row.request_digest => {
                        Err(Conflict::AlreadyAccepted { exchange: *exchange })
                    }
                    Some(_) => Err(Conflict::RequestIdReused),
                    None => {
                        self.requests.set(key, (row.exchange, row.request_digest));
                        Ok(())
                    }
                }
            }
            Effect::Deliver(row) => {
                self.deliveries.set(row.delivery, DeliveryState::Waiting);
                Ok(())
            }
            Effect::MoveDelivery {
                delivery, from, to, ..
            } => match self.deliveries.get(delivery) {
                Some(state) if from.contains(state) => {
                    self.deliveries.set(*delivery, *to);
                    Ok(())
                }
                state => Err(Conflict::DeliveryMoved(state.copied())),
            },
            Effect::HoldUnclaimed { exchange, .. } => {
                self.held.set(*exchange, Held::Free);
                Ok(())
            }
            // What is not held cannot be taken either.
            Effect::Claim { exchange, .. } => {
                if self.held.get(exchange) != Some(&Held::Free) {
                    return Err(Conflict::AlreadyClaimed);
                }
                self.held.set(*exchange, Held::Claimed);
                Ok(())
            }
            Effect::PutAgency {
                agency,
                expected_revision,
            } => self.put(agency, *expected_revision),
            Effect::Tell(row) => {
                // What was told before is not told again, and is no copy that could move.
                if self.matters.tell(&row.once) {
                    self.deliveries.set(row.delivery, DeliveryState::Waiting);
                }
                Ok(())
            }
            Effect::OpenCase(_)
            | Effect::ExtendCase { .. }
            | Effect::RecordRights { .. }
            | Effect::ExpectRights { .. }
            | Effect::StartClock(_)
            | Effect::EndClock { .. }
            | Effect::AdvanceClock { .. }
            | Effect::OpenReferral(_)
            | Effect::DecideReferral { .. }
            | Effect::PutAgreement { .. } => self.matters.guard(effect),
            Effect::StoreImportReport { .. }
            | Effect::RelyOn { .. }
            | Effect::LiftClock { .. }
            | Effect::StoreAttachment(_)
            | Effect::AttachTo { .. } => Ok(()),
        }
    }

    fn register(&mut self, subject: SubjectId) -> Result<(), Conflict> {
        if self.people.get(&subject.0).is_some() {
            return Err(Conflict::SubjectChanged);
        }
        self.people.set(subject.0, subject);
        Ok(())
    }

    fn registered(&self, subject: SubjectId) -> Result<(), Conflict> {
        // An id that is only another person's identifier is no entry of its own.
        match self.people.get(&subject.0) {
            Some(found) if *found == subject => Ok(()),
            _ => Err(Conflict::SubjectChanged),
        }
    }

    fn link(&mut self, subject: SubjectId, tags: &[Tag]) -> Result<(), Conflict> {
        self.registered(subject)?;
        for tag in tags {
            match self.people.get(tag) {
                Some(found) if *found == subject => {}
                Some(_) => return Err(Conflict::SubjectChanged),
                None => self.people.set(*tag, subject),
            }
        }
        Ok(())
    }

    fn put(&mut self, agency: &Agency, expected: u64) -> Result<(), Conflict> {
        let stored = self.agencies.get(&agency.id).copied().unwrap_or(0);
        if stored != expected {
            return Err(Conflict::AgencyRevision(stored));
        }
        let keys = agency_document::claimed(agency);
        if let Some((system, _)) = keys
            .iter()
            .find(|key| self.keys.get(key).is_some_and(|by| *by != agency.id))
        {
            return Err(Conflict::AgencyIdentifierTaken(system));
        }
        let given_up: Vec<AgencyKey> = self
            .keys
            .now
            .iter()
            .filter(|(_, by)| **by == agency.id)
            .map(|(key, _)| key.clone())
            .collect();
        for key in given_up {
            self.keys.remove(key);
        }
        for key in keys {
            self.keys.set(key, agency.id.clone());
        }
        self.agencies.set(agency.id.clone(), expected + 1);
        Ok(())
    }
}

/// The system of an agency's key, by its code.
pub(crate) fn agency_key_system(code: &str) -> Result<&'static str, StoreError> {
    let system = AGENCY_KEY_SYSTEMS.iter().find(|one| **one == code);
    system.copied().ok_or(StoreError::Corrupt("agency"))
}

const AGENCY_KEY_SYSTEMS: [&str; 6] = ["URN", "LAESTAB", "LA_CODE", "ODS_CODE", "UKPRN", "CERTIFICATE"];
