-- One row a job. Times are microseconds since 1970-01-01 UTC, ids are UUIDs as 16 bytes.
-- state: 0 available, 1 scheduled, 2 retryable, 3 running, 4 completed, 5 discarded, 6 cancelled;
-- as written: a scheduled or retryable job whose run_at has come is available.
CREATE TABLE goncordia_job_row (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    queue TEXT NOT NULL,
    args BLOB NOT NULL,
    version INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 6),
    run_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    snoozes INTEGER NOT NULL DEFAULT 0,
    session BLOB,
    token BLOB,
    attempted_at INTEGER,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    finished_at INTEGER,
    expire_at INTEGER,
    mark_token BLOB,
    mark INTEGER,
    errors BLOB,
    result BLOB,
    unique_key BLOB,
    unique_hold INTEGER,
    unique_conflict INTEGER,
    holds INTEGER,
    tags TEXT,
    meta BLOB
) STRICT;

-- Each job stands in exactly one of these four. The claim reads the first one in order, and of the
-- second what is due, level of priority by level; stats, prune and the names of queues read them too.
-- The state stands in them so that SQLite need not look at the row for what the condition says.
CREATE INDEX goncordia_ready ON goncordia_job_row (queue, priority DESC, run_at, id, state)
    WHERE state = 0;

CREATE INDEX goncordia_dormant ON goncordia_job_row (queue, priority DESC, run_at, id, state)
    WHERE state IN (1, 2);

CREATE INDEX goncordia_running ON goncordia_job_row (session, token, attempted_at, state)
    WHERE state = 3;

CREATE INDEX goncordia_ended ON goncordia_job_row (queue, state, expire_at)
    WHERE state > 3;

-- Who holds a unique key now.
CREATE UNIQUE INDEX goncordia_holder ON goncordia_job_row (unique_key)
    WHERE holds = 1;

-- Keys held for ever, whose jobs are gone.
CREATE TABLE goncordia_kept_key (
    key BLOB PRIMARY KEY,
    job BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE goncordia_session (
    id BLOB PRIMARY KEY,
    worker BLOB NOT NULL,
    ttl INTEGER NOT NULL,
    joined_at INTEGER NOT NULL,
    beat_at INTEGER NOT NULL,
    died_at INTEGER
) STRICT, WITHOUT ROWID;

-- Queues that were paused, or whose jobs are all gone.
CREATE TABLE goncordia_queue (
    name TEXT PRIMARY KEY,
    paused_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE goncordia_value (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    expire_at INTEGER
) STRICT, WITHOUT ROWID;

-- For people: the jobs with their states as visible now, and readable ids and times.
CREATE VIEW goncordia_job AS
SELECT
    lower(
        substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4)
        || '-' || substr(hex(id), 17, 4) || '-' || substr(hex(id), 21)
    ) AS id,
    kind,
    queue,
    CASE
        WHEN state = 0 THEN 'available'
        WHEN state IN (1, 2) AND run_at <= (julianday('now') - 2440587.5) * 86400000000
            THEN 'available'
        WHEN state = 1 THEN 'scheduled'
        WHEN state = 2 THEN 'retryable'
        WHEN state = 3 THEN 'running'
        WHEN state = 4 THEN 'completed'
        WHEN state = 5 THEN 'discarded'
        ELSE 'cancelled'
    END AS state,
    priority,
    attempt,
    max_attempts,
    snoozes,
    strftime('%Y-%m-%dT%H:%M:%S', run_at / 1000000, 'unixepoch')
        || printf('.%06dZ', run_at % 1000000) AS run_at,
    strftime('%Y-%m-%dT%H:%M:%S', created_at / 1000000, 'unixepoch')
        || printf('.%06dZ', created_at % 1000000) AS created_at,
    strftime('%Y-%m-%dT%H:%M:%S', attempted_at / 1000000, 'unixepoch')
        || printf('.%06dZ', attempted_at % 1000000) AS attempted_at,
    strftime('%Y-%m-%dT%H:%M:%S', finished_at / 1000000, 'unixepoch')
        || printf('.%06dZ', finished_at % 1000000) AS finished_at,
    cancel_requested,
    lower(hex(session)) AS session,
    CAST(args AS TEXT) AS args,
    CAST(errors AS TEXT) AS errors,
    CAST(result AS TEXT) AS result,
    CAST(meta AS TEXT) AS meta,
    tags
FROM goncordia_job_row;
