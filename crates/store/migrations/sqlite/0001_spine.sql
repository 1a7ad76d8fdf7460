-- The spine: register, exchanges, mailboxes, directory and log of one hub.
--
-- Forms, the same in every table:
--   instants       INTEGER, microseconds since 1970-01-01T00:00:00Z
--   civil dates    TEXT, ISO 8601 (2026-11-23)
--   UUIDs          BLOB of 16 bytes; those that the hub makes are version 7, so their order is that of time
--   keyed tags     BLOB of 16 bytes (HMAC-SHA-256, cut); without the hub's secret they lead nowhere
--   hashes         BLOB of 32 bytes (SHA-256)
--   codes          TEXT, the stable codes of the domain's enums
--   sealed texts   BLOB: 12 bytes nonce, AES-256-GCM ciphertext, 16 bytes tag
-- Nothing here is personal in clear. Tables without a rowid are those whose rows are small and which are
-- read by their key; only what is asked has an index.

-- The key of all pseudonyms, wrapped by a master key that is never stored. One row.
CREATE TABLE hub_secret (
    id            INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    master_key_id TEXT    NOT NULL,
    wrapped       BLOB    NOT NULL
) STRICT;

-- Counts the changes to the directory, so that caches see when theirs is old. One row.
CREATE TABLE generation (
    id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO generation (id, revision) VALUES (1, 0);

-- The directory. The document (JSON) is the whole entry; the columns are what an operator looks for.
CREATE TABLE agency (
    id       TEXT    NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL CHECK (revision > 0),
    kind     TEXT    NOT NULL,
    status   TEXT    NOT NULL,
    document TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- What only one agency may have: field identifiers and unrevoked certificates (SHA-256 in hexadecimal).
-- LA_CODE stands here for local authorities only: a school states the one it lies in.
CREATE TABLE agency_key (
    system TEXT NOT NULL
        CHECK (system IN ('URN', 'LAESTAB', 'LA_CODE', 'ODS_CODE', 'UKPRN', 'CERTIFICATE')),
    value  TEXT NOT NULL,
    agency TEXT NOT NULL REFERENCES agency (id),
    PRIMARY KEY (system, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX agency_key_by_agency ON agency_key (agency);

-- The register of people. A subject's id is the keyed tag of the first identifier it was named by.
CREATE TABLE subject (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    birth_tag     BLOB    NOT NULL CHECK (length(birth_tag) = 16),
    name_tag      BLOB    NOT NULL CHECK (length(name_tag) = 16),
    wrapped_key   BLOB    NOT NULL,
    master_key_id TEXT    NOT NULL,
    sealed_facts  BLOB    NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Further identifiers of a person; the first one is the subject's own id and does not stand here.
CREATE TABLE subject_identifier (
    tag     BLOB NOT NULL PRIMARY KEY CHECK (length(tag) = 16),
    subject BLOB NOT NULL REFERENCES subject (id)
) STRICT, WITHOUT ROWID;

-- One identifier never leads to two people: what is another person's identifier starts no new entry.
CREATE TRIGGER subject_is_new BEFORE INSERT ON subject
WHEN EXISTS (SELECT 1 FROM subject_identifier WHERE tag = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'the identifier is known');
END;

-- Accepted exchanges, payload sealed. With a rowid: payloads are large.
CREATE TABLE exchange (
    id             BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    kind           TEXT    NOT NULL,
    sender         TEXT    NOT NULL,
    request_id     BLOB    NOT NULL CHECK (length(request_id) = 16),
    request_digest BLOB    NOT NULL CHECK (length(request_digest) = 32),
    subject        BLOB    NOT NULL CHECK (length(subject) = 16),
    accepted_at    INTEGER NOT NULL,
    due_on         TEXT,
    header         BLOB    NOT NULL,
    sealed         BLOB    NOT NULL,
    -- Where the log says so: its EXCHANGE_ACCEPTED leaf, and the size of the tree that the receipt proved.
    log_no         INTEGER NOT NULL,
    leaf_index     INTEGER NOT NULL,
    tree_size      INTEGER NOT NULL,
    -- Idempotency: a sender's request is accepted once.
    UNIQUE (sender, request_id)
) STRICT;
-- What an agency has sent, newest first.
CREATE INDEX exchange_by_sender ON exchange (sender, id);

-- One recipient's copy of an exchange: the mailbox.
CREATE TABLE delivery (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    exchange       BLOB    NOT NULL REFERENCES exchange (id),
    kind           TEXT    NOT NULL,
    recipient      TEXT    NOT NULL,
    sender         TEXT    NOT NULL,
    state          TEXT    NOT NULL
        CHECK (state IN ('WAITING', 'COLLECTED', 'ACKNOWLEDGED', 'REJECTED', 'STOPPED')),
    case_reference TEXT,
    due_on         TEXT,
    size_bytes     INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    collected_at   INTEGER,
    ended_at       INTEGER,
    -- A copy is open exactly while it has not ended.
    CHECK ((state IN ('WAITING', 'COLLECTED')) = (ended_at IS NULL))
) STRICT, WITHOUT ROWID;
-- The inbox: open copies, oldest first. Ended copies leave the index.
CREATE INDEX delivery_open ON delivery (recipient, id) WHERE ended_at IS NULL;
CREATE INDEX delivery_by_exchange ON delivery (exchange);

-- Exchanges of unknown destination, held until a local authority claims them.
CREATE TABLE unclaimed (
    exchange   BLOB NOT NULL PRIMARY KEY REFERENCES exchange (id),
    claimed_by TEXT,
    claimed_at INTEGER,
    CHECK ((claimed_by IS NULL) = (claimed_at IS NULL))
) STRICT, WITHOUT ROWID;

-- Keyed tags under which a search finds them.
CREATE TABLE unclaimed_tag (
    tag      BLOB NOT NULL CHECK (length(tag) = 16),
    exchange BLOB NOT NULL REFERENCES unclaimed (exchange),
    PRIMARY KEY (tag, exchange)
) STRICT, WITHOUT ROWID;

-- What the recipient's system made of a record, sealed; the last report stands.
CREATE TABLE import_report (
    delivery BLOB    NOT NULL PRIMARY KEY REFERENCES delivery (id),
    sealed   BLOB    NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

-- The logs: one for each process that writes. size and peaks (32 bytes each, largest subtree first) are the
-- tree's right edge; size is what a writer compares and swaps.
CREATE TABLE log (
    no           INTEGER NOT NULL PRIMARY KEY,
    origin       TEXT    NOT NULL UNIQUE,
    verifier_key TEXT    NOT NULL,
    size         INTEGER NOT NULL CHECK (size >= 0),
    peaks        BLOB    NOT NULL
) STRICT;

-- Log entries. hash = SHA-256(0x00 || entry). The columns after entry repeat what it says, for questions.
CREATE TABLE leaf (
    log_no   INTEGER NOT NULL REFERENCES log (no),
    idx      INTEGER NOT NULL CHECK (idx >= 0),
    hash     BLOB    NOT NULL CHECK (length(hash) = 32),
    entry    BLOB    NOT NULL,
    at       INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    agency   TEXT,
    subject  BLOB,
    exchange BLOB,
    PRIMARY KEY (log_no, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX leaf_by_subject ON leaf (subject) WHERE subject IS NOT NULL;
CREATE INDEX leaf_by_exchange ON leaf (exchange) WHERE exchange IS NOT NULL;

-- Kept hashes of the tree: of every complete subtree of 256, 65 536, ... leaves (levels 8, 16, ...), so that
-- a proof needs a few hundred reads at any size.
CREATE TABLE node (
    log_no INTEGER NOT NULL REFERENCES log (no),
    level  INTEGER NOT NULL CHECK (level > 0),
    idx    INTEGER NOT NULL CHECK (idx >= 0),
    hash   BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (log_no, level, idx)
) STRICT, WITHOUT ROWID;

-- Signed checkpoints (C2SP signed notes), one for each commit.
CREATE TABLE checkpoint (
    log_no INTEGER NOT NULL REFERENCES log (no),
    size   INTEGER NOT NULL,
    note   TEXT    NOT NULL,
    PRIMARY KEY (log_no, size)
) STRICT, WITHOUT ROWID;
