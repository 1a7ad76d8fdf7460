-- Which of its holder's connections writes a log: the last one. What an earlier one may still have sent, and nobody waits
-- for any more, finds another session here and is not written.
ALTER TABLE log ADD COLUMN session uuid;

-- What a batch took for granted, looked at once more while its rows are written: so a batch that only adds rows is
-- one statement, which is its own transaction, and one round trip.
--
--   swapped    how many rows of log were compared and swapped: 1, or another process has the log (SH001)
--   held       numbers of the tags whose people must not change before this commits, in their order
--   tags       tags that are registered as people's first ones: none may be a further one of somebody (SH002)
--   people, revisions   whose rights were decided on, and how often these had changed then (SH002)
--
-- Each statement in it sees what was committed before that statement began, as READ COMMITTED has it: whoever changed
-- a held tag has committed when the lock is there, and is seen.
CREATE FUNCTION stand(swapped bigint, held bigint[], tags bytea[], people bytea[], revisions bigint[])
    RETURNS boolean LANGUAGE plpgsql VOLATILE AS
$$
BEGIN
    IF swapped <> 1 THEN
        RAISE EXCEPTION 'another process has this log' USING ERRCODE = 'SH001';
    END IF;
    IF cardinality(held) > 0 THEN
        PERFORM pg_advisory_xact_lock_shared(n) FROM unnest(held) n;
    END IF;
    IF EXISTS (SELECT FROM unnest(tags) q(tag) JOIN subject_identifier i ON i.tag = q.tag)
        OR EXISTS (SELECT FROM unnest(people, revisions) e(subject, revision)
            LEFT JOIN subject_rights s ON s.subject = e.subject WHERE coalesce(s.revision, 0) <> e.revision)
    THEN
        RAISE EXCEPTION 'what the batch takes for granted does not stand' USING ERRCODE = 'SH002';
    END IF;
    RETURN true;
END
$$;
