-- What lasts beyond one exchange: cases, rights, clocks, referrals, agreements, attachments, the hub's notices.
--
-- Forms as in 0001. Nothing here has an index that a transfer touches: those on its tables are partial.

-- Cases: assessments and reviews.
CREATE TABLE case_record (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    kind           TEXT    NOT NULL,
    owner          TEXT    NOT NULL,
    subject        BLOB    NOT NULL CHECK (length(subject) = 16),
    case_reference TEXT,
    -- Its exchanges so far; what a writer compares and counts up.
    steps          INTEGER NOT NULL CHECK (steps > 0),
    opened_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX case_by_owner ON case_record (owner, kind, id);

-- The case to which an exchange belongs. Within a case the order of rowids is the order of its steps.
ALTER TABLE exchange ADD COLUMN case_id BLOB REFERENCES case_record (id);
CREATE INDEX exchange_by_case ON exchange (case_id) WHERE case_id IS NOT NULL;
-- What an agency has sent of one kind; transfers are found by exchange_by_sender.
CREATE INDEX exchange_by_kind ON exchange (sender, kind, id) WHERE kind <> 'TRANSFER';

-- What an agency has received besides transfers: by it the cases are found in which it takes part.
CREATE INDEX delivery_in_case ON delivery (recipient, exchange) WHERE kind <> 'TRANSFER' AND kind <> 'HUB_NOTICE';

-- A notice of the hub itself in a mailbox: what it tells, and the date that it speaks of. It has no content.
ALTER TABLE delivery ADD COLUMN notice TEXT CHECK ((notice IS NOT NULL) = (kind = 'HUB_NOTICE'));
ALTER TABLE delivery ADD COLUMN notice_on TEXT CHECK ((notice_on IS NULL) = (notice IS NULL));

-- What was told and must not be told again.
CREATE TABLE told (
    once TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- How often what is recorded of a person's rights has changed: what a decision compares when it is written.
CREATE TABLE subject_rights (
    subject  BLOB    NOT NULL PRIMARY KEY CHECK (length(subject) = 16),
    revision INTEGER NOT NULL CHECK (revision > 0)
) STRICT, WITHOUT ROWID;

-- Records about rights, sealed; never changed. With a rowid, whose order is that of recording.
CREATE TABLE rights_record (
    id          BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    subject     BLOB    NOT NULL REFERENCES subject_rights (subject),
    kind        TEXT    NOT NULL,
    recorded_by TEXT    NOT NULL,
    recorded_at INTEGER NOT NULL,
    sealed      BLOB    NOT NULL
) STRICT;
CREATE INDEX rights_record_by_subject ON rights_record (subject);

-- Copies that may be handed over only as long as a record stands.
CREATE TABLE relied_on (
    record   BLOB NOT NULL REFERENCES rights_record (id),
    delivery BLOB NOT NULL REFERENCES delivery (id),
    PRIMARY KEY (record, delivery)
) STRICT, WITHOUT ROWID;

-- Statutory clocks. told is a JSON list of the agencies that are told besides the one that must act.
CREATE TABLE clock (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    exchange       BLOB    NOT NULL REFERENCES exchange (id),
    case_id        BLOB    REFERENCES case_record (id),
    subject        BLOB    NOT NULL CHECK (length(subject) = 16),
    rule           TEXT    NOT NULL,
    started_on     TEXT    NOT NULL,
    due_on         TEXT    NOT NULL,
    basis          TEXT    NOT NULL,
    certainty      TEXT    NOT NULL,
    provision      TEXT    NOT NULL,
    owed_by        TEXT    NOT NULL,
    told           TEXT    NOT NULL,
    case_reference TEXT,
    state          TEXT    NOT NULL CHECK (state IN ('RUNNING', 'MET', 'ENDED')),
    next_notice_on TEXT,
    ended_on       TEXT,
    created_at     INTEGER NOT NULL,
    CHECK ((state = 'RUNNING') = (ended_on IS NULL)),
    CHECK (state = 'RUNNING' OR next_notice_on IS NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX clock_by_exchange ON clock (exchange);
CREATE INDEX clock_by_case ON clock (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX clock_owed ON clock (owed_by, due_on, id) WHERE state = 'RUNNING';
CREATE INDEX clock_to_notice ON clock (next_notice_on, id) WHERE next_notice_on IS NOT NULL;

-- Exceptions recorded against clocks, in the order of rowids. What shows them is sealed.
CREATE TABLE clock_exception (
    clock       BLOB NOT NULL REFERENCES clock (id),
    ground      TEXT NOT NULL,
    from_on     TEXT,
    until_on    TEXT,
    recorded_by TEXT NOT NULL,
    recorded_on TEXT NOT NULL,
    evidence    BLOB NOT NULL
) STRICT;
CREATE INDEX clock_exception_by_clock ON clock_exception (clock);

-- Decisions that wait, or waited, for a named person.
CREATE TABLE referral (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    exchange   BLOB    NOT NULL REFERENCES exchange (id),
    delivery   BLOB    REFERENCES delivery (id),
    recipient  TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    effect     TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    rule       TEXT    NOT NULL,
    provision  TEXT    NOT NULL,
    decider    TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('OPEN', 'ALLOWED', 'REFUSED')),
    opened_at  INTEGER NOT NULL,
    decided_at INTEGER,
    CHECK ((state = 'OPEN') = (decided_at IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX referral_by_exchange ON referral (exchange);
CREATE INDEX referral_open ON referral (decider, id) WHERE state = 'OPEN';

-- Sharing agreements, part of the directory: generation counts their changes too. The document (JSON) is the whole.
CREATE TABLE agreement (
    id       TEXT    NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL CHECK (revision > 0),
    document TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Attachments: where the sealed bytes lie, and the key that opens them, wrapped.
CREATE TABLE attachment (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner         TEXT    NOT NULL,
    subject       BLOB    CHECK (length(subject) = 16),
    media_type    TEXT    NOT NULL,
    size_bytes    INTEGER NOT NULL CHECK (size_bytes >= 0),
    sha256        BLOB    NOT NULL CHECK (length(sha256) = 32),
    place         TEXT    NOT NULL,
    wrapped_key   BLOB    NOT NULL,
    master_key_id TEXT    NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which exchanges carry them.
CREATE TABLE attached (
    exchange   BLOB NOT NULL REFERENCES exchange (id),
    attachment BLOB NOT NULL REFERENCES attachment (id),
    PRIMARY KEY (exchange, attachment)
) STRICT, WITHOUT ROWID;
CREATE INDEX attached_by_attachment ON attached (attachment, exchange);
