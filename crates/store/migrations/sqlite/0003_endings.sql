-- What ends here: a history that was moved to another database, and logs that take no more entries.

-- The move of everything to another database. A file with this row is served no more. One row at most.
CREATE TABLE moved (
    id          INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    to_database TEXT    NOT NULL,
    at          INTEGER NOT NULL
) STRICT;

-- When a log ended. What was restored from a back-up may have gone on elsewhere: to append to it would give the log
-- two histories.
ALTER TABLE log ADD COLUMN ended_at INTEGER;
