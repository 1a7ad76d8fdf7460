-- Logs that take no more entries.

-- When a log ended. What was restored from a back-up may have gone on elsewhere: to append to it would give the log
-- two histories.
ALTER TABLE log ADD COLUMN ended_at timestamptz;
