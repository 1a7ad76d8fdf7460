//! How the rows of cases, rights, clocks, referrals, agreements, attachments and notices are written.

use sqlx::Executor as _;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::agreement_document;
use crate::change::{ClockState, HUB_SENDER, ReferralState};
use crate::postgres::native::{Day, Instant};
use crate::store::StoreError;
use crate::writes::matters::{Cases, Matters};

/// Writes the cases. Before the clocks, which refer to them.
pub(super) async fn cases(connection: &mut PgConnection, cases: Cases) -> Result<(), StoreError> {
    const NEW: &str = "INSERT INTO case_record (id, kind, owner, subject, case_reference, opened_at, steps) \
        SELECT v.*, 1 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::timestamptz[]) v";
    const STEPS: &str = "UPDATE case_record SET steps = v.steps FROM unnest($1::uuid[], $2::integer[]) v(id, steps) \
        WHERE case_record.id = v.id";
    if !cases.opened.is_empty() {
        let (mut ids, mut kinds, mut owners) = (Vec::new(), Vec::new(), Vec::new());
        let (mut subjects, mut references, mut opened) = (Vec::new(), Vec::new(), Vec::new());
        for row in cases.opened {
            ids.push(row.case.0);
            kinds.push(row.kind.code());
            owners.push(row.owner.as_str().to_owned());
            subjects.push(row.subject.0.to_vec());
            references.push(row.case_reference);
            opened.push(Instant(row.opened_at));
        }
        let query = sqlx::query(NEW).bind(ids).bind(kinds).bind(owners);
        let query = query.bind(subjects).bind(references).bind(opened);
        connection.execute(query).await?;
    }
    if !cases.steps.is_empty() {
        let (ids, steps): (Vec<Uuid>, Vec<i32>) = cases
            .steps
            .into_iter()
            .map(|(case, steps)| (case.0, steps.cast_signed()))
            .unzip();
        connection
            .execute(sqlx::query(STEPS).bind(ids).bind(steps))
            .await?;
    }
    Ok(())
}

/// Writes everything else but what is expected of rights, which the batch's last statement compares.
pub(super) async fn write(connection: &mut PgConnection, matters: &mut Matters) -> Result<(), StoreError> {
    notices(connection, matters).await?;
    rights(connection, matters).await?;
    relied_on(connection, matters).await?;
    clocks(connection, matters).await?;
    clock_moves(connection, matters).await?;
    exceptions(connection, matters).await?;
    referrals(connection, matters).await?;
    decisions(connection, matters).await?;
    attachments(connection, matters).await?;
    attached(connection, matters).await?;
    agreements(connection, matters).await
}

/// Mailboxes get what was not told before: its key is taken in the same statement.
async fn notices(connection: &mut PgConnection, matters: &mut Matters) -> Result<(), StoreError> {
    const TELL: &str = "WITH v AS (SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], \
            $6::timestamptz[], $7::text[], $8::date[]) \
            v(once, id, exchange, recipient, case_reference, created_at, notice, notice_on)), \
        fresh AS (INSERT INTO told (once) SELECT once FROM v ON CONFLICT (once) DO NOTHING RETURNING once) \
        INSERT INTO delivery (id, exchange, kind, recipient, sender, state, case_reference, size_bytes, created_at, \
            notice, notice_on) \
        SELECT v.id, v.exchange, 'HUB_NOTICE', v.recipient, $9, 'WAITING', v.case_reference, 0, v.created_at, \
            v.notice, v.notice_on FROM v JOIN fresh ON fresh.once = v.once";
    if matters.notices.is_empty() {
        return Ok(());
    }
    let mut rows: Vec<_> = matters.notices.drain().collect();
    // In one order everywhere: two gateways that tell the same do not wait for each other in a circle.
    rows.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    let (mut once, mut ids, mut about, mut recipients) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut references, mut created, mut codes, mut on) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (key, row) in rows {
        once.push(key);
        ids.push(row.delivery.0);
        about.push(row.about.0);
        recipients.push(row.recipient.as_str().to_owned());
        references.push(row.case_reference);
        created.push(Instant(row.created_at));
        codes.push(row.code.code());
        on.push(Day(row.on));
    }
    let query = sqlx::query(TELL)
        .bind(once)
        .bind(ids)
        .bind(about)
        .bind(recipients);
    let query = query
        .bind(references)
        .bind(created)
        .bind(codes)
        .bind(on)
        .bind(HUB_SENDER);
    connection.execute(query).await?;
    Ok(())
}

async fn rights(connection: &mut PgConnection, matters: &mut Matters) -> Result<(), StoreError> {
    const REVISION: &str = "INSERT INTO subject_rights (subject, revision) \
        SELECT * FROM unnest($1::bytea[], $2::bigint[]) \
        ON CONFLICT (subject) DO UPDATE SET revision = excluded.revision";
    const NEW: &str = "INSERT INTO rights_record (id, subject, kind, recorded_by, recorded_at, sealed) \
        SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::text[], $5::timestamptz[], $6::bytea[])";
    if matters.rights.is_empty() {
        return Ok(());
    }
    let (people, revisions): (Vec<Vec<u8>>, Vec<i64>) = matters
        .revisions
        .drain()
        .map(|(subject, revision)| (subject.0.to_vec(), revision.cast_signed()))
        .unzip();
    connection
        .execute(sqlx::query(REVISION).bind(people).bind(revisions))
        .await?;
    let (mut ids, mut subjects, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
    let (mut by, mut at, mut sealed) = (Vec::new(), Vec::new(), Vec::new());
    for row in matters.rights.drain(..) {
        ids.push(row.record.0);
        subjects.push(row.subject.0.to_vec());
        kinds.push(row.kind);
        by.push(row.recorded_by.as_str().to_owned());
        at.push(Instant(row.recorded_at));
        sealed.push(row.sealed);
    }
    let query = sqlx::query(NEW).bind(ids).bind(subjects).bind(kinds);
    connection.execute(query.bind(by).bind(at).bind(sealed)).await?;
    Ok(())
}

async fn relied_on(connection: &mut PgConnection, matters: &mut Matters) -> Result<(), StoreError> {
    const NEW: &str = "INSERT INTO relied_on (record, delivery) SELECT * FROM unnest($1::uuid[], $2::uuid[]) \
        ON CONFLICT (record, delivery) DO NOTHING";
    if matters.relied_on.is_empty() {
        return Ok(());
    }
    let (records, copies): (Vec<Uuid>, Vec<Uuid>) = matters
        .relied_on
        .drain(..)
        .map(|(record, delivery)| (record.0, delivery.0))
        .unzip();
    connection
        .execute(sqlx::query(NEW).bind(records).bind(copies))
        .await?;
    Ok(())
}

/// Few at a time: written one by one, each with its list of agencies.
async fn clocks(connection: &mut PgConnection, matters: &mut Matters) -> Result<(), StoreError> {
    const NEW: &str = "INSERT INTO clock (id, exchange, case_id, subject, rule, started_on, due_on, basis, certainty, \
        provision, owed_by, told, case_reference, state, next_notice_on, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    for row in matters.clocks.drain(..) {
        let told: Vec<String> = row.told.iter().map(|agency| agency.as_str().to_owned()).collect();
        let query = sqlx::query(NEW)
            .bind(row.clock.0)
            .bind(row.exchange.0)
            .bind(row.case.map(|case| case.0))
            .bind(row.subject.0.to_vec())
            .bind(row.rule)
            .bind(Day(row.started_on))
            .bind(Day(row.due_on))
            .bind(row.basis)
            .bind(row.certainty.code())
            .bind(row.provision)
            .bind(row.owed_by.as_str().to_owned())
            .bind(told)
            .bind(row.case_reference)
            .bind(ClockState::Running.code())
            .bind(row.next_notice_on.map(Day))
            .bind(Instant(row.created_at));
        connection.execute(query).await?;
    }
    Ok(())
}

async fn clock_moves(connection: &mut PgConnection, matters: &mut Matters) -> Result<(), StoreError> {
    const ADVANCE: &str = "UPDATE clock SET next_notice_on = v.next_notice_on \
        FROM unnest($1::uuid[], $2::date[]) v(id, next_notice_on) WHERE clock.id = v.id AND clock.state = 'RUNNING'";
    const END: &str = "UPDATE clock SET state = v.state, ended_on = v.ended_on, next_notice_on = NULL \
        FROM unnest($1::uuid[], $2::text[], $3::date[]) v(id, state, ended_on) \
        WHERE clock.id = v.id AND clock.state = 'RUNNING'";
    if !matters.advances.is_empty() {
        let (ids, next): (Vec<Uuid>, Vec<Option<Day>>) = matters
            .advances
            .drain()
            .map(|(clock, next)| (clock.0, next.map(Day)))
            .unzip();
        connection
            .execute(sqlx::query(ADVANCE).bind(ids).bind(next))
            .await?;
    }
    if !matters.ends.is_empty() {
        let (mut ids, mut states, mut on) = (Vec::new(), Vec::new(), Vec::new());
        for (clock, (state, day)) in matters.ends.drain() {
            ids.push(clock.0);
            states.push(state.code());
            on.push(Day(day));
        }
        connection
            .execute(sqlx::query(END).bind(ids).bind(states).bind(on))
            .await?;
    }
    Ok(())
}

async fn exceptions(connection: &mut PgConnection, matters: &mut Matters) -> Result<(), StoreError> {
    const NEW: &str = "INSERT INTO clock_exception (clock, ground, from_on, until_on, recorded_by, recorded_on, evidence) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    for one in matters.exceptions.drain(..) {
        let query = sqlx::query(NEW)
            .bind(one.clock.0)
            .bind(one.ground)
            .bind(one.from.map(Day))
            .bind(one.until.map(Day))
            .bind(one.recorded_by.as_str().to_owned())
            .bind(Day(one.recorded_on))
            .bind(one.evidence);
        connection.execute(query).await?;
    }
    Ok(())
}

async fn referrals(connection: &mut PgConnection, matters: &mut Matters) -> Result<(), StoreError> {
    const NEW: &str = "INSERT INTO referral (id, exchange, delivery, recipient, role, effect, reason, rule, provision, \
        decider, state, opened_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
        ON CONFLICT (id) DO NOTHING";
    for row in matters.referrals.drain(..) {
        let query = sqlx::query(NEW)
            .bind(row.referral.0)
            .bind(row.exchange.0)
            .bind(row.delivery.map(|delivery| delivery.0))
            .bind(row.recipient.as_str().to_owned())
            .bind(row.role.code())
            .bind(row.effect)
            .bind(row.reason)
            .bind(row.rule)
            .bind(row.provision)
            .bind(row.decider.as_str().to_owned())
            .bind(ReferralState::Open.code())
            .bind(Instant(row.opened_at));
        connection.execute(query).await?;
    }
    Ok(())
}

async fn decisions(connection: &mut PgConnection, matters: &mut Matters) -> Result<(), StoreError> {
    const SET: &str = "UPDATE referral SET state = v.state, decided_at = v.decided_at \
        FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) v(id, state, decided_at) WHERE referral.id = v.id";
    if matters.decisions.is_empty() {
        return Ok(());
    }
    let (mut ids, mut states, mut at) = (Vec::new(), Vec::new(), Vec::new());
    for (referral, (state, when)) in matters.decisions.drain() {
        ids.push(referral.0);
        states.push(state.code());
        at.push(Instant(when));
    }
    connection
        .execute(sqlx::query(SET).bind(ids).bind(states).bind(at))
        .await?;
    Ok(())
}

async fn attachments(connection: &mut PgConnection, matters: &mut Matters) -> Result<(), StoreError> {
    const NEW: &str = "INSERT INTO attachment (id, owner, subject, media_type, size_bytes, sha256, place, wrapped_key, \
        master_key_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    for row in matters.attachments.drain(..) {
        let query = sqlx::query(NEW)
            .bind(row.attachment.0)
            .bind(row.owner.as_str().to_owned())
            .bind(row.subject.map(|subject| subject.0.to_vec()))
            .bind(row.media_type)
            .bind(row.size_bytes.cast_signed())
            .bind(row.sha256.to_vec())
            .bind(row.place)
            .bind(row.wrapped_key)
            .bind(row.master_key_id)
            .bind(Instant(row.created_at));
        connection.execute(query).await?;
    }
    Ok(())
}

async fn attached(connection: &mut PgConnection, matters: &mut Matters) -> Result<(), StoreError> {
    const NEW: &str = "INSERT INTO attached (exchange, attachment) SELECT * FROM unnest($1::uuid[], $2::uuid[]) \
        ON CONFLICT (exchange, attachment) DO NOTHING";
    if matters.attached.is_empty() {
        return Ok(());
    }
    let (exchanges, attachments): (Vec<Uuid>, Vec<Uuid>) = matters
        .attached
        .drain(..)
        .map(|(exchange, attachment)| (exchange.0, attachment.0))
        .unzip();
    connection
        .execute(sqlx::query(NEW).bind(exchanges).bind(attachments))
        .await?;
    Ok(())
}

async fn agreements(connection: &mut PgConnection, matters: &mut Matters) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO agreement (id, revision, document) VALUES ($1, $2, $3::text::jsonb) \
        ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, document = excluded.document";
    for (agreement, revision) in matters.agreements.drain(..) {
        let query = sqlx::query(PUT)
            .bind(agreement.id.as_str().to_owned())
            .bind(revision.cast_signed())
            .bind(agreement_document::write(&agreement)?);
        connection.execute(query).await?;
    }
    Ok(())
}
