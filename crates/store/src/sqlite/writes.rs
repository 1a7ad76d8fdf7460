//! How a batch's rows are written: each table with few statements.

mod matters;

use jiff::Timestamp;
use sendhub_domain::agency::{Agency, AgencyId};
use sendhub_domain::exchange::DeliveryState;

use super::rows::{Script, Statement, Values};
use crate::agency_document;
use crate::change::{DeliveryRow, ExchangeRow, SubjectRow};
use crate::entry::LogEntry;
use crate::store::StoreError;
use crate::writes::{Place, Writes};

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

/// Adds the statements that stand for guards when nothing was asked before: where one does not hold the script
/// fails, and nothing is written.
pub(super) fn guards(writes: &mut Writes, script: &mut Script) {
    matters::guards(&mut writes.matters, script);
}

/// Adds the statements that write everything.
///
/// # Errors
/// [`StoreError::Corrupt`] when an agency, an agreement or a list cannot be written as a document.
pub(super) fn script(mut writes: Writes, place: Place, script: &mut Script) -> Result<(), StoreError> {
    script.write(&SUBJECT, writes.subjects, bind_subject);
    script.write(&IDENTIFIER, writes.identifiers, |(tag, subject), values| {
        values.bind(&tag[..]).bind(&subject.0[..]);
    });
    script.write(
        &NAME,
        writes.names.into_iter().collect(),
        |(subject, name), values| {
            values.bind(&subject.0[..]).bind(&name[..]);
        },
    );
    // What is referred to goes before what refers to it.
    matters::write_cases(writes.cases, script);
    write_exchanges(writes.exchanges, place, script);
    write_deliveries(writes.deliveries, script);
    matters::tell(&mut writes.matters, script);
    script.write(
        &MOVE,
        writes.moves.into_iter().collect(),
        |(delivery, moved), values| {
            values.bind(delivery.0).bind(moved.state.code());
            values.bind(moved.collected_at.map(Timestamp::as_microsecond));
            values.bind(moved.ended_at.map(Timestamp::as_microsecond));
        },
    );
    script.write(&HELD, writes.held, |exchange, values| {
        values.bind(exchange.0);
    });
    script.write(&HELD_TAG, writes.held_tags, |(tag, exchange), values| {
        values.bind(&tag[..]).bind(exchange.0);
    });
    script.write(&CLAIM, writes.claims, |(exchange, by, at), values| {
        values
            .bind(exchange.0)
            .bind(by.as_str())
            .bind(at.as_microsecond());
    });
    script.write(
        &REPORT,
        writes.reports.into_iter().collect(),
        |(delivery, (sealed, at)), values| {
            values.bind(delivery.0).bind(sealed).bind(at.as_microsecond());
        },
    );
    write_leaves(writes.leaves, place, script);
    if !writes.agencies.is_empty() || writes.matters.changes_directory() {
        script.add(GENERATION);
    }
    write_agencies(writes.agencies, script)?;
    matters::script(writes.matters, script)
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
