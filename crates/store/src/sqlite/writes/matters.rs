//! How the rows of cases, rights, clocks, referrals, agreements, attachments and notices are written.

use std::collections::HashMap;

use jiff::civil::Date;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::exchange::{DeliveryId, RightsRecordId};
use sendhub_domain::person::SubjectId;

use crate::agreement_document;
use crate::change::{
    AttachmentRow, ClockRow, ClockState, HUB_SENDER, NoticeRow, ReferralRow, ReferralState, RightsRow,
};
use crate::sqlite::rows::{Script, Statement};
use crate::store::StoreError;
use crate::writes::matters::{Cases, Matters};

static CASE: Statement = Statement::new(
    "INSERT INTO case_record (id, kind, owner, subject, case_reference, steps, opened_at) VALUES ",
    "(?,?,?,?,?,1,?)",
    "",
);
static STEPS: Statement = Statement::new(
    "WITH v(id, steps) AS (VALUES ",
    "(?,?)",
    ") UPDATE case_record SET steps = v.steps FROM v WHERE case_record.id = v.id",
);
static NOTICE: Statement = Statement::new(
    "WITH v(id, exchange, recipient, sender, case_reference, created_at, notice, notice_on, once) AS (VALUES ",
    "(?,?,?,?,?,?,?,?,?)",
    ") INSERT INTO delivery (id, exchange, kind, recipient, sender, state, case_reference, size_bytes, \
     created_at, notice, notice_on) SELECT v.id, v.exchange, 'HUB_NOTICE', v.recipient, v.sender, 'WAITING', \
     v.case_reference, 0, v.created_at, v.notice, v.notice_on FROM v \
     WHERE NOT EXISTS (SELECT 1 FROM told WHERE told.once = v.once)",
);
static TOLD: Statement = Statement::new(
    "INSERT INTO told (once) VALUES ",
    "(?)",
    " ON CONFLICT (once) DO NOTHING",
);
/// Writes nothing, unless a revision is not the expected one: then it would write none, which the schema refuses.
static EXPECTED: Statement = Statement::new(
    "WITH v(subject, revision) AS (VALUES ",
    "(?,?)",
    ") INSERT INTO subject_rights (subject, revision) SELECT v.subject, NULL FROM v WHERE v.revision <> \
     coalesce((SELECT s.revision FROM subject_rights s WHERE s.subject = v.subject), 0)",
);
static REVISION: Statement = Statement::new(
    "INSERT INTO subject_rights (subject, revision) VALUES ",
    "(?,?)",
    " ON CONFLICT (subject) DO UPDATE SET revision = excluded.revision",
);
static RIGHTS: Statement = Statement::new(
    "INSERT INTO rights_record (id, subject, kind, recorded_by, recorded_at, sealed) VALUES ",
    "(?,?,?,?,?,?)",
    "",
);
static RELIED_ON: Statement = Statement::new(
    "INSERT INTO relied_on (record, delivery) VALUES ",
    "(?,?)",
    " ON CONFLICT (record, delivery) DO NOTHING",
);
static CLOCK: Statement = Statement::new(
    "INSERT INTO clock (id, exchange, case_id, subject, rule, started_on, due_on, basis, certainty, provision, \
     owed_by, told, case_reference, state, next_notice_on, created_at) VALUES ",
    "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    "",
);
static ADVANCE: Statement = Statement::new(
    "WITH v(id, next_notice_on) AS (VALUES ",
    "(?,?)",
    ") UPDATE clock SET next_notice_on = v.next_notice_on FROM v \
     WHERE clock.id = v.id AND clock.state = 'RUNNING'",
);
static END: Statement = Statement::new(
    "WITH v(id, state, ended_on) AS (VALUES ",
    "(?,?,?)",
    ") UPDATE clock SET state = v.state, ended_on = v.ended_on, next_notice_on = NULL FROM v \
     WHERE clock.id = v.id AND clock.state = 'RUNNING'",
);
static EXCEPTION: Statement = Statement::new(
    "INSERT INTO clock_exception (clock, ground, from_on, until_on, recorded_by, recorded_on, evidence) VALUES ",
    "(?,?,?,?,?,?,?)",
    "",
);
static REFERRAL: Statement = Statement::new(
    "INSERT INTO referral (id, exchange, delivery, recipient, role, effect, reason, rule, provision, decider, \
     state, opened_at) VALUES ",
    "(?,?,?,?,?,?,?,?,?,?,?,?)",
    " ON CONFLICT (id) DO NOTHING",
);
static DECISION: Statement = Statement::new(
    "WITH v(id, state, decided_at) AS (VALUES ",
    "(?,?,?)",
    ") UPDATE referral SET state = v.state, decided_at = v.decided_at FROM v WHERE referral.id = v.id",
);
const AGREEMENT: &str = "INSERT INTO agreement (id, revision, document) VALUES (?,?,?) \
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, document = excluded.document;\n";
static ATTACHMENT: Statement = Statement::new(
    "INSERT INTO attachment (id, owner, subject, media_type, size_bytes, sha256, place, wrapped_key, \
     master_key_id, created_at) VALUES ",
    "(?,?,?,?,?,?,?,?,?,?)",
    "",
);
static ATTACHED: Statement = Statement::new(
    "INSERT INTO attached (exchange, attachment) VALUES ",
    "(?,?)",
    " ON CONFLICT (exchange, attachment) DO NOTHING",
);

/// Adds the statements for cases. Written before the exchanges, which refer to them.
pub(super) fn write_cases(cases: Cases, script: &mut Script) {
    script.write(&CASE, cases.opened, |row, values| {
        values
            .bind(row.case.0)
            .bind(row.kind.code())
            .bind(row.owner.as_str());
        values
            .bind(&row.subject.0[..])
            .bind(row.case_reference)
            .bind(row.opened_at.as_microsecond());
    });
    script.write(
        &STEPS,
        cases.steps.into_iter().collect(),
        |(case, steps), values| {
            values.bind(case.0).bind(i64::from(steps));
        },
    );
}

/// Adds the statements that compare what was expected of rights, for a batch that changes none.
pub(super) fn guards(matters: &mut Matters, script: &mut Script) {
    let expected = std::mem::take(&mut matters.expected);
    script.write(&EXPECTED, expected, |(subject, revision), values| {
        values.bind(&subject.0[..]).bind_u64(revision);
    });
}

/// Adds the statements for the hub's own notices: mailboxes first, so that each is told once.
pub(super) fn tell(matters: &mut Matters, script: &mut Script) {
    let (keys, notices): (Vec<String>, Vec<NoticeRow>) = matters.notices.drain().unzip();
    script.write(&NOTICE, notices, |row, values| {
        values
            .bind(row.delivery.0)
            .bind(row.about.0)
            .bind(row.recipient.as_str());
        values
            .bind(HUB_SENDER)
            .bind(row.case_reference)
            .bind(row.created_at.as_microsecond());
        values
            .bind(row.code.code())
            .bind(row.on.to_string())
            .bind(row.once);
    });
    script.write(&TOLD, keys, |once, values| {
        values.bind(once);
    });
}

/// Adds the statements for all else.
///
/// # Errors
/// [`StoreError::Corrupt`] when an agreement or a list cannot be written as a document.
pub(super) fn script(matters: Matters, script: &mut Script) -> Result<(), StoreError> {
    write_rights(matters.revisions, matters.rights, matters.relied_on, script);
    write_clocks(matters.clocks, script)?;
    script.write(
        &ADVANCE,
        matters.advances.into_iter().collect(),
        |(clock, next), values| {
            values.bind(clock.0).bind(text(next));
        },
    );
    script.write(
        &END,
        matters.ends.into_iter().collect(),
        |(clock, (state, on)), values| {
            values.bind(clock.0).bind(state.code()).bind(on.to_string());
        },
    );
    script.write(&EXCEPTION, matters.exceptions, |one, values| {
        values.bind(one.clock.0).bind(one.ground);
        values.bind(text(one.from)).bind(text(one.until));
        values
            .bind(one.recorded_by.as_str())
            .bind(one.recorded_on.to_string())
            .bind(one.evidence);
    });
    write_referrals(matters.referrals, script);
    script.write(
        &DECISION,
        matters.decisions.into_iter().collect(),
        |(referral, (state, at)), values| {
            values
                .bind(referral.0)
                .bind(state.code())
                .bind(at.as_microsecond());
        },
    );
    write_attachments(matters.attachments, script);
    script.write(&ATTACHED, matters.attached, |(exchange, attachment), values| {
        values.bind(exchange.0).bind(attachment.0);
    });
    for (agreement, revision) in matters.agreements {
        let document = agreement_document::write(&agreement)?;
        let values = script.add(AGREEMENT);
        values
            .bind(agreement.id.as_str())
            .bind_u64(revision)
            .bind(document);
    }
    Ok(())
}

fn text(date: Option<Date>) -> Option<String> {
    date.map(|date| date.to_string())
}

fn write_rights(
    revisions: HashMap<SubjectId, u64>,
    records: Vec<RightsRow>,
    relied_on: Vec<(RightsRecordId, DeliveryId)>,
    script: &mut Script,
) {
    script.write(
        &REVISION,
        revisions.into_iter().collect(),
        |(subject, revision), values| {
            values.bind(&subject.0[..]).bind_u64(revision);
        },
    );
    script.write(&RIGHTS, records, |row, values| {
        values.bind(row.record.0).bind(&row.subject.0[..]).bind(row.kind);
        values
            .bind(row.recorded_by.as_str())
            .bind(row.recorded_at.as_microsecond())
            .bind(row.sealed);
    });
    script.write(&RELIED_ON, relied_on, |(record, delivery), values| {
        values.bind(record.0).bind(delivery.0);
    });
}

fn write_clocks(clocks: Vec<ClockRow>, script: &mut Script) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(clocks.len());
    for row in clocks {
        let told: Vec<&str> = row.told.iter().map(AgencyId::as_str).collect();
        let told = serde_json::to_string(&told).map_err(|_| StoreError::Corrupt("list of agencies"))?;
        rows.push((row, told));
    }
    script.write(&CLOCK, rows, |(row, told), values| {
        values
            .bind(row.clock.0)
            .bind(row.exchange.0)
            .bind(row.case.map(|case| case.0));
        values.bind(&row.subject.0[..]).bind(row.rule);
        values
            .bind(row.started_on.to_string())
            .bind(row.due_on.to_string());
        values
            .bind(row.basis)
            .bind(row.certainty.code())
            .bind(row.provision);
        values
            .bind(row.owed_by.as_str())
            .bind(told)
            .bind(row.case_reference);
        values
            .bind(ClockState::Running.code())
            .bind(text(row.next_notice_on))
            .bind(row.created_at.as_microsecond());
    });
    Ok(())
}

fn write_referrals(rows: Vec<ReferralRow>, script: &mut Script) {
    script.write(&REFERRAL, rows, |row, values| {
        values
            .bind(row.referral.0)
            .bind(row.exchange.0)
            .bind(row.delivery.map(|delivery| delivery.0));
        values
            .bind(row.recipient.as_str())
            .bind(row.role.code())
            .bind(row.effect);
        values.bind(row.reason).bind(row.rule).bind(row.provision);
        values
            .bind(row.decider.as_str())
            .bind(ReferralState::Open.code())
            .bind(row.opened_at.as_microsecond());
    });
}

fn write_attachments(rows: Vec<AttachmentRow>, script: &mut Script) {
    script.write(&ATTACHMENT, rows, |row, values| {
        values
            .bind(row.attachment.0)
            .bind(row.owner.as_str())
            .bind(row.subject.as_ref().map(|subject| &subject.0[..]));
        values
            .bind(row.media_type)
            .bind_u64(row.size_bytes)
            .bind(&row.sha256[..]);
        values
            .bind(row.place)
            .bind(row.wrapped_key)
            .bind(row.master_key_id)
            .bind(row.created_at.as_microsecond());
    });
}
