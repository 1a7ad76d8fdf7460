//! Guards: what a batch expects to find, read with a few statements, and kept up to date change by change, so
//! that changes of one batch see each other.

mod matters;
mod tracked;

use std::collections::HashSet;

use sendhub_domain::agency::{Agency, AgencyId};
use sendhub_domain::exchange::{DeliveryId, DeliveryState, ExchangeId, RequestId};
use sendhub_domain::person::SubjectId;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use self::matters::Matters;
use self::tracked::Tracked;
use super::decode::{agency_id, bytes, code};
use super::rows::{Handing, Script, Statement};
use crate::agency_document;
use crate::change::{Change, Conflict, Effect};
use crate::store::StoreError;

/// A keyed tag of an identifier; a subject's id is one.
type Tag = [u8; 16];
/// An identifier or certificate that only one agency may have.
type AgencyKey = (&'static str, String);

static REQUESTS: Statement = Statement::new(
    "WITH q(sender, request) AS (VALUES ",
    "(?,?)",
    ") SELECT 1, e.sender, e.request_id, e.id, e.request_digest FROM q CROSS JOIN exchange e \
     ON e.sender = q.sender AND e.request_id = q.request",
);
static PEOPLE: Statement = Statement::new(
    "WITH q(tag) AS (VALUES ",
    "(?)",
    ") SELECT 2, q.tag, s.id FROM q CROSS JOIN subject s ON s.id = q.tag \
     UNION ALL SELECT 2, q.tag, i.subject FROM q CROSS JOIN subject_identifier i ON i.tag = q.tag",
);
static DELIVERIES: Statement = Statement::new(
    "WITH q(id) AS (VALUES ",
    "(?)",
    ") SELECT 3, d.id, d.state FROM q CROSS JOIN delivery d ON d.id = q.id",
);
static HELD: Statement = Statement::new(
    "WITH q(id) AS (VALUES ",
    "(?)",
    ") SELECT 4, u.exchange, u.claimed_by IS NOT NULL FROM q CROSS JOIN unclaimed u ON u.exchange = q.id",
);
static AGENCIES: Statement = Statement::new(
    "WITH q(id) AS (VALUES ",
    "(?)",
    ") SELECT 5, a.id, a.revision FROM q CROSS JOIN agency a ON a.id = q.id",
);
static AGENCY_KEYS: Statement = Statement::new(
    "WITH q(system, value) AS (VALUES ",
    "(?,?)",
    ") SELECT 6, k.system, k.value, k.agency FROM q CROSS JOIN agency_key k \
     ON k.system = q.system AND k.value = q.value",
);

/// The names that a batch's guards ask about.
#[derive(Default)]
struct Asked {
    requests: HashSet<(AgencyId, RequestId)>,
    people: HashSet<Tag>,
    deliveries: HashSet<DeliveryId>,
    held: HashSet<ExchangeId>,
    agencies: HashSet<AgencyId>,
    keys: HashSet<AgencyKey>,
    matters: matters::Asked,
}

impl Asked {
    fn by(batch: &[Change]) -> Self {
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
pub(super) struct Known {
    requests: Tracked<(AgencyId, RequestId), (ExchangeId, [u8; 32])>,
    people: Tracked<Tag, SubjectId>,
    deliveries: Tracked<DeliveryId, DeliveryState>,
    held: Tracked<ExchangeId, Held>,
    agencies: Tracked<AgencyId, u64>,
    keys: Tracked<AgencyKey, AgencyId>,
    matters: Matters,
    log_size: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Free,
    Claimed,
}

impl Known {
    /// Opens the writing transaction and reads all that the batch's guards ask, and the log's size, in one
    /// round trip. From here to the commit nobody else writes.
    pub(super) async fn read(
        connection: &mut SqliteConnection,
        log: i64,
        batch: &[Change],
    ) -> Result<Self, StoreError> {
        let asked = Asked::by(batch);
        let mut script = Script::new(Handing::Together);
        script.add("BEGIN IMMEDIATE;\n");
        script.add("SELECT 0, size FROM log WHERE no = ?;\n").bind(log);
        let requests: Vec<_> = asked.requests.into_iter().collect();
        script.look_up(&REQUESTS, &requests, |(sender, request), values| {
            values.bind(sender.as_str()).bind(request.0);
        });
        let people: Vec<_> = asked.people.into_iter().collect();
        script.look_up(&PEOPLE, &people, |tag, values| {
            values.bind(&tag[..]);
        });
        let deliveries: Vec<_> = asked.deliveries.into_iter().collect();
        script.look_up(&DELIVERIES, &deliveries, |delivery, values| {
            values.bind(delivery.0);
        });
        let held: Vec<_> = asked.held.into_iter().collect();
        script.look_up(&HELD, &held, |exchange, values| {
            values.bind(exchange.0);
        });
        let agencies: Vec<_> = asked.agencies.into_iter().collect();
        script.look_up(&AGENCIES, &agencies, |agency, values| {
            values.bind(agency.as_str());
        });
        let keys: Vec<_> = asked.keys.into_iter().collect();
        script.look_up(&AGENCY_KEYS, &keys, |(system, value), values| {
            values.bind(*system).bind(value.as_str());
        });
        asked.matters.look_up(&mut script);

        let mut known = Self::default();
        for row in script.run(connection).await? {
            known.take(&row)?;
        }
        Ok(known)
    }

    fn take(&mut self, row: &SqliteRow) -> Result<(), StoreError> {
        match row.try_get::<i64, _>(0)? {
            0 => self.log_size = Some(row.try_get::<i64, _>(1)?.cast_unsigned()),
            1 => {
                let request = RequestId(row.try_get(2)?);
                let known = (ExchangeId(row.try_get(3)?), bytes(row, 4)?);
                self.requests.now.insert((agency_id(row, 1)?, request), known);
            }
            2 => {
                self.people.now.insert(bytes(row, 1)?, SubjectId(bytes(row, 2)?));
            }
            3 => {
                let state = code(row, 2, "delivery", DeliveryState::from_code)?;
                self.deliveries
                    .now
                    .insert(DeliveryId(row.try_get::<Uuid, _>(1)?), state);
            }
            4 => {
                let held = if row.try_get::<i64, _>(2)? == 0 {
                    Held::Free
                } else {
                    Held::Claimed
                };
                self.held.now.insert(ExchangeId(row.try_get::<Uuid, _>(1)?), held);
            }
            5 => {
                self.agencies
                    .now
                    .insert(agency_id(row, 1)?, row.try_get::<i64, _>(2)?.cast_unsigned());
            }
            6 => {
                let code: &str = row.try_get(1)?;
                let system = AGENCY_KEY_SYSTEMS.iter().find(|one| **one == code);
                let system = *system.ok_or(StoreError::Corrupt("agency"))?;
                self.keys
                    .now
                    .insert((system, row.try_get(2)?), agency_id(row, 3)?);
            }
            other => self.matters.take(other, row)?,
        }
        Ok(())
    }

    /// The log's size as the transaction sees it; `None` when the log is not there.
    pub(super) const fn log_size(&self) -> Option<u64> {
        self.log_size
    }

    /// Takes a change if all of its guards hold; else nothing of it is remembered.
    pub(super) fn admit(&mut self, change: &Change) -> Result<(), Conflict> {
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

const AGENCY_KEY_SYSTEMS: [&str; 6] = ["URN", "LAESTAB", "LA_CODE", "ODS_CODE", "UKPRN", "CERTIFICATE"];
