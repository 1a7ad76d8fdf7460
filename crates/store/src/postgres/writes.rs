//! How a batch's rows are written: what nearly every batch has in one statement, with the log's own rows and the
//! compare-and-swap of its size; every other table with one statement, if it has rows.

mod matters;

use std::collections::HashMap;

use sendhub_domain::agency::{Agency, AgencyId};
use sendhub_domain::exchange::DeliveryId;
use sendhub_ledger::tree::Appended;
use sqlx::Executor as _;
use sqlx::postgres::PgConnection;

use super::native::{Day, Instant};
use crate::agency_document;
use crate::change::{DeliveryRow, ExchangeRow, SubjectRow};
use crate::entry::LogEntry;
use crate::store::StoreError;
use crate::writes::{Moved, Place, Writes};

/// The log as its holder writes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holding {
    /// Its number.
    pub log: i32,
    /// The epoch of the lease under which it is written.
    pub epoch: i64,
    /// For how long a commit renews the lease, in milliseconds.
    pub lease_ms: i64,
    /// The connection's own number, as the log has it; a bare writer has none.
    pub session: Option<uuid::Uuid>,
}

/// Writes the tables that only some batches touch. What is referred to goes before what refers to it.
///
/// # Errors
/// [`StoreError::Database`]; [`StoreError::Corrupt`] when something cannot be written as a document.
pub(super) async fn rare(connection: &mut PgConnection, writes: &mut Writes) -> Result<(), StoreError> {
    identifiers(connection, writes).await?;
    names(connection, writes).await?;
    matters::cases(connection, std::mem::take(&mut writes.cases)).await?;
    held(connection, writes).await?;
    claims(connection, writes).await?;
    reports(connection, writes).await?;
    directory(connection, writes).await?;
    matters::write(connection, &mut writes.matters).await
}

async fn identifiers(connection: &mut PgConnection, writes: &mut Writes) -> Result<(), StoreError> {
    // A person registered in the same batch stands in the register only with the batch's last statement.
    const NEW: &str = "INSERT INTO subject_identifier (tag, subject) SELECT * FROM unnest($1::bytea[], $2::bytea[]) \
        ON CONFLICT (tag) DO NOTHING";
    if writes.identifiers.is_empty() {
        return Ok(());
    }
    subjects(connection, std::mem::take(&mut writes.subjects)).await?;
    let (tags, people): (Vec<Vec<u8>>, Vec<Vec<u8>>) = writes
        .identifiers
        .drain(..)
        .map(|(tag, subject)| (tag.to_vec(), subject.0.to_vec()))
        .unzip();
    connection
        .execute(sqlx::query(NEW).bind(tags).bind(people))
        .await?;
    Ok(())
}

async fn subjects(connection: &mut PgConnection, rows: Vec<SubjectRow>) -> Result<(), StoreError> {
    const NEW: &str = "INSERT INTO subject (id, birth_tag, name_tag, wrapped_key, master_key_id, sealed_facts, created_at) \
        SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[], $5::text[], $6::bytea[], \
        $7::timestamptz[])";
    if rows.is_empty() {
        return Ok(());
    }
    let people = People::of(&rows);
    let query = sqlx::query(NEW)
        .bind(people.ids)
        .bind(people.births)
        .bind(people.names)
        .bind(people.keys)
        .bind(people.masters)
        .bind(people.facts)
        .bind(people.created);
    connection.execute(query).await?;
    Ok(())
}

async fn names(connection: &mut PgConnection, writes: &mut Writes) -> Result<(), StoreError> {
    const SET: &str = "UPDATE subject SET name_tag = v.name_tag FROM unnest($1::bytea[], $2::bytea[]) v(id, name_tag) \
        WHERE subject.id = v.id";
    if writes.names.is_empty() {
        return Ok(());
    }
    subjects(connection, std::mem::take(&mut writes.subjects)).await?;
    let (people, tags): (Vec<Vec<u8>>, Vec<Vec<u8>>) = writes
        .names
        .drain()
        .map(|(subject, tag)| (subject.0.to_vec(), tag.to_vec()))
        .unzip();
    connection
        .execute(sqlx::query(SET).bind(people).bind(tags))
        .await?;
    Ok(())
}

async fn held(connection: &mut PgConnection, writes: &mut Writes) -> Result<(), StoreError> {
    const HELD: &str = "INSERT INTO unclaimed (exchange) SELECT * FROM unnest($1::uuid[])";
    const TAGS: &str = "INSERT INTO unclaimed_tag (tag, exchange) SELECT * FROM unnest($1::bytea[], $2::uuid[]) \
        ON CONFLICT (tag, exchange) DO NOTHING";
    if writes.held.is_empty() {
        return Ok(());
    }
    let exchanges: Vec<_> = writes.held.drain(..).map(|exchange| exchange.0).collect();
    connection.execute(sqlx::query(HELD).bind(exchanges)).await?;
    let (tags, exchanges): (Vec<Vec<u8>>, Vec<_>) = writes
        .held_tags
        .drain(..)
        .map(|(tag, exchange)| (tag.to_vec(), exchange.0))
        .unzip();
    connection
        .execute(sqlx::query(TAGS).bind(tags).bind(exchanges))
        .await?;
    Ok(())
}

async fn claims(connection: &mut PgConnection, writes: &mut Writes) -> Result<(), StoreError> {
    const SET: &str = "UPDATE unclaimed SET claimed_by = v.claimed_by, claimed_at = v.claimed_at \
        FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) v(exchange, claimed_by, claimed_at) \
        WHERE unclaimed.exchange = v.exchange";
    if writes.claims.is_empty() {
        return Ok(());
    }
    let (mut exchanges, mut by, mut at) = (Vec::new(), Vec::new(), Vec::new());
    for (exchange, agency, when) in writes.claims.drain(..) {
        exchanges.push(exchange.0);
        by.push(agency.as_str().to_owned());
        at.push(Instant(when));
    }
    connection
        .execute(sqlx::query(SET).bind(exchanges).bind(by).bind(at))
        .await?;
    Ok(())
}

async fn reports(connection: &mut PgConnection, writes: &mut Writes) -> Result<(), StoreError> {
    const SET: &str = "INSERT INTO import_report (delivery, sealed, at) \
        SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::timestamptz[]) \
        ON CONFLICT (delivery) DO UPDATE SET sealed = excluded.sealed, at = excluded.at";
    if writes.reports.is_empty() {
        return Ok(());
    }
    let (mut copies, mut sealed, mut at) = (Vec::new(), Vec::new(), Vec::new());
    for (delivery, (report, when)) in writes.reports.drain() {
        copies.push(delivery.0);
        sealed.push(report);
        at.push(Instant(when));
    }
    connection
        .execute(sqlx::query(SET).bind(copies).bind(sealed).bind(at))
        .await?;
    Ok(())
}

async fn directory(connection: &mut PgConnection, writes: &mut Writes) -> Result<(), StoreError> {
    const CHANGED: &str = "UPDATE generation SET revision = revision + 1 WHERE id = 1";
    if !writes.agencies.is_empty() || writes.matters.changes_directory() {
        connection.execute(sqlx::query(CHANGED)).await?;
    }
    for (agency, revision) in writes.agencies.drain(..) {
        put_agency(connection, *agency, revision).await?;
    }
    Ok(())
}

async fn put_agency(
    connection: &mut PgConnection,
    mut agency: Agency,
    revision: u64,
) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO agency (id, revision, kind, status, document) VALUES ($1, $2, $3, $4, $5::text::jsonb) \
        ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, kind = excluded.kind, \
        status = excluded.status, document = excluded.document";
    const GIVEN_UP: &str = "DELETE FROM agency_key WHERE agency = $1";
    const KEYS: &str = "INSERT INTO agency_key (system, value, agency) \
        SELECT v.system, v.value, $3 FROM unnest($1::text[], $2::text[]) v(system, value)";
    agency.revision = revision;
    let id = agency.id.as_str();
    let put = sqlx::query(PUT)
        .bind(id)
        .bind(revision.cast_signed())
        .bind(agency.kind.code())
        .bind(agency.status.code())
        .bind(agency_document::write(&agency)?);
    connection.execute(put).await?;
    connection.execute(sqlx::query(GIVEN_UP).bind(id)).await?;
    let (systems, values): (Vec<&str>, Vec<String>) = agency_document::claimed(&agency).into_iter().unzip();
    connection
        .execute(sqlx::query(KEYS).bind(systems).bind(values).bind(id))
        .await?;
    Ok(())
}

/// Moves copies; after everything that brings copies in.
async fn moves(connection: &mut PgConnection, moves: &HashMap<DeliveryId, Moved>) -> Result<(), StoreError> {
    const SET: &str = "UPDATE delivery SET state = v.state, \
        collected_at = coalesce(delivery.collected_at, v.collected_at), ended_at = v.ended_at \
        FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[]) v(id, state, collected_at, ended_at) \
        WHERE delivery.id = v.id";
    if moves.is_empty() {
        return Ok(());
    }
    let mut rows: Vec<_> = moves.iter().collect();
    rows.sort_unstable_by_key(|(delivery, _)| delivery.0);
    let (mut copies, mut states, mut collected, mut ended) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (delivery, moved) in rows {
        copies.push(delivery.0);
        states.push(moved.state.code());
        collected.push(moved.collected_at.map(Instant));
        ended.push(moved.ended_at.map(Instant));
    }
    let query = sqlx::query(SET)
        .bind(copies)
        .bind(states)
        .bind(collected)
        .bind(ended);
    connection.execute(query).await?;
    Ok(())
}

/// Registered people, a column an array.
#[derive(Default)]
struct People<'a> {
    ids: Vec<&'a [u8]>,
    births: Vec<&'a [u8]>,
    names: Vec<&'a [u8]>,
    keys: Vec<&'a [u8]>,
    masters: Vec<&'a str>,
    facts: Vec<&'a [u8]>,
    created: Vec<Instant>,
}

impl<'a> People<'a> {
    fn of(rows: &'a [SubjectRow]) -> Self {
        let mut people = Self::default();
        for row in rows {
            people.ids.push(&row.subject.0);
            people.births.push(&row.birth_tag);
            people.names.push(&row.name_tag);
            people.keys.push(&row.wrapped_key);
            people.masters.push(&row.master_key_id);
            people.facts.push(&row.sealed_facts);
            people.created.push(Instant(row.created_at));
        }
        people
    }
}

/// Accepted exchanges, a column an array.
#[derive(Default)]
struct Sent<'a> {
    senders: Vec<&'a str>,
    requests: Vec<uuid::Uuid>,
    ids: Vec<uuid::Uuid>,
    digests: Vec<&'a [u8]>,
    kinds: Vec<&'static str>,
    subjects: Vec<&'a [u8]>,
    accepted: Vec<Instant>,
    due: Vec<Option<Day>>,
    cases: Vec<Option<uuid::Uuid>>,
    leaves: Vec<i64>,
    headers: Vec<&'a [u8]>,
    sealed: Vec<&'a [u8]>,
}

impl<'a> Sent<'a> {
    fn of(rows: &'a [(ExchangeRow, u64)], first: u64) -> Self {
        let mut sent = Self::default();
        for (row, offset) in rows {
            sent.senders.push(row.sender.as_str());
            sent.requests.push(row.request.0);
            sent.ids.push(row.exchange.0);
            sent.digests.push(&row.request_digest);
            sent.kinds.push(row.kind.code());
            sent.subjects.push(&row.subject.0);
            sent.accepted.push(Instant(row.accepted_at));
            sent.due.push(row.due_on.map(Day));
            sent.cases.push(row.case.map(|case| case.0));
            sent.leaves.push((first + offset).cast_signed());
            sent.headers.push(&row.header);
            sent.sealed.push(&row.sealed);
        }
        sent
    }
}

/// Copies, a column an array.
#[derive(Default)]
struct Copies<'a> {
    ids: Vec<uuid::Uuid>,
    exchanges: Vec<uuid::Uuid>,
    kinds: Vec<&'static str>,
    recipients: Vec<&'a str>,
    senders: Vec<&'a str>,
    references: Vec<Option<&'a str>>,
    due: Vec<Option<Day>>,
    sizes: Vec<i64>,
    created: Vec<Instant>,
}

impl<'a> Copies<'a> {
    fn of(rows: &'a [DeliveryRow]) -> Self {
        let mut copies = Self::default();
        for row in rows {
            copies.ids.push(row.delivery.0);
            copies.exchanges.push(row.exchange.0);
            copies.kinds.push(row.kind.code());
            copies.recipients.push(row.recipient.as_str());
            copies.senders.push(row.sender.as_str());
            copies.references.push(row.case_reference.as_deref());
            copies.due.push(row.due_on.map(Day));
            copies.sizes.push(row.size_bytes.cast_signed());
            copies.created.push(Instant(row.created_at));
        }
        copies
    }
}

/// Log entries, a column an array.
#[derive(Default)]
struct Leaves<'a> {
    hashes: Vec<&'a [u8]>,
    entries: Vec<&'a [u8]>,
    at: Vec<Instant>,
    kinds: Vec<&'static str>,
    agencies: Vec<Option<&'a str>>,
    subjects: Vec<Option<&'a [u8]>>,
    exchanges: Vec<Option<uuid::Uuid>>,
}

impl<'a> Leaves<'a> {
    fn of(entries: &'a [LogEntry]) -> Self {
        let mut leaves = Self::default();
        for entry in entries {
            leaves.hashes.push(&entry.hash.0);
            leaves.entries.push(&entry.bytes);
            leaves.at.push(Instant(entry.at));
            leaves.kinds.push(entry.kind);
            leaves.agencies.push(entry.agency.as_ref().map(AgencyId::as_str));
            leaves
                .subjects
                .push(entry.subject.as_ref().map(|subject| &subject.0[..]));
            leaves.exchanges.push(entry.exchange.map(|exchange| exchange.0));
        }
        leaves
    }
}

/// Writes what nearly every batch has, and the log's own rows, compares and swaps the log's size, and fails unless what
/// the batch takes for granted stands (migration 3): one statement, one round trip, and outside a transaction a commit.
const MAIN: &str = "WITH person AS ( \
        INSERT INTO subject (id, birth_tag, name_tag, wrapped_key, master_key_id, sealed_facts, created_at) \
        SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[], $5::text[], $6::bytea[], \
            $7::timestamptz[]) \
    ), asked AS ( \
        INSERT INTO request (sender, request_id, exchange, digest) \
        SELECT * FROM unnest($8::text[], $9::uuid[], $10::uuid[], $11::bytea[]) \
    ), sent AS ( \
        INSERT INTO exchange (sender, request_id, id, kind, subject, accepted_at, due_on, case_id, case_no, \
            leaf_index, header, sealed, log_no, tree_size) \
        SELECT v.sender, v.request_id, v.id, v.kind, v.subject, v.accepted_at, v.due_on, v.case_id, \
            CASE WHEN v.case_id IS NOT NULL THEN nextval('case_step') END, v.leaf_index, v.header, v.sealed, $36, $38 \
        FROM unnest($8::text[], $9::uuid[], $10::uuid[], $12::text[], $13::bytea[], $14::timestamptz[], $15::date[], \
            $16::uuid[], $17::bigint[], $18::bytea[], $19::bytea[]) \
            v(sender, request_id, id, kind, subject, accepted_at, due_on, case_id, leaf_index, header, sealed) \
    ), copy AS ( \
        INSERT INTO delivery (id, exchange, kind, recipient, sender, case_reference, due_on, size_bytes, created_at, \
            state) \
        SELECT v.*, 'WAITING' FROM unnest($20::uuid[], $21::uuid[], $22::text[], $23::text[], $24::text[], \
            $25::text[], $26::date[], $27::bigint[], $28::timestamptz[]) v \
    ), entry AS ( \
        INSERT INTO leaf (log_no, idx, hash, entry, at, kind, agency, subject, exchange) \
        SELECT $36, $37 + v.n - 1, v.hash, v.entry, v.at, v.kind, v.agency, v.subject, v.exchange \
        FROM unnest($29::bytea[], $30::bytea[], $31::timestamptz[], $32::text[], $33::text[], $34::bytea[], \
            $35::uuid[]) WITH ORDINALITY v(hash, entry, at, kind, agency, subject, exchange, n) \
    ), kept AS ( \
        INSERT INTO node (log_no, level, idx, hash) \
        SELECT $36, v.level, v.idx, v.hash FROM unnest($39::smallint[], $40::bigint[], $41::bytea[]) v(level, idx, hash) \
    ), signed AS ( \
        INSERT INTO checkpoint (log_no, size, note) VALUES ($36, $38, $42) \
    ), swapped AS ( \
        UPDATE log SET size = $38, peaks = $43, \
            lease_until = clock_timestamp() + $45::bigint * interval '1 millisecond' \
        WHERE no = $36 AND size = $37 AND epoch = $44 AND session IS NOT DISTINCT FROM $49 RETURNING 1 \
    ) \
    SELECT stand((SELECT count(*) FROM swapped), $48, $1, $46, $47)";

/// Runs the last statement of a batch, see [`MAIN`], and the moves of copies after it. The people of the numbers held
/// do not change until the commit.
///
/// # Errors
/// [`StoreError::LogMoved`]; [`StoreError::Contended`]: a unique key is taken, or what the batch takes for granted does
/// not stand; [`StoreError::Database`], [`StoreError::Unreachable`]. Nothing is written then, or it is not known.
pub(super) async fn main(
    connection: &mut PgConnection,
    writes: &Writes,
    held: Vec<i64>,
    place: Place,
    holding: Holding,
    appended: &Appended,
    note: &str,
) -> Result<(), StoreError> {
    let (expected, revisions): (Vec<&[u8]>, Vec<i64>) = writes
        .matters
        .expected
        .iter()
        .map(|(subject, revision)| (&subject.0[..], revision.cast_signed()))
        .unzip();
    let people = People::of(&writes.subjects);
    let sent = Sent::of(&writes.exchanges, place.first);
    let copies = Copies::of(&writes.deliveries);
    let leaves = Leaves::of(&writes.leaves);
    let (mut levels, mut indexes, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
    for (level, index, hash) in appended.kept_nodes() {
        levels.push(i16::from(level));
        indexes.push(index.cast_signed());
        hashes.push(hash.0.to_vec());
    }
    let peaks: Vec<u8> = appended
        .frontier()
        .peaks()
        .iter()
        .flat_map(|peak| peak.0)
        .collect();
    let query = sqlx::query(MAIN)
        .bind(people.ids)
        .bind(people.births)
        .bind(people.names)
        .bind(people.keys)
        .bind(people.masters)
        .bind(people.facts)
        .bind(people.created)
        .bind(sent.senders)
        .bind(sent.requests)
        .bind(sent.ids)
        .bind(sent.digests)
        .bind(sent.kinds)
        .bind(sent.subjects)
        .bind(sent.accepted)
        .bind(sent.due)
        .bind(sent.cases)
        .bind(sent.leaves)
        .bind(sent.headers)
        .bind(sent.sealed)
        .bind(copies.ids)
        .bind(copies.exchanges)
        .bind(copies.kinds)
        .bind(copies.recipients)
        .bind(copies.senders)
        .bind(copies.references)
        .bind(copies.due)
        .bind(copies.sizes)
        .bind(copies.created)
        .bind(leaves.hashes)
        .bind(leaves.entries)
        .bind(leaves.at)
        .bind(leaves.kinds)
        .bind(leaves.agencies)
        .bind(leaves.subjects)
        .bind(leaves.exchanges)
        .bind(holding.log)
        .bind(place.first.cast_signed())
        .bind(place.size.cast_signed())
        .bind(levels)
        .bind(indexes)
        .bind(hashes)
        .bind(note)
        .bind(peaks)
        .bind(holding.epoch)
        .bind(holding.lease_ms)
        .bind(expected)
        .bind(revisions)
        .bind(held)
        .bind(holding.session);
    connection.execute(query).await?;
    moves(connection, &writes.moves).await
}
