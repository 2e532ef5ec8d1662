-- One row a job.
-- state: 0 available, 1 scheduled, 2 retryable, 3 running, 4 completed, 5 discarded, 6 cancelled;
-- as written: a scheduled or retryable job whose run_at has come is available.
CREATE TABLE goncordia.job_row (
    id uuid NOT NULL,
    run_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    created_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    attempted_at timestamptz,
    finished_at timestamptz,
    expire_at timestamptz,
    session uuid,
    token uuid,
    mark_token uuid,
    version integer NOT NULL DEFAULT 1,
    snoozes integer NOT NULL DEFAULT 0,
    state smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 6),
    priority smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN -16 AND 15),
    attempt smallint NOT NULL DEFAULT 0,
    max_attempts smallint NOT NULL DEFAULT 25,
    mark smallint,
    unique_hold smallint,
    unique_conflict smallint,
    cancel_requested boolean NOT NULL DEFAULT false,
    queue text COLLATE "C" NOT NULL DEFAULT 'default',
    kind text COLLATE "C" NOT NULL,
    args bytea NOT NULL,
    unique_key bytea,
    meta bytea,
    tags text[],
    errors bytea,
    result bytea,
    CONSTRAINT job_row_pk PRIMARY KEY (id)
) WITH (
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_insert_scale_factor = 0.1,
    autovacuum_analyze_scale_factor = 0.02,
    autovacuum_vacuum_cost_delay = 0
);

-- Each job stands in exactly one of these three. A claim probes the first one level of priority by
-- level, and reads what is due in order; so what is due next week is never walked over.
CREATE INDEX job_row_waiting ON goncordia.job_row (queue, priority, run_at, id) WHERE state < 3;

CREATE INDEX job_row_running ON goncordia.job_row (session, token) WHERE state = 3;

CREATE INDEX job_row_ended ON goncordia.job_row (expire_at) INCLUDE (queue, state) WHERE state > 3;

-- Who holds a unique key now; a row of a key that is held for ever outlives its job.
CREATE TABLE goncordia.unique_key (
    key bytea CONSTRAINT unique_key_pk PRIMARY KEY,
    job uuid NOT NULL
);

CREATE TABLE goncordia.session (
    id uuid CONSTRAINT session_pk PRIMARY KEY,
    ttl bigint NOT NULL,
    joined_at timestamptz NOT NULL,
    beat_at timestamptz NOT NULL,
    died_at timestamptz,
    worker bytea NOT NULL
) WITH (fillfactor = 50);

-- Queues that were paused, or whose jobs were claimed, ended or removed.
CREATE TABLE goncordia.queue (
    name text COLLATE "C" CONSTRAINT queue_pk PRIMARY KEY,
    paused_at timestamptz
);

CREATE TABLE goncordia.value (
    key text COLLATE "C" CONSTRAINT value_pk PRIMARY KEY,
    value bytea NOT NULL,
    expire_at timestamptz
) WITH (fillfactor = 50);

-- For people: the jobs with their states as visible now, and readable arguments.
CREATE VIEW goncordia.job AS
SELECT
    id,
    kind,
    queue,
    CASE
        WHEN state = 0 OR state < 3 AND run_at <= statement_timestamp() THEN 'available'
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
    run_at,
    created_at,
    attempted_at,
    finished_at,
    expire_at,
    cancel_requested,
    session,
    convert_from(args, 'UTF8') AS args,
    convert_from(errors, 'UTF8') AS errors,
    convert_from(result, 'UTF8') AS result,
    convert_from(meta, 'UTF8') AS meta,
    tags
FROM goncordia.job_row;
