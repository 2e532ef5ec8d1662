"""The SQL statements that work on jobs, and the codes that stand in their columns.

What holds of all of them, and of those in `questions`: each parameter stands with its type, which
is also how it is sent (`$1::uuid[]`), so that nothing is guessed from values; the last one, `now`,
is null where the server's clock rules; a batch is a few arrays; and the predicates of the partial
indexes stand word for word as in the schema. `goncordia.` is the schema's name, put right by
`localized`.

Rows are reached by `ctid` after they were locked by `SKIP LOCKED` in the same statement, so that
nobody waits on a lock, and each is judged again by the server if it changed meanwhile.
"""

from __future__ import annotations

from functools import lru_cache

from goncordia.jobs import PRIORITIES, Conflict, Hold
from goncordia.lifecycle import State

STATES = (
    State.AVAILABLE,
    State.SCHEDULED,
    State.RETRYABLE,
    State.RUNNING,
    State.COMPLETED,
    State.DISCARDED,
    State.CANCELLED,
)
CODES = {state: code for code, state in enumerate(STATES)}
HOLDS = (Hold.LIVE, Hold.KEPT, Hold.FOREVER)
CONFLICTS = (Conflict.SKIP, Conflict.REPLACE, Conflict.RAISE)
SCHEMA = "goncordia"


@lru_cache(maxsize=1024)
def localized(text: str, schema: str) -> str:
    """The statement for a schema of that name."""
    return text if schema == SCHEMA else text.replace(f"{SCHEMA}.", f'"{schema}".')


def now_or(n: int) -> str:
    """The instant of the parameter, or the server's."""
    return f"coalesce(${n}::timestamptz, statement_timestamp())"


BEGIN, COMMIT, ROLLBACK = "BEGIN", "COMMIT", "ROLLBACK"
NOTIFY = "SELECT pg_notify($1::text, $2::text)"
IDENTITY = """
SELECT system_identifier, oid::int8 FROM pg_control_system(), pg_database
WHERE datname = current_database()"""
"""Which database this is, also under another name or address."""

# Insert.

_RUN_AT = "coalesce({0}::timestamptz, {1} + {2}::int8 * interval '1 microsecond')"
_BORN = "CASE WHEN new.run_at > new.now THEN 1 ELSE 0 END"
_PLAIN = "id, args, kind, queue, version, priority, max_attempts, run_at, created_at, state"
_AT = f"(SELECT {_RUN_AT.format('$8', now_or(10), '$9')} AS run_at, {now_or(10)} AS now) AS new"
_COMMON = "$3::text, $4::text, $5::int8, $6::int8, $7::int8, new.run_at, new.now"

INSERT = f"""
INSERT INTO goncordia.job_row ({_PLAIN})
SELECT $1::uuid, $2::bytea, {_COMMON}, {_BORN} FROM {_AT}
ON CONFLICT DO NOTHING"""
INSERT_ALIKE = f"""
INSERT INTO goncordia.job_row ({_PLAIN})
SELECT job.id, job.args, {_COMMON}, {_BORN}
FROM {_AT} CROSS JOIN unnest($1::uuid[], $2::bytea[]) AS job (id, args)
ON CONFLICT DO NOTHING RETURNING id"""
"""Jobs that differ in id and args alone."""
INSERT_MANY = f"""
WITH new AS MATERIALIZED (
    SELECT job.*, now, {_RUN_AT.format("job.instant", "now", "job.span")} AS run_at
    FROM unnest(
        $1::uuid[], $2::bytea[], $3::text[], $4::text[], $5::int8[], $6::int8[], $7::int8[],
        $8::timestamptz[], $9::int8[], $10::bytea[], $11::int8[], $12::int8[], $13::int8[],
        $14::int8[], $15::bytea[]
    ) WITH ORDINALITY AS job (
        id, args, kind, queue, version, priority, max_attempts, instant, span, unique_key,
        unique_hold, unique_conflict, tag, tags, meta, ord
    ), (SELECT {now_or(17)} AS now) AS at
), keyed AS (
    INSERT INTO goncordia.unique_key AS held (key, job)
    SELECT new.unique_key, new.id FROM new
    WHERE new.unique_key IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM goncordia.job_row AS known WHERE known.id = new.id)
    ORDER BY new.unique_key, new.ord
    ON CONFLICT DO NOTHING RETURNING held.key, held.job
)
INSERT INTO goncordia.job_row
    ({_PLAIN}, unique_key, unique_hold, unique_conflict, tags, meta)
SELECT new.id, new.args, new.kind, new.queue, new.version, new.priority, new.max_attempts,
    new.run_at, new.now, {_BORN}, new.unique_key, new.unique_hold, new.unique_conflict,
    CASE WHEN new.tags > 0 THEN ($16::text[])[new.tag:new.tag + new.tags - 1] END, new.meta
FROM new
WHERE new.unique_key IS NULL OR EXISTS (
    SELECT 1 FROM keyed WHERE keyed.key = new.unique_key AND keyed.job = new.id
)
ON CONFLICT DO NOTHING RETURNING id"""
"""Any jobs; each takes its unique key first, in the keys' order, and stays out without it."""
KNOWN = "SELECT id FROM goncordia.job_row WHERE id = ANY ($1::uuid[])"
HOLDER = "SELECT job FROM goncordia.unique_key WHERE key = $1::bytea"
TAKE_KEY = """
INSERT INTO goncordia.unique_key (key, job) VALUES ($1::bytea, $2::uuid) ON CONFLICT DO NOTHING"""
FREE_KEYS = """
DELETE FROM goncordia.unique_key AS held
USING unnest($1::bytea[], $2::uuid[]) AS freed (key, job)
WHERE held.key = freed.key AND held.job = freed.job"""

# Claim.

CLAIMED = """id, kind, args, version, queue, priority, attempt, max_attempts, snoozes, run_at,
    created_at, tags, meta"""
LEVELS = f"generate_series({PRIORITIES.stop - 1}, {PRIORITIES.start}, -1) AS level (p)"
_ALIVE = "SELECT 1 FROM goncordia.session WHERE id = $1::uuid AND died_at IS NULL"
_OPEN = """NOT EXISTS (
    SELECT 1 FROM goncordia.queue WHERE name = want.queue AND paused_at IS NOT NULL
)"""
_FLOOR = f"""coalesce(
    ($6::timestamptz[])[(want.place - 1) * {len(PRIORITIES)} + {PRIORITIES.stop} - level.p],
    '-infinity'
)"""
_WANT = f"""want AS MATERIALIZED (
    SELECT want.queue, want.n, want.place, {now_or(5)} AS now
    FROM unnest($3::text[], $4::int8[]) WITH ORDINALITY AS want (queue, n, place)
    WHERE EXISTS ({_ALIVE}) AND {_OPEN}
)"""
_DUE = f"""due AS MATERIALIZED (
    SELECT job.place, want.queue
    FROM want CROSS JOIN LATERAL (
        SELECT ready.place FROM {LEVELS} CROSS JOIN LATERAL (
            SELECT ctid AS place FROM goncordia.job_row
            WHERE queue = want.queue AND priority = level.p AND state < 3 AND run_at <= want.now
                AND run_at >= {{floor}}
            ORDER BY run_at, id LIMIT want.n FOR UPDATE SKIP LOCKED
        ) AS ready
        LIMIT want.n
    ) AS job
)"""
_TAKE = f"""UPDATE goncordia.job_row AS job
    SET state = 3, attempt = attempt + 1, session = $1::uuid, token = $2::uuid,
        attempted_at = {now_or(5)}, cancel_requested = false
    FROM due WHERE job.ctid = due.place
    RETURNING job.id, job.kind, job.args, job.version, job.queue, job.priority, job.attempt,
        job.max_attempts, job.snoozes, job.run_at, job.created_at, job.tags, job.meta"""
CLAIM = f"""
WITH {_WANT}, {_DUE.format(floor=_FLOOR)}, taken AS (
    {_TAKE}
), left_over AS (
    SELECT want.queue, want.now FROM want
    WHERE want.n > (SELECT count(*) FROM due WHERE due.queue = want.queue)
)
SELECT {CLAIMED} FROM taken
UNION ALL
SELECT NULL, NULL, NULL, (SELECT count(*) FROM ({_ALIVE}) AS alive)::int4, NULL, NULL, NULL, NULL,
    (SELECT count(*) FROM want)::int4 - (SELECT count(*) FROM left_over)::int4,
    (
        SELECT min(next.run_at) FROM left_over CROSS JOIN {LEVELS} CROSS JOIN LATERAL (
            SELECT run_at FROM goncordia.job_row
            WHERE queue = left_over.queue AND priority = level.p AND state < 3
                AND run_at > left_over.now
            ORDER BY run_at LIMIT 1
        ) AS next
    ), {now_or(5)}, NULL, NULL"""
"""The jobs, and a row without an id: whether the session lives, how many queues gave all that was
asked of them, and of the others when the next job falls due; and now."""
CLAIM_PLENTY = f"""
WITH {_WANT}, {_DUE.format(floor="'-infinity'")}
{_TAKE}"""
"""The jobs alone, from the head, for less: whoever gets all that it asked for need know no more."""
LOOK = f"""
SELECT coalesce(bool_or(job.due), false), min(job.run_at), {now_or(2)}
FROM unnest($1::text[]) AS want (queue) CROSS JOIN {LEVELS} CROSS JOIN LATERAL (
    (
        SELECT true AS due, NULL::timestamptz AS run_at FROM goncordia.job_row
        WHERE queue = want.queue AND priority = level.p AND state < 3 AND run_at <= {now_or(2)}
        LIMIT 1
    ) UNION ALL (
        SELECT false, run_at FROM goncordia.job_row
        WHERE queue = want.queue AND priority = level.p AND state < 3 AND run_at > {now_or(2)}
        ORDER BY run_at LIMIT 1
    )
) AS job
WHERE {_OPEN}"""
"""Of queues that are not asked for more: whether jobs are due, and when the next one will be."""
HELD = f"""
SELECT {CLAIMED} FROM goncordia.job_row
WHERE session = $1::uuid AND token = $2::uuid AND state = 3"""
NAME_QUEUES = """
INSERT INTO goncordia.queue (name) SELECT name FROM unnest($1::text[]) AS new (name)
WHERE NOT EXISTS (SELECT 1 FROM goncordia.queue AS known WHERE known.name = new.name)
ON CONFLICT DO NOTHING"""

# Finish.

_COMPLETE = """
WITH held AS MATERIALIZED (
    SELECT job.ctid AS place{result}
    FROM unnest($1::uuid[], $2::uuid[]{results}) AS told (id, token{result_name})
    JOIN goncordia.job_row AS job ON job.id = told.id
    WHERE job.token IS NOT DISTINCT FROM told.token AND job.state + 0 = 3
    FOR UPDATE OF job SKIP LOCKED
), done AS (
    UPDATE goncordia.job_row AS job
    SET state = 4, finished_at = {now}, expire_at = {now} + $4::int8 * interval '1 microsecond',
        session = NULL, token = NULL, mark_token = job.token, mark = {mark}{set}
    FROM held WHERE job.ctid = held.place
    RETURNING job.id, job.unique_key, job.unique_hold
), freed AS (
    DELETE FROM goncordia.unique_key AS key USING done
    WHERE done.unique_hold = 0 AND key.key = done.unique_key AND key.job = done.id
)
SELECT count(*) FROM done"""
MARK_COMPLETED = 0
COMPLETE = _COMPLETE.format(
    now=now_or(3), mark=MARK_COMPLETED, result="", results="", result_name="", set=", result = NULL"
)
COMPLETE_WITH = _COMPLETE.format(
    now=now_or(3),
    mark=MARK_COMPLETED,
    result=", told.result",
    results=", $5::bytea[]",
    result_name=", result",
    set=", result = held.result",
)
"""The same, with results."""
WAIT_BRIEFLY = "SELECT set_config('lock_timeout', '100ms', true)"
"""For a unique key of a follow-up; see `sieve`."""
MARKS = """
SELECT id, token, mark_token, mark, state = 3 FROM goncordia.job_row
WHERE id = ANY ($1::uuid[])"""

# A job read, decided upon and written back.

RECORD = f"""
SELECT id, queue, priority, state, attempt, max_attempts, snoozes, run_at, session, token,
    cancel_requested, finished_at, expire_at, mark_token, mark, errors, result, unique_key,
    unique_hold, {now_or(2)} AS now
FROM goncordia.job_row WHERE id = ANY ($1::uuid[]) FOR UPDATE SKIP LOCKED"""
WAIT_FOR = RECORD.replace(" SKIP LOCKED", "")
"""The same, for whoever may wait: the holder of a key that somebody wants to take over."""
WRITE = """
UPDATE goncordia.job_row AS job
SET priority = new.priority, state = new.state, attempt = new.attempt,
    max_attempts = new.max_attempts, snoozes = new.snoozes, run_at = new.run_at,
    session = new.session, token = new.token, cancel_requested = new.cancel_requested <> 0,
    finished_at = new.finished_at, expire_at = new.expire_at, mark_token = new.mark_token,
    mark = new.mark, errors = new.errors, result = new.result
FROM unnest(
    $1::uuid[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::timestamptz[],
    $8::uuid[], $9::uuid[], $10::int8[], $11::timestamptz[], $12::timestamptz[], $13::uuid[],
    $14::int8[], $15::bytea[], $16::bytea[]
) AS new (
    id, priority, state, attempt, max_attempts, snoozes, run_at, session, token, cancel_requested,
    finished_at, expire_at, mark_token, mark, errors, result
)
WHERE job.id = new.id"""
_REMOVE = """gone AS (
    DELETE FROM goncordia.job_row AS job USING old WHERE {}
    RETURNING job.id, job.queue, job.unique_key, job.unique_hold
), freed AS (
    DELETE FROM goncordia.unique_key AS key USING gone
    WHERE gone.unique_hold < 2 AND key.key = gone.unique_key AND key.job = gone.id
), named AS (
    INSERT INTO goncordia.queue (name) SELECT DISTINCT gone.queue FROM gone
    WHERE NOT EXISTS (SELECT 1 FROM goncordia.queue AS known WHERE known.name = gone.queue)
    ON CONFLICT DO NOTHING
)"""
REMOVE = f"""
WITH old AS (SELECT unnest($1::uuid[]) AS id), {_REMOVE.format("job.id = old.id")}
SELECT count(*) FROM gone"""

# Sessions and upkeep.

JOIN = f"""
INSERT INTO goncordia.session (id, worker, ttl, joined_at, beat_at)
VALUES ($1::uuid, $2::bytea, $3::int8, {now_or(4)}, {now_or(4)}) RETURNING joined_at"""
_FORGOTTEN = f"""(
    job.token <> ALL ($2::uuid[])
    AND job.attempted_at < {now_or(4)} - $3::int8 * interval '1 microsecond'
)"""
_BEAT = """
WITH me AS (
    UPDATE goncordia.session SET beat_at = {now} WHERE id = $1::uuid AND died_at IS NULL
    RETURNING id
)
SELECT NULL::uuid, NULL::bool, (
    SELECT count(*) FROM goncordia.session WHERE died_at IS NULL
) FROM me
UNION ALL
SELECT job.id, {forgotten}, NULL FROM me {held}
WHERE {wanted}"""
BEAT = _BEAT.format(
    now=now_or(4),
    forgotten=_FORGOTTEN,
    held="JOIN goncordia.job_row AS job ON job.session = me.id AND job.state = 3",
    wanted=f"job.cancel_requested OR {_FORGOTTEN}",
)
"""Without rows: it is dead. The first says how many live, the others which jobs were forgotten, and
which are to stop."""
BEAT_KNOWN = _BEAT.format(
    now=now_or(3),
    forgotten="false",
    held="""CROSS JOIN unnest($2::uuid[]) AS known (token) CROSS JOIN LATERAL (
    SELECT id, cancel_requested FROM goncordia.job_row
    WHERE session = me.id AND token = known.token AND state = 3 OFFSET 0
) AS job""",
    wanted="job.cancel_requested",
)
"""The same, of the known tokens alone: what is forgotten is not looked for. (`OFFSET 0` has each
token looked up, where PostgreSQL 15 would walk over the session's entries to filter them.)"""
FORGOTTEN = f"""
SELECT job.id FROM goncordia.job_row AS job
WHERE job.session = $1::uuid AND job.state = 3 AND {_FORGOTTEN}"""
LEAVE = f"""
UPDATE goncordia.session SET died_at = {now_or(2)} WHERE id = $1::uuid AND died_at IS NULL"""
_HOLDS_JOBS = """EXISTS (
    SELECT 1 FROM goncordia.job_row WHERE job_row.session = session.id AND job_row.state = 3
)"""
SESSIONS = f"""
SELECT id, worker, ttl, joined_at, beat_at, died_at IS NULL FROM goncordia.session
WHERE died_at IS NULL OR {_HOLDS_JOBS} ORDER BY id"""
_SILENT = f"""died_at IS NULL AND {now_or(2)} - beat_at >= ttl * interval '1 microsecond'
    AND coalesce($1::int8, ttl) >= ttl"""
_HOLDERS = """
WITH RECURSIVE holder (id) AS (
    (SELECT session FROM goncordia.job_row WHERE state = 3 ORDER BY session LIMIT 1)
    UNION ALL
    SELECT (
        SELECT session FROM goncordia.job_row WHERE state = 3 AND session > holder.id
        ORDER BY session LIMIT 1
    ) FROM holder WHERE holder.id IS NOT NULL
)"""
_DEAD = """holder.id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM goncordia.session WHERE session.id = holder.id AND died_at IS NULL
)"""
ANY_LOST = f"""{_HOLDERS}
SELECT EXISTS (SELECT 1 FROM goncordia.session WHERE died_at IS NOT NULL OR ({_SILENT}))
    OR EXISTS (SELECT 1 FROM holder WHERE {_DEAD})"""
DECLARE_DEAD = f"UPDATE goncordia.session SET died_at = {now_or(2)} WHERE {_SILENT}"
LOST = f"""{_HOLDERS}
SELECT job.id FROM holder CROSS JOIN LATERAL (
    SELECT id FROM goncordia.job_row WHERE session = holder.id AND state = 3
    LIMIT $1::int8 FOR UPDATE SKIP LOCKED
) AS job
WHERE {_DEAD} LIMIT $1::int8"""
BURY = f"DELETE FROM goncordia.session WHERE died_at IS NOT NULL AND NOT {_HOLDS_JOBS}"
PRUNE = f"""
WITH found AS MATERIALIZED (
    SELECT ctid AS place FROM goncordia.job_row WHERE state > 3 AND expire_at <= {now_or(2)}
    ORDER BY expire_at LIMIT $1::int8 + 1 FOR UPDATE SKIP LOCKED
), old AS MATERIALIZED (SELECT place FROM found LIMIT $1::int8),
{_REMOVE.format("job.ctid = old.place")}
SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM found)"""
