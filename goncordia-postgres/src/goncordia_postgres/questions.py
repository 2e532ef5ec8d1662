"""The SQL statements of those who look on: jobs, pages, counts, queues, and values under keys."""

from __future__ import annotations

from goncordia.lifecycle import State

from goncordia_postgres.statements import CODES, LEVELS, now_or

JOB = """id, kind, args, version, queue, priority, state, attempt, max_attempts, snoozes, run_at,
    created_at, attempted_at, finished_at, expire_at, cancel_requested, session, errors, result,
    unique_key, unique_hold, unique_conflict, tags, meta"""
GET = f"SELECT {JOB}, {now_or(2)} FROM goncordia.job_row WHERE id = ANY ($1::uuid[])"
PAGE = f"""
SELECT {JOB}, {now_or(2)} FROM goncordia.job_row
WHERE ($3::uuid IS NULL OR id < $3::uuid){{}} ORDER BY id DESC LIMIT $1::int8"""
OF_KINDS = "kind = ANY ({}::text[])"
OF_QUEUES = "queue = ANY ({}::text[])"
TAGGED = "tags @> {}::text[]"
SEEN = {state: f"state = {code}" for state, code in CODES.items()} | {
    State.AVAILABLE: f"state = 0 OR state IN (1, 2) AND run_at <= {now_or(2)}",
    State.SCHEDULED: f"state = 1 AND run_at > {now_or(2)}",
    State.RETRYABLE: f"state = 2 AND run_at > {now_or(2)}",
}
"""Whether a job is seen in a state at an instant."""
_AMONG = "($1::text[] IS NULL OR queue = ANY ($1::text[]))"
STATS = f"""
SELECT queue, seen, n, CASE seen WHEN 0 THEN (
    SELECT min(head.run_at) FROM {LEVELS} CROSS JOIN LATERAL (
        SELECT run_at FROM goncordia.job_row
        WHERE queue = counted.queue AND priority = level.p AND state < 3 AND run_at <= {now_or(2)}
        ORDER BY run_at LIMIT 1
    ) AS head
) END
FROM (
    SELECT queue, CASE WHEN run_at <= {now_or(2)} THEN 0 ELSE state END AS seen, count(*) AS n
    FROM goncordia.job_row WHERE state < 3 AND {_AMONG} GROUP BY queue, seen
) AS counted
UNION ALL
SELECT queue, 3, count(*), NULL FROM goncordia.job_row
WHERE state = 3 AND {_AMONG} GROUP BY queue
UNION ALL
SELECT queue, state, count(*), NULL FROM goncordia.job_row
WHERE state > 3 AND {_AMONG} GROUP BY queue, state"""
"""The oldest due job is found by an index's head for each level of priority."""
KINDS = """
SELECT DISTINCT kind FROM goncordia.job_row WHERE state < 3 ORDER BY kind LIMIT $1::int8"""
QUEUES = """
WITH RECURSIVE waiting (name) AS (
    (SELECT queue FROM goncordia.job_row WHERE state < 3 ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT (
        SELECT queue FROM goncordia.job_row WHERE state < 3 AND queue > waiting.name
        ORDER BY queue LIMIT 1
    ) FROM waiting WHERE waiting.name IS NOT NULL
)
SELECT name, max(paused_at) FROM (
    SELECT name, paused_at FROM goncordia.queue
    UNION ALL SELECT name, NULL FROM waiting WHERE name IS NOT NULL
    UNION ALL SELECT queue, NULL FROM goncordia.job_row WHERE state = 3
) AS known GROUP BY name ORDER BY name"""
PAUSE = f"""
INSERT INTO goncordia.queue (name, paused_at) VALUES ($1::text, {now_or(2)})
ON CONFLICT (name) DO UPDATE SET paused_at = coalesce(queue.paused_at, excluded.paused_at)"""
RESUME = """
INSERT INTO goncordia.queue (name) VALUES ($1::text)
ON CONFLICT (name) DO UPDATE SET paused_at = NULL"""
_UNEXPIRED = "(expire_at IS NULL OR expire_at > {})"
_EXPIRY = "{} + {}::int8 * interval '1 microsecond'"
VALUE = f"""
SELECT value FROM goncordia.value WHERE key = $1::text AND {_UNEXPIRED.format(now_or(2))}"""
SET_NEW = f"""
INSERT INTO goncordia.value AS held (key, value, expire_at)
VALUES ($1::text, $2::bytea, {_EXPIRY.format(now_or(4), "$3")})
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expire_at = excluded.expire_at
WHERE held.expire_at <= {now_or(4)}"""
REPLACE_VALUE = f"""
UPDATE goncordia.value SET value = $2::bytea, expire_at = {_EXPIRY.format(now_or(4), "$3")}
WHERE key = $1::text AND value = $5::bytea AND {_UNEXPIRED.format(now_or(4))}"""
UNSET_VALUE = f"""
DELETE FROM goncordia.value
WHERE key = $1::text AND value = $2::bytea AND {_UNEXPIRED.format(now_or(3))}"""
