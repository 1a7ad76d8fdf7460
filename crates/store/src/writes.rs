//! The rows that a batch becomes: effects taken apart by table. How they are written is each engine's own.

pub(crate) mod matters;

use std::collections::HashMap;

use jiff::Timestamp;
use sendhub_domain::agency::{Agency, AgencyId};
use sendhub_domain::exchange::{DeliveryId, DeliveryState, ExchangeId};
use sendhub_domain::person::SubjectId;

use self::matters::{Cases, Matters};
use crate::change::{DeliveryRow, Effect, ExchangeRow, SubjectRow};
use crate::entry::LogEntry;

/// Where a batch stands in the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// The log's number in this database.
    pub log: i64,
    /// The index of the batch's first leaf.
    pub first: u64,
    /// The tree's size after it.
    pub size: u64,
}

/// Where a copy goes.
pub(crate) struct Moved {
    pub(crate) state: DeliveryState,
    pub(crate) collected_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
}

/// A batch's rows by table. Updates of one row are folded into one: within a statement their order is lost.
#[derive(Default)]
pub(crate) struct Writes {
    pub(crate) leaves: Vec<LogEntry>,
    pub(crate) subjects: Vec<SubjectRow>,
    pub(crate) identifiers: Vec<([u8; 16], SubjectId)>,
    pub(crate) names: HashMap<SubjectId, [u8; 16]>,
    pub(crate) exchanges: Vec<(ExchangeRow, u64)>,
    pub(crate) deliveries: Vec<DeliveryRow>,
    pub(crate) moves: HashMap<DeliveryId, Moved>,
    pub(crate) held: Vec<ExchangeId>,
    pub(crate) held_tags: Vec<([u8; 16], ExchangeId)>,
    pub(crate) claims: Vec<(ExchangeId, AgencyId, Timestamp)>,
    pub(crate) reports: HashMap<DeliveryId, (Vec<u8>, Timestamp)>,
    pub(crate) agencies: Vec<(Box<Agency>, u64)>,
    pub(crate) cases: Cases,
    pub(crate) matters: Matters,
}

impl Writes {
    /// Takes an admitted change: its entry is the next leaf.
    pub(crate) fn take(&mut self, entry: LogEntry, effects: Vec<Effect>) {
        let offset = self.leaves.len() as u64;
        self.leaves.push(entry);
        for effect in effects {
            self.take_effect(effect, offset);
        }
    }

    fn take_effect(&mut self, effect: Effect, offset: u64) {
        match effect {
            Effect::RegisterSubject(row) => self.subjects.push(row),
            // A subject's own id already leads to it.
            Effect::LinkIdentifiers { subject, tags } => {
                let further = tags.into_iter().filter(|tag| *tag != subject.0);
                self.identifiers.extend(further.map(|tag| (tag, subject)));
            }
            Effect::UpdateSubjectName { subject, name_tag } => {
                self.names.insert(subject, name_tag);
            }
            Effect::StoreExchange(row) => self.exchanges.push((row, offset)),
            Effect::Deliver(row) => self.deliveries.push(row),
            Effect::MoveDelivery { delivery, to, at, .. } => {
                let moved = self.moves.entry(delivery).or_insert(Moved {
                    state: to,
                    collected_at: None,
                    ended_at: None,
                });
                moved.state = to;
                if to == DeliveryState::Collected {
                    moved.collected_at.get_or_insert(at);
                }
                moved.ended_at = (!to.is_open()).then_some(at);
            }
            Effect::HoldUnclaimed {
                exchange,
                search_tags,
            } => {
                self.held.push(exchange);
                self.held_tags
                    .extend(search_tags.into_iter().map(|tag| (tag, exchange)));
            }
            Effect::Claim { exchange, by, at } => self.claims.push((exchange, by, at)),
            Effect::StoreImportReport { delivery, sealed, at } => {
                self.reports.insert(delivery, (sealed, at));
            }
            Effect::PutAgency {
                agency,
                expected_revision,
            } => self.agencies.push((agency, expected_revision + 1)),
            Effect::OpenCase(_) | Effect::ExtendCase { .. } => self.cases.take(effect),
            // Effects on tables that no exchange refers to.
            Effect::PutAgreement { .. }
            | Effect::RecordRights { .. }
            | Effect::ExpectRights { .. }
            | Effect::RelyOn { .. }
            | Effect::StartClock(_)
            | Effect::EndClock { .. }
            | Effect::LiftClock { .. }
            | Effect::AdvanceClock { .. }
            | Effect::OpenReferral(_)
            | Effect::DecideReferral { .. }
            | Effect::StoreAttachment(_)
            | Effect::AttachTo { .. }
            | Effect::Tell(_) => self.matters.take(effect),
        }
    }

    /// Whether all rows are people, exchanges, copies and entries, and nothing that was there changes.
    pub(crate) fn is_plain(&self) -> bool {
        // Named one by one, so that a table that comes to it must be thought of here.
        let Self {
            leaves: _,
            subjects: _,
            identifiers,
            names,
            exchanges: _,
            deliveries: _,
            moves,
            held,
            held_tags,
            claims,
            reports,
            agencies,
            cases,
            matters,
        } = self;
        identifiers.is_empty()
            && names.is_empty()
            && moves.is_empty()
            && held.is_empty()
            && held_tags.is_empty()
            && claims.is_empty()
            && reports.is_empty()
            && agencies.is_empty()
            && cases.is_empty()
            && matters.is_empty()
    }

    /// The entries taken so far.
    pub(crate) fn leaves(&self) -> &[LogEntry] {
        &self.leaves
    }
}
