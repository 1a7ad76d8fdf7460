//! The rows that a batch becomes: effects taken apart by table, each table written with few statements.

mod matters;

use std::collections::HashMap;

use jiff::Timestamp;
use sendhub_domain::agency::{Agency, AgencyId};
use sendhub_domain::exchange::{DeliveryId, DeliveryState, ExchangeId};
use sendhub_domain::person::SubjectId;

use self::matters::{Cases, Matters};
use super::rows::{Script, Statement, Values};
use crate::agency_document;
use crate::change::{DeliveryRow, Effect, ExchangeRow, SubjectRow};
use crate::entry::LogEntry;
use crate::store::StoreError;

static SUBJECT: Statement = Statement::new(
    "INSERT INTO subject (id, birth_tag, name_tag, wrapped_key, master_key_id, sealed_facts, created_at) VALUES ",
    "(?,?,?,?,?,?,?)",
    "",
);
static IDENTIFIER: Statement = Statement::new(
    "INSERT INTO subject_identifier (tag, subject) VALUES ",
    "(?,?)",
    " ON CONFLICT (tag) DO NOTHING",
);
static NAME: Statement = Statement::new(
    "WITH v(id, name_tag) AS (VALUES ",
    "(?,?)",
    ") UPDATE subject SET name_tag = v.name_tag FROM v WHERE subject.id = v.id",
);
static EXCHANGE: Statement = Statement::new(
    "INSERT INTO exchange (id, kind, sender, request_id, request_digest, subject, accepted_at, due_on, header, \
     sealed, log_no, leaf_index, tree_size, case_id) VALUES ",
    "(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    "",
);
static DELIVERY: Statement = Statement::new(
    "INSERT INTO delivery (id, exchange, kind, recipient, sender, state, case_reference, due_on, size_bytes, \
     created_at) VALUES ",
    "(?,?,?,?,?,?,?,?,?,?)",
    "",
);
static MOVE: Statement = Statement::new(
    "WITH v(id, state, collected_at, ended_at) AS (VALUES ",
    "(?,?,?,?)",
    ") UPDATE delivery SET state = v.state, collected_at = coalesce(delivery.collected_at, v.collected_at), \
     ended_at = v.ended_at FROM v WHERE delivery.id = v.id",
);
static HELD: Statement = Statement::new("INSERT INTO unclaimed (exchange) VALUES ", "(?)", "");
static HELD_TAG: Statement = Statement::new(
    "INSERT INTO unclaimed_tag (tag, exchange) VALUES ",
    "(?,?)",
    " ON CONFLICT (tag, exchange) DO NOTHING",
);
static CLAIM: Statement = Statement::new(
    "WITH v(exchange, claimed_by, claimed_at) AS (VALUES ",
    "(?,?,?)",
    ") UPDATE unclaimed SET claimed_by = v.claimed_by, claimed_at = v.claimed_at FROM v \
     WHERE unclaimed.exchange = v.exchange",
);
static REPORT: Statement = Statement::new(
    "INSERT INTO import_report (delivery, sealed, at) VALUES ",
    "(?,?,?)",
    " ON CONFLICT (delivery) DO UPDATE SET sealed = excluded.sealed, at = excluded.at",
);
const AGENCY: &str = "INSERT INTO agency (id, revision, kind, status, document) VALUES (?,?,?,?,?) \
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, kind = excluded.kind, \
    status = excluded.status, document = excluded.document;\n";
const AGENCY_KEYS_GONE: &str = "DELETE FROM agency_key WHERE agency = ?;\n";
static AGENCY_KEY: Statement = Statement::new(
    "INSERT INTO agency_key (system, value, agency) VALUES ",
    "(?,?,?)",
    "",
);
const GENERATION: &str = "UPDATE generation SET revision = revision + 1 WHERE id = 1;\n";
static LEAF: Statement = Statement::new(
    "INSERT INTO leaf (log_no, idx, hash, entry, at, kind, agency, subject, exchange) VALUES ",
    "(?,?,?,?,?,?,?,?,?)",
    "",
);

/// Where a batch stands in the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The log's number in this database.
    pub log: i64,
    /// The index of the batch's first leaf.
    pub first: u64,
    /// The tree's size after it.
    pub size: u64,
}

struct Moved {
    state: DeliveryState,
    collected_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
}

/// A batch's rows by table. Updates of one row are folded into one: within a statement their order is lost.
#[derive(Default)]
pub(super) struct Writes {
    leaves: Vec<LogEntry>,
    subjects: Vec<SubjectRow>,
    identifiers: Vec<([u8; 16], SubjectId)>,
    names: HashMap<SubjectId, [u8; 16]>,
    exchanges: Vec<(ExchangeRow, u64)>,
    deliveries: Vec<DeliveryRow>,
    moves: HashMap<DeliveryId, Moved>,
    held: Vec<ExchangeId>,
    held_tags: Vec<([u8; 16], ExchangeId)>,
    claims: Vec<(ExchangeId, AgencyId, Timestamp)>,
    reports: HashMap<DeliveryId, (Vec<u8>, Timestamp)>,
    agencies: Vec<(Box<Agency>, u64)>,
    cases: Cases,
    matters: Matters,
}

impl Writes {
    /// Takes an admitted change: its entry is the next leaf.
    pub(super) fn take(&mut self, entry: LogEntry, effects: Vec<Effect>) {
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

    /// The entries taken so far.
    pub(super) fn leaves(&self) -> &[LogEntry] {
        &self.leaves
    }

    /// Adds the statements that stand for guards when nothing was asked before: where one does not hold the script
    /// fails, and nothing is written.
    pub(super) fn guards(&mut self, script: &mut Script) {
        self.matters.guards(script);
    }

    /// Adds the statements that write everything.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when an agency, an agreement or a list cannot be written as a document.
    pub(super) fn script(mut self, place: Place, script: &mut Script) -> Result<(), StoreError> {
        script.write(&SUBJECT, self.subjects, bind_subject);
        script.write(&IDENTIFIER, self.identifiers, |(tag, subject), values| {
            values.bind(&tag[..]).bind(&subject.0[..]);
        });
        script.write(
            &NAME,
            self.names.into_iter().collect(),
            |(subject, name), values| {
                values.bind(&subject.0[..]).bind(&name[..]);
            },
        );
        // What is referred to goes before what refers to it.
        self.cases.script(script);
        write_exchanges(self.exchanges, place, script);
        write_deliveries(self.deliveries, script);
        self.matters.tell(script);
        script.write(
            &MOVE,
            self.moves.into_iter().collect(),
            |(delivery, moved), values| {
                values.bind(delivery.0).bind(moved.state.code());
                values.bind(moved.collected_at.map(Timestamp::as_microsecond));
                values.bind(moved.ended_at.map(Timestamp::as_microsecond));
            },
        );
        script.write(&HELD, self.held, |exchange, values| {
            values.bind(exchange.0);
        });
        script.write(&HELD_TAG, self.held_tags, |(tag, exchange), values| {
            values.bind(&tag[..]).bind(exchange.0);
        });
        script.write(&CLAIM, self.claims, |(exchange, by, at), values| {
            values
                .bind(exchange.0)
                .bind(by.as_str())
                .bind(at.as_microsecond());
        });
        script.write(
            &REPORT,
            self.reports.into_iter().collect(),
            |(delivery, (sealed, at)), values| {
                values.bind(delivery.0).bind(sealed).bind(at.as_microsecond());
            },
        );
        write_leaves(self.leaves, place, script);
        if !self.agencies.is_empty() || self.matters.changes_directory() {
            script.add(GENERATION);
        }
        write_agencies(self.agencies, script)?;
        self.matters.script(script)
    }
}

fn bind_subject(row: SubjectRow, values: &mut Values) {
    values
        .bind(&row.subject.0[..])
        .bind(&row.birth_tag[..])
        .bind(&row.name_tag[..]);
    values
        .bind(row.wrapped_key)
        .bind(row.master_key_id)
        .bind(row.sealed_facts);
    values.bind(row.created_at.as_microsecond());
}

/// Adds the statements for people; shared with the benchmark's bare writer.
pub(super) fn write_subjects(rows: Vec<SubjectRow>, script: &mut Script) {
    script.write(&SUBJECT, rows, bind_subject);
}

/// Adds the statements for exchanges, each with its leaf's offset in the batch.
pub(super) fn write_exchanges(rows: Vec<(ExchangeRow, u64)>, place: Place, script: &mut Script) {
    script.write(&EXCHANGE, rows, |(row, offset), values| {
        values
            .bind(row.exchange.0)
            .bind(row.kind.code())
            .bind(row.sender.as_str());
        values
            .bind(row.request.0)
            .bind(&row.request_digest[..])
            .bind(&row.subject.0[..]);
        values
            .bind(row.accepted_at.as_microsecond())
            .bind(row.due_on.map(|date| date.to_string()));
        values.bind(row.header).bind(row.sealed);
        values
            .bind(place.log)
            .bind_u64(place.first + offset)
            .bind_u64(place.size)
            .bind(row.case.map(|case| case.0));
    });
}

/// Adds the statements for deliveries.
pub(super) fn write_deliveries(rows: Vec<DeliveryRow>, script: &mut Script) {
    script.write(&DELIVERY, rows, |row, values| {
        values
            .bind(row.delivery.0)
            .bind(row.exchange.0)
            .bind(row.kind.code());
        values
            .bind(row.recipient.as_str())
            .bind(row.sender.as_str())
            .bind(DeliveryState::Waiting.code());
        values
            .bind(row.case_reference)
            .bind(row.due_on.map(|date| date.to_string()));
        values
            .bind_u64(row.size_bytes)
            .bind(row.created_at.as_microsecond());
    });
}

/// Adds the statements for log entries.
pub(super) fn write_leaves(entries: Vec<LogEntry>, place: Place, script: &mut Script) {
    let indexed = (place.first..).zip(entries).collect();
    script.write(&LEAF, indexed, |(index, entry): (u64, LogEntry), values| {
        values
            .bind(place.log)
            .bind_u64(index)
            .bind(&entry.hash.0[..])
            .bind(entry.bytes);
        values.bind(entry.at.as_microsecond()).bind(entry.kind);
        values.bind(entry.agency.as_ref().map(AgencyId::as_str));
        values.bind(entry.subject.as_ref().map(|subject| &subject.0[..]));
        values.bind(entry.exchange.map(|exchange| exchange.0));
    });
}

fn write_agencies(agencies: Vec<(Box<Agency>, u64)>, script: &mut Script) -> Result<(), StoreError> {
    for (mut agency, revision) in agencies {
        agency.revision = revision;
        let document = agency_document::write(&agency)?;
        let values = script.add(AGENCY);
        values.bind(agency.id.as_str()).bind_u64(revision);
        values
            .bind(agency.kind.code())
            .bind(agency.status.code())
            .bind(document);
        script.add(AGENCY_KEYS_GONE).bind(agency.id.as_str());
        script.write(
            &AGENCY_KEY,
            agency_document::claimed(&agency),
            |(system, value), values| {
                values.bind(system).bind(value).bind(agency.id.as_str());
            },
        );
    }
    Ok(())
}
