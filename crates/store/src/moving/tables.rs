//! Every table of a history: its columns in both engines, and the order in which both give its rows.

use super::cell::Kind::{self, Bytes, Day, Document, Instant, Integer, List, Long, Small, Text, Uuid};
use super::table::{Column, Table};

const fn column(name: &'static str, kind: Kind) -> Column {
    from(name, kind, name)
}

const fn from(name: &'static str, kind: Kind, source: &'static str) -> Column {
    Column { name, kind, source }
}

const fn table(name: &'static str, columns: &'static [Column], key: &'static [&'static str]) -> Table {
    Table {
        name,
        source: name,
        columns,
        key,
    }
}

/// All tables. What is referred to goes before what refers to it.
pub(super) const TABLES: &[Table] = &[
    table(
        "hub_secret",
        &[
            column("id", Small),
            column("master_key_id", Text),
            column("wrapped", Bytes),
        ],
        &["id"],
    ),
    table(
        "generation",
        &[column("id", Small), column("revision", Long)],
        &["id"],
    ),
    table(
        "agency",
        &[
            column("id", Text),
            column("revision", Long),
            column("kind", Text),
            column("status", Text),
            column("document", Document),
        ],
        &["id"],
    ),
    table(
        "agency_key",
        &[
            column("system", Text),
            column("value", Text),
            column("agency", Text),
        ],
        &["system", "value"],
    ),
    table(
        "agreement",
        &[
            column("id", Text),
            column("revision", Long),
            column("document", Document),
        ],
        &["id"],
    ),
    table(
        "subject",
        &[
            column("id", Bytes),
            column("birth_tag", Bytes),
            column("name_tag", Bytes),
            column("wrapped_key", Bytes),
            column("master_key_id", Text),
            column("sealed_facts", Bytes),
            column("created_at", Instant),
        ],
        &["id"],
    ),
    table(
        "subject_identifier",
        &[column("tag", Bytes), column("subject", Bytes)],
        &["tag"],
    ),
    table(
        "subject_rights",
        &[column("subject", Bytes), column("revision", Long)],
        &["subject"],
    ),
    Table {
        name: "request",
        // A partitioned table cannot keep a sender's request unique; in SQLite the exchange does.
        source: "exchange",
        columns: &[
            column("sender", Text),
            column("request_id", Uuid),
            from("exchange", Uuid, "id"),
            from("digest", Bytes, "request_digest"),
        ],
        key: &["sender", "request_id"],
    },
    table(
        "case_record",
        &[
            column("id", Uuid),
            column("kind", Text),
            column("owner", Text),
            column("subject", Bytes),
            column("case_reference", Text),
            column("steps", Integer),
            column("opened_at", Instant),
        ],
        &["id"],
    ),
    table(
        "exchange",
        &[
            column("id", Uuid),
            column("kind", Text),
            column("sender", Text),
            column("request_id", Uuid),
            column("subject", Bytes),
            column("accepted_at", Instant),
            column("due_on", Day),
            column("case_id", Uuid),
            // The order of the steps within a case.
            from("case_no", Long, "CASE WHEN case_id IS NOT NULL THEN rowid END"),
            column("log_no", Integer),
            column("leaf_index", Long),
            column("tree_size", Long),
            column("header", Bytes),
            column("sealed", Bytes),
        ],
        &["id"],
    ),
    table(
        "delivery",
        &[
            column("id", Uuid),
            column("exchange", Uuid),
            column("kind", Text),
            column("recipient", Text),
            column("sender", Text),
            column("state", Text),
            column("case_reference", Text),
            column("due_on", Day),
            column("size_bytes", Long),
            column("created_at", Instant),
            column("collected_at", Instant),
            column("ended_at", Instant),
            column("notice", Text),
            column("notice_on", Day),
        ],
        &["id"],
    ),
    table("told", &[column("once", Text)], &["once"]),
    table(
        "unclaimed",
        &[
            column("exchange", Uuid),
            column("claimed_by", Text),
            column("claimed_at", Instant),
        ],
        &["exchange"],
    ),
    table(
        "unclaimed_tag",
        &[column("tag", Bytes), column("exchange", Uuid)],
        &["tag", "exchange"],
    ),
    table(
        "import_report",
        &[
            column("delivery", Uuid),
            column("sealed", Bytes),
            column("at", Instant),
        ],
        &["delivery"],
    ),
    table(
        "rights_record",
        &[
            from("no", Long, "rowid"),
            column("id", Uuid),
            column("subject", Bytes),
            column("kind", Text),
            column("recorded_by", Text),
            column("recorded_at", Instant),
            column("sealed", Bytes),
        ],
        &["no"],
    ),
    table(
        "relied_on",
        &[column("record", Uuid), column("delivery", Uuid)],
        &["record", "delivery"],
    ),
    table(
        "clock",
        &[
            column("id", Uuid),
            column("exchange", Uuid),
            column("case_id", Uuid),
            column("subject", Bytes),
            column("rule", Text),
            column("started_on", Day),
            column("due_on", Day),
            column("basis", Text),
            column("certainty", Text),
            column("provision", Text),
            column("owed_by", Text),
            column("told", List),
            column("case_reference", Text),
            column("state", Text),
            column("next_notice_on", Day),
            column("ended_on", Day),
            column("created_at", Instant),
        ],
        &["id"],
    ),
    table(
        "clock_exception",
        &[
            from("no", Long, "rowid"),
            column("clock", Uuid),
            column("ground", Text),
            column("from_on", Day),
            column("until_on", Day),
            column("recorded_by", Text),
            column("recorded_on", Day),
            column("evidence", Bytes),
        ],
        &["no"],
    ),
    table(
        "referral",
        &[
            column("id", Uuid),
            column("exchange", Uuid),
            column("delivery", Uuid),
            column("recipient", Text),
            column("role", Text),
            column("effect", Text),
            column("reason", Text),
            column("rule", Text),
            column("provision", Text),
            column("decider", Text),
            column("state", Text),
            column("opened_at", Instant),
            column("decided_at", Instant),
        ],
        &["id"],
    ),
    table(
        "attachment",
        &[
            column("id", Uuid),
            column("owner", Text),
            column("subject", Bytes),
            column("media_type", Text),
            column("size_bytes", Long),
            column("sha256", Bytes),
            column("place", Text),
            column("wrapped_key", Bytes),
            column("master_key_id", Text),
            column("created_at", Instant),
        ],
        &["id"],
    ),
    table(
        "attached",
        &[column("exchange", Uuid), column("attachment", Uuid)],
        &["exchange", "attachment"],
    ),
    table(
        "log",
        &[
            column("no", Integer),
            column("origin", Text),
            column("verifier_key", Text),
            column("size", Long),
            column("peaks", Bytes),
            // Nobody has held a lease yet.
            from("epoch", Long, "0"),
            column("ended_at", Instant),
        ],
        &["no"],
    ),
    table(
        "leaf",
        &[
            column("log_no", Integer),
            column("idx", Long),
            column("hash", Bytes),
            column("entry", Bytes),
            column("at", Instant),
            column("kind", Text),
            column("agency", Text),
            column("subject", Bytes),
            column("exchange", Uuid),
        ],
        &["log_no", "idx"],
    ),
    table(
        "node",
        &[
            column("log_no", Integer),
            column("level", Small),
            column("idx", Long),
            column("hash", Bytes),
        ],
        &["log_no", "level", "idx"],
    ),
    table(
        "checkpoint",
        &[
            column("log_no", Integer),
            column("size", Long),
            column("note", Text),
        ],
        &["log_no", "size"],
    ),
];

/// What else a file holds: its own migrations and its mark, which are not part of the history.
pub(super) const NOT_MOVED: &[&str] = &["_sqlx_migrations", "moved"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_name_and_every_name_a_column() {
        for table in TABLES {
            assert_eq!(table.key_columns().count(), table.key.len(), "{}", table.name);
            assert!(!table.key.is_empty(), "{}", table.name);
        }
    }
}
