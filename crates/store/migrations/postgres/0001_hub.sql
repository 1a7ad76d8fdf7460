-- One hub on PostgreSQL: register, exchanges, mailboxes, cases, rights, clocks, directory and the logs of many
-- gateways.
--
-- Forms, the same in every table:
--   instants       timestamptz
--   civil dates    date
--   UUIDs          uuid; those that the hub makes are version 7, so their order is that of time
--   keyed tags     bytea of 16 bytes (HMAC-SHA-256, cut); without the hub's secret they lead nowhere
--   hashes         bytea of 32 bytes (SHA-256)
--   codes          text, the stable codes of the domain's enums
--   sealed texts   bytea: 12 bytes nonce, AES-256-GCM ciphertext, 16 bytes tag
-- Nothing here is personal in clear. Only what is asked has an index.
--
-- Tables that grow without end come in partitions, so that the ends of their indexes stay in memory and old months
-- can be detached: exchanges and deliveries by the month that their version 7 UUIDs hold, log entries by index. The
-- partitions themselves are made by the hub, ahead of their time. Nothing refers to a partitioned table by a foreign
-- key: that would hold old months fast, and what writes these rows is one transaction that has them all.

-- The key of all pseudonyms, wrapped by a master key that is never stored. One row.
CREATE TABLE hub_secret (
    id            smallint NOT NULL PRIMARY KEY CHECK (id = 1),
    master_key_id text     NOT NULL,
    wrapped       bytea    NOT NULL
);

-- Counts the changes to the directory, so that caches see when theirs is old. One row.
CREATE TABLE generation (
    id       smallint NOT NULL PRIMARY KEY CHECK (id = 1),
    revision bigint   NOT NULL
);
INSERT INTO generation (id, revision) VALUES (1, 0);

-- The directory. The document is the whole entry; the columns are what an operator looks for.
CREATE TABLE agency (
    id       text   COLLATE "C" NOT NULL PRIMARY KEY,
    revision bigint NOT NULL CHECK (revision > 0),
    kind     text   NOT NULL,
    status   text   NOT NULL,
    document jsonb  NOT NULL
);

-- What only one agency may have: field identifiers and unrevoked certificates (SHA-256 in hexadecimal).
-- LA_CODE stands here for local authorities only: a school states the one it lies in.
CREATE TABLE agency_key (
    system text NOT NULL
        CHECK (system IN ('URN', 'LAESTAB', 'LA_CODE', 'ODS_CODE', 'UKPRN', 'CERTIFICATE')),
    value  text COLLATE "C" NOT NULL,
    agency text COLLATE "C" NOT NULL REFERENCES agency (id),
    PRIMARY KEY (system, value)
);
CREATE INDEX agency_key_by_agency ON agency_key (agency);

-- Sharing agreements, part of the directory: generation counts their changes too. The document is the whole.
CREATE TABLE agreement (
    id       text   COLLATE "C" NOT NULL PRIMARY KEY,
    revision bigint NOT NULL CHECK (revision > 0),
    document jsonb  NOT NULL
);

-- The register of people. A subject's id is the keyed tag of the first identifier it was named by.
CREATE TABLE subject (
    id            bytea       NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    birth_tag     bytea       NOT NULL CHECK (length(birth_tag) = 16),
    name_tag      bytea       NOT NULL CHECK (length(name_tag) = 16),
    wrapped_key   bytea       NOT NULL,
    master_key_id text        NOT NULL,
    sealed_facts  bytea       NOT NULL,
    created_at    timestamptz NOT NULL
);

-- Further identifiers of a person; the first one is the subject's own id and does not stand here. That no tag stands
-- in both tables is kept by who writes, under an advisory lock on the tag.
CREATE TABLE subject_identifier (
    tag     bytea NOT NULL PRIMARY KEY CHECK (length(tag) = 16),
    subject bytea NOT NULL REFERENCES subject (id)
);

-- How often what is recorded of a person's rights has changed: what a decision compares when it is written.
CREATE TABLE subject_rights (
    subject  bytea  NOT NULL PRIMARY KEY CHECK (length(subject) = 16),
    revision bigint NOT NULL CHECK (revision > 0)
);

-- Idempotency: a sender's request is accepted once, by whichever gateway.
CREATE TABLE request (
    sender     text  COLLATE "C" NOT NULL,
    request_id uuid  NOT NULL,
    exchange   uuid  NOT NULL,
    digest     bytea NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (sender, request_id)
);

-- Cases: assessments and reviews.
CREATE TABLE case_record (
    id             uuid        NOT NULL PRIMARY KEY,
    kind           text        NOT NULL,
    owner          text        COLLATE "C" NOT NULL,
    subject        bytea       NOT NULL CHECK (length(subject) = 16),
    case_reference text,
    -- Its exchanges so far; what a writer compares and counts up.
    steps          integer     NOT NULL CHECK (steps > 0),
    opened_at      timestamptz NOT NULL
);
CREATE INDEX case_by_owner ON case_record (owner, kind, id);

-- The order of the steps of a case: taken while its row is locked.
CREATE SEQUENCE case_step AS bigint;

-- Accepted exchanges, payload sealed.
CREATE TABLE exchange (
    id          uuid        NOT NULL PRIMARY KEY,
    kind        text        NOT NULL,
    sender      text        COLLATE "C" NOT NULL,
    request_id  uuid        NOT NULL,
    subject     bytea       NOT NULL CHECK (length(subject) = 16),
    accepted_at timestamptz NOT NULL,
    due_on      date,
    case_id     uuid        REFERENCES case_record (id),
    case_no     bigint,
    -- Where the log says so: its EXCHANGE_ACCEPTED leaf, and the size of the tree that the receipt proved.
    log_no      integer     NOT NULL,
    leaf_index  bigint      NOT NULL,
    tree_size   bigint      NOT NULL,
    header      bytea       NOT NULL,
    sealed      bytea       NOT NULL,
    CHECK ((case_id IS NULL) = (case_no IS NULL))
) PARTITION BY RANGE (id);
-- Ciphertext does not compress: it is not tried.
ALTER TABLE exchange ALTER COLUMN sealed SET STORAGE EXTERNAL;
CREATE INDEX exchange_by_sender ON exchange (sender, id);
CREATE INDEX exchange_by_case ON exchange (case_id, case_no) WHERE case_id IS NOT NULL;
CREATE INDEX exchange_by_kind ON exchange (sender, kind, id) WHERE kind <> 'TRANSFER';

-- One recipient's copy of an exchange: the mailbox. A notice of the hub itself is a copy without content.
CREATE TABLE delivery (
    id             uuid        NOT NULL PRIMARY KEY,
    exchange       uuid        NOT NULL,
    kind           text        NOT NULL,
    recipient      text        COLLATE "C" NOT NULL,
    sender         text        COLLATE "C" NOT NULL,
    state          text        NOT NULL
        CHECK (state IN ('WAITING', 'COLLECTED', 'ACKNOWLEDGED', 'REJECTED', 'STOPPED')),
    case_reference text,
    due_on         date,
    size_bytes     bigint      NOT NULL,
    created_at     timestamptz NOT NULL,
    collected_at   timestamptz,
    ended_at       timestamptz,
    notice         text,
    notice_on      date,
    -- A copy is open exactly while it has not ended.
    CHECK ((state IN ('WAITING', 'COLLECTED')) = (ended_at IS NULL)),
    CHECK ((notice IS NOT NULL) = (kind = 'HUB_NOTICE')),
    CHECK ((notice_on IS NULL) = (notice IS NULL))
) PARTITION BY RANGE (id);
-- The inbox: open copies, oldest first. Ended copies leave the index.
CREATE INDEX delivery_open ON delivery (recipient, id) WHERE ended_at IS NULL;
CREATE INDEX delivery_by_exchange ON delivery (exchange);
-- What an agency has received besides transfers: by it the cases are found in which it takes part.
CREATE INDEX delivery_in_case ON delivery (recipient, exchange) WHERE kind <> 'TRANSFER' AND kind <> 'HUB_NOTICE';

-- What was told and must not be told again.
CREATE TABLE told (
    once text COLLATE "C" NOT NULL PRIMARY KEY
);

-- Exchanges of unknown destination, held until a local authority claims them.
CREATE TABLE unclaimed (
    exchange   uuid NOT NULL PRIMARY KEY,
    claimed_by text,
    claimed_at timestamptz,
    CHECK ((claimed_by IS NULL) = (claimed_at IS NULL))
);

-- Keyed tags under which a search finds them.
CREATE TABLE unclaimed_tag (
    tag      bytea NOT NULL CHECK (length(tag) = 16),
    exchange uuid  NOT NULL REFERENCES unclaimed (exchange),
    PRIMARY KEY (tag, exchange)
);

-- What the recipient's system made of a record, sealed; the last report stands.
CREATE TABLE import_report (
    delivery uuid        NOT NULL PRIMARY KEY,
    sealed   bytea       NOT NULL,
    at       timestamptz NOT NULL
);

-- Records about rights, sealed; never changed. Their numbers are in the order of recording.
CREATE TABLE rights_record (
    no          bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    id          uuid        NOT NULL PRIMARY KEY,
    subject     bytea       NOT NULL REFERENCES subject_rights (subject),
    kind        text        NOT NULL,
    recorded_by text        NOT NULL,
    recorded_at timestamptz NOT NULL,
    sealed      bytea       NOT NULL
);
CREATE INDEX rights_record_by_subject ON rights_record (subject, no);

-- Copies that may be handed over only as long as a record stands.
CREATE TABLE relied_on (
    record   uuid NOT NULL REFERENCES rights_record (id),
    delivery uuid NOT NULL,
    PRIMARY KEY (record, delivery)
);

-- Statutory clocks. told lists the agencies that are told besides the one that must act.
CREATE TABLE clock (
    id             uuid        NOT NULL PRIMARY KEY,
    exchange       uuid        NOT NULL,
    case_id        uuid        REFERENCES case_record (id),
    subject        bytea       NOT NULL CHECK (length(subject) = 16),
    rule           text        NOT NULL,
    started_on     date        NOT NULL,
    due_on         date        NOT NULL,
    basis          text        NOT NULL,
    certainty      text        NOT NULL,
    provision      text        NOT NULL,
    owed_by        text        COLLATE "C" NOT NULL,
    told           text[]      NOT NULL,
    case_reference text,
    state          text        NOT NULL CHECK (state IN ('RUNNING', 'MET', 'ENDED')),
    next_notice_on date,
    ended_on       date,
    created_at     timestamptz NOT NULL,
    CHECK ((state = 'RUNNING') = (ended_on IS NULL)),
    CHECK (state = 'RUNNING' OR next_notice_on IS NULL)
);
CREATE INDEX clock_by_exchange ON clock (exchange);
CREATE INDEX clock_by_case ON clock (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX clock_owed ON clock (owed_by, due_on, id) WHERE state = 'RUNNING';
CREATE INDEX clock_to_notice ON clock (next_notice_on, id) WHERE next_notice_on IS NOT NULL;

-- Exceptions recorded against clocks, in the order of their numbers. What shows them is sealed.
CREATE TABLE clock_exception (
    no          bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    clock       uuid   NOT NULL REFERENCES clock (id),
    ground      text   NOT NULL,
    from_on     date,
    until_on    date,
    recorded_by text   NOT NULL,
    recorded_on date   NOT NULL,
    evidence    bytea  NOT NULL
);
CREATE INDEX clock_exception_by_clock ON clock_exception (clock, no);

-- Decisions that wait, or waited, for a named person.
CREATE TABLE referral (
    id         uuid        NOT NULL PRIMARY KEY,
    exchange   uuid        NOT NULL,
    delivery   uuid,
    recipient  text        NOT NULL,
    role       text        NOT NULL,
    effect     text        NOT NULL,
    reason     text        NOT NULL,
    rule       text        NOT NULL,
    provision  text        NOT NULL,
    decider    text        COLLATE "C" NOT NULL,
    state      text        NOT NULL CHECK (state IN ('OPEN', 'ALLOWED', 'REFUSED')),
    opened_at  timestamptz NOT NULL,
    decided_at timestamptz,
    CHECK ((state = 'OPEN') = (decided_at IS NULL))
);
CREATE INDEX referral_by_exchange ON referral (exchange);
CREATE INDEX referral_open ON referral (decider, id) WHERE state = 'OPEN';

-- Attachments: where the sealed bytes lie, and the key that opens them, wrapped.
CREATE TABLE attachment (
    id            uuid        NOT NULL PRIMARY KEY,
    owner         text        NOT NULL,
    subject       bytea       CHECK (length(subject) = 16),
    media_type    text        NOT NULL,
    size_bytes    bigint      NOT NULL CHECK (size_bytes >= 0),
    sha256        bytea       NOT NULL CHECK (length(sha256) = 32),
    place         text        NOT NULL,
    wrapped_key   bytea       NOT NULL,
    master_key_id text        NOT NULL,
    created_at    timestamptz NOT NULL
);

-- Which exchanges carry them.
CREATE TABLE attached (
    exchange   uuid NOT NULL,
    attachment uuid NOT NULL REFERENCES attachment (id),
    PRIMARY KEY (exchange, attachment)
);
CREATE INDEX attached_by_attachment ON attached (attachment, exchange);

-- The logs: one for each gateway. size and peaks (32 bytes each, largest subtree first) are the tree's right edge;
-- size is what a writer compares and swaps, and epoch, which grows with each lease, is what it must still have.
CREATE TABLE log (
    no           integer     NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    origin       text        NOT NULL UNIQUE,
    verifier_key text        NOT NULL,
    size         bigint      NOT NULL CHECK (size >= 0),
    peaks        bytea       NOT NULL,
    epoch        bigint      NOT NULL,
    lease_until  timestamptz
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Log entries. hash = SHA-256(0x00 || entry). The columns after entry repeat what it says, for questions.
CREATE TABLE leaf (
    log_no   integer     NOT NULL,
    idx      bigint      NOT NULL CHECK (idx >= 0),
    hash     bytea       NOT NULL CHECK (length(hash) = 32),
    entry    bytea       NOT NULL,
    at       timestamptz NOT NULL,
    kind     text        NOT NULL,
    agency   text,
    subject  bytea,
    exchange uuid,
    PRIMARY KEY (log_no, idx)
) PARTITION BY RANGE (idx);
CREATE INDEX leaf_by_subject ON leaf (subject) WHERE subject IS NOT NULL;
CREATE INDEX leaf_by_exchange ON leaf (exchange) WHERE exchange IS NOT NULL;

-- Kept hashes of the tree: of every complete subtree of 256, 65 536, ... leaves (levels 8, 16, ...), so that
-- a proof needs a few hundred reads at any size.
CREATE TABLE node (
    log_no integer  NOT NULL REFERENCES log (no),
    level  smallint NOT NULL CHECK (level > 0),
    idx    bigint   NOT NULL CHECK (idx >= 0),
    hash   bytea    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (log_no, level, idx)
);

-- Signed checkpoints (C2SP signed notes), one for each commit.
CREATE TABLE checkpoint (
    log_no integer NOT NULL REFERENCES log (no),
    size   bigint  NOT NULL,
    note   text    NOT NULL,
    PRIMARY KEY (log_no, size)
);
