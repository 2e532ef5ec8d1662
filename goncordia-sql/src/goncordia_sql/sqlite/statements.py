"""Every SQL statement of the driver, and the codes that stand in its columns.

What holds of all of them: values are bound, never pasted in; a list of ids is one blob of 16 bytes
each, cut up by `_CUT`, so that a batch is a single step (each step hands the interpreter's lock to
another thread); and the predicates of the partial indexes stand word for word as in the schema,
with `INDEXED BY`, so that no statement can come to scan the table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from goncordia.jobs import PRIORITIES, Conflict, Hold
from goncordia.lifecycle import DORMANT, ENDED, State

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

_CUT = (
    "WITH RECURSIVE cut(n) AS ("
    "VALUES (1) UNION ALL SELECT n + {0} FROM cut WHERE n + {0} < length(?1)) "
)
_ONE = _CUT.format(16)
_TWO = _CUT.format(32)
_IDS = "SELECT substr(?1, n, 16) FROM cut"


def pack(ids: Iterable[UUID]) -> bytes:
    """Ids as one value."""
    return b"".join([each.bytes for each in ids])


def names(index: str, where: str) -> str:
    """The body of a recursive `name(q)`: the queues in an index, by one jump each."""
    source = f"FROM goncordia_job_row INDEXED BY {index} WHERE {where}"
    return (
        f"SELECT min(queue) {source} UNION ALL "
        f"SELECT (SELECT min(queue) {source} AND queue > q) FROM name WHERE q IS NOT NULL"
    )


# Insert.

_PLAIN = "id, args, kind, queue, version, priority, state, run_at, created_at, max_attempts"
_RICH = _PLAIN + ", unique_key, unique_hold, unique_conflict, holds, tags, meta"

INSERT = f"""
INSERT INTO goncordia_job_row ({_PLAIN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING"""
ALIKE = 50
"""How many rows `INSERT_ALIKE` writes."""
_ROWS = ", ".join(
    f"(?{n}, ?{n + 1}, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)" for n in range(9, 9 + 2 * ALIKE, 2)
)
INSERT_ALIKE = f"""
INSERT INTO goncordia_job_row ({_PLAIN}) VALUES {_ROWS}
ON CONFLICT DO NOTHING"""
"""Rows that differ in id and args alone, at half of what a step for each costs."""
INSERT_RICH = f"""
INSERT INTO goncordia_job_row ({_RICH})
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16
WHERE NOT EXISTS (SELECT 1 FROM goncordia_kept_key WHERE key = ?11)
ON CONFLICT DO NOTHING"""
LAST_SEQ = "SELECT coalesce(max(seq), 0) FROM goncordia_job_row"
CREATED = _ONE + f"SELECT id FROM goncordia_job_row WHERE id IN ({_IDS}) AND seq > ?2"
EXISTS = "SELECT 1 FROM goncordia_job_row WHERE id = ?"
HOLDER = """
SELECT id FROM goncordia_job_row INDEXED BY goncordia_holder WHERE unique_key = ?1 AND holds = 1
UNION ALL SELECT job FROM goncordia_kept_key WHERE key = ?1"""

# Claim.

_LEVELS = """
WITH RECURSIVE level(p) AS (
    SELECT max(priority) FROM goncordia_job_row INDEXED BY goncordia_dormant
    WHERE queue = ?1 AND state IN (1, 2)
    UNION ALL
    SELECT (
        SELECT max(priority) FROM goncordia_job_row INDEXED BY goncordia_dormant
        WHERE queue = ?1 AND state IN (1, 2) AND priority < p
    ) FROM level WHERE p IS NOT NULL
)"""
_DORMANT = """goncordia_job_row INDEXED BY goncordia_dormant
    WHERE queue = ?1 AND priority = p AND state IN (1, 2)"""
_READY = """
SELECT seq, id, priority, run_at FROM goncordia_job_row INDEXED BY goncordia_ready
WHERE queue = ?1 AND state = 0 ORDER BY priority DESC, run_at, id LIMIT ?3"""

_ANY_DORMANT = """EXISTS (
        SELECT 1 FROM goncordia_job_row INDEXED BY goncordia_dormant
        WHERE queue = ?1 AND state IN (1, 2)
    )"""
LOOK = f"""
SELECT
    EXISTS (
        SELECT 1 FROM goncordia_job_row INDEXED BY goncordia_ready WHERE queue = ?1 AND state = 0
    ),
    CASE WHEN {_ANY_DORMANT} THEN (
        {_LEVELS} SELECT max(EXISTS (SELECT 1 FROM {_DORMANT} AND run_at <= ?2)) FROM level
    ) END,
    CASE WHEN {_ANY_DORMANT} THEN (
        {_LEVELS} SELECT min((SELECT min(run_at) FROM {_DORMANT} AND run_at > ?2)) FROM level
    ) END,
    EXISTS (SELECT 1 FROM goncordia_session WHERE id = ?3 AND died_at IS NULL),
    EXISTS (SELECT 1 FROM goncordia_queue WHERE name = ?1 AND paused_at IS NOT NULL)"""
"""Of a queue at an instant: whether some are ready, whether dormant ones are due, when the next one
will be; whether the session lives; whether the queue is paused."""

_DUE = f"""
SELECT seq, goncordia_job_row.id, priority, run_at
FROM ({_LEVELS} SELECT p FROM level WHERE p IS NOT NULL) CROSS JOIN {_DORMANT} AND run_at <= ?2
LIMIT ?3"""
CLAIMED = """id, kind, args, version, queue, priority, attempt, max_attempts, snoozes, run_at,
    created_at, tags, meta"""
_TAKE = f"""
UPDATE goncordia_job_row
SET state = 3, attempt = attempt + 1, session = ?4, token = ?5, attempted_at = ?2,
    cancel_requested = 0
WHERE seq IN (SELECT seq FROM ({{}}))
RETURNING {CLAIMED}"""
TAKE_READY = _TAKE.format(_READY)
TAKE_DUE = _TAKE.format(
    f"SELECT * FROM ({_READY}) UNION ALL SELECT * FROM ({_DUE}) "
    "ORDER BY priority DESC, run_at, id LIMIT ?3"
)
HELD = f"""
SELECT {CLAIMED} FROM goncordia_job_row INDEXED BY goncordia_running
WHERE session = ?1 AND token = ?2 AND state = 3"""
ALIVE = "SELECT 1 FROM goncordia_session WHERE id = ? AND died_at IS NULL"

# Finish.

# it begins with its verb, as all do whose changes are counted: sqlite3 counts no others
COMPLETE = f"""
UPDATE goncordia_job_row
SET state = 4, finished_at = ?2, expire_at = ?3, session = NULL, token = NULL, mark_token = token,
    mark = ?4, result = NULL, holds = CASE unique_hold WHEN 0 THEN NULL ELSE holds END
WHERE state = 3
    AND (id, token) IN ({_TWO} SELECT substr(?1, n, 16), substr(?1, n + 16, 16) FROM cut)"""
MARKS = _ONE + f"SELECT id, token, mark_token, mark FROM goncordia_job_row WHERE id IN ({_IDS})"

# A job read, decided upon and written back.

RECORD = (
    _ONE
    + f"""
SELECT id, CAST(queue AS BLOB), priority, state, attempt, max_attempts, snoozes, run_at, session,
    token, cancel_requested, finished_at, expire_at, mark_token, mark, errors, result, unique_key,
    unique_hold, holds
FROM goncordia_job_row WHERE id IN ({_IDS})"""
)
WRITE = """
UPDATE goncordia_job_row
SET priority = ?, state = ?, attempt = ?, max_attempts = ?, snoozes = ?, run_at = ?, session = ?,
    token = ?, cancel_requested = ?, finished_at = ?, expire_at = ?, mark_token = ?, mark = ?,
    errors = ?, result = ?, holds = ?
WHERE id = ?"""
KEEP_KEYS = (
    _ONE
    + f"""
INSERT INTO goncordia_kept_key (key, job)
SELECT unique_key, id FROM goncordia_job_row
WHERE id IN ({_IDS}) AND holds = 1 AND unique_hold = 2"""
)
KEEP_QUEUES = (
    _ONE
    + f"""
INSERT INTO goncordia_queue (name) SELECT DISTINCT queue FROM goncordia_job_row
WHERE id IN ({_IDS}) ON CONFLICT DO NOTHING"""
)
REMOVE = _ONE + f"DELETE FROM goncordia_job_row WHERE id IN ({_IDS})"

# Sessions and upkeep.

JOIN = "INSERT INTO goncordia_session (id, worker, ttl, joined_at, beat_at) VALUES (?, ?, ?, ?, ?)"
BEAT = "UPDATE goncordia_session SET beat_at = ? WHERE id = ? AND died_at IS NULL"
LEAVE = "UPDATE goncordia_session SET died_at = ? WHERE id = ? AND died_at IS NULL"
HOLDING = """
SELECT id, token, attempted_at, cancel_requested
FROM goncordia_job_row INDEXED BY goncordia_running WHERE session = ? AND state = 3"""
_HOLDS_JOBS = """EXISTS (
    SELECT 1 FROM goncordia_job_row INDEXED BY goncordia_running
    WHERE session = goncordia_session.id AND state = 3
)"""
SESSIONS = f"""
SELECT id, worker, ttl, joined_at, beat_at, died_at IS NULL FROM goncordia_session
WHERE died_at IS NULL OR {_HOLDS_JOBS} ORDER BY id"""
_SILENT = "died_at IS NULL AND min(?1 - beat_at, ?2) >= ttl"
ANY_LOST = (
    f"SELECT EXISTS (SELECT 1 FROM goncordia_session WHERE died_at IS NOT NULL OR ({_SILENT}))"
)
DECLARE_DEAD = f"UPDATE goncordia_session SET died_at = ?1 WHERE {_SILENT}"
LOST = """
SELECT goncordia_job_row.id
FROM goncordia_session CROSS JOIN goncordia_job_row INDEXED BY goncordia_running
WHERE died_at IS NOT NULL AND session = goncordia_session.id AND state = 3 LIMIT ?"""
BURY = f"DELETE FROM goncordia_session WHERE died_at IS NOT NULL AND NOT {_HOLDS_JOBS}"
EXPIRED = f"""
WITH RECURSIVE name(q) AS ({names("goncordia_ended", "state > 3")}),
    final(s) AS (VALUES (4), (5), (6))
SELECT id
FROM name CROSS JOIN final CROSS JOIN goncordia_job_row INDEXED BY goncordia_ended
WHERE queue = q AND state = s AND state > 3 AND expire_at <= ?1 LIMIT ?2"""

# Queries.

JOB = """id, kind, args, version, queue, priority, state, attempt, max_attempts, snoozes, run_at,
    created_at, attempted_at, finished_at, expire_at, cancel_requested, session, errors, result,
    unique_key, unique_hold, unique_conflict, tags, meta"""
GET = _ONE + f"SELECT {JOB} FROM goncordia_job_row WHERE id IN ({_IDS})"
PAGE = f"SELECT {JOB} FROM goncordia_job_row WHERE {{}} ORDER BY {{}} DESC LIMIT ?"
OF_KINDS = "kind IN (SELECT value FROM json_each(?))"
OF_QUEUES = "queue IN (SELECT value FROM json_each(?))"
TAGGED = "EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)"
SEEN = {state: f"state = {code}" for state, code in CODES.items()} | {
    State.AVAILABLE: "state = 0 OR state IN (1, 2) AND run_at <= ?",
    State.SCHEDULED: "state = 1 AND run_at > ?",
    State.RETRYABLE: "state = 2 AND run_at > ?",
}
"""Whether a job is seen in a state at an instant."""
BEFORE = "id < ?"

FEW = 1000
"""So many jobs are sorted for a page; where more may match, it is read in the order of the ids."""
_OF_QUEUE = "goncordia_job_row INDEXED BY {} WHERE queue = q AND {}"
_KEPT = (
    ("goncordia_ready", "state = 0", {State.AVAILABLE}, _OF_QUEUE),
    ("goncordia_dormant", "state IN (1, 2)", DORMANT | {State.AVAILABLE}, _OF_QUEUE),
    (
        "goncordia_ended",
        "state > 3",
        ENDED,  # each state is sought by itself only if the time is named, too
        "(SELECT column1 AS s FROM (VALUES {2})) CROSS JOIN goncordia_job_row INDEXED BY {0} "
        "WHERE queue = q AND state = s AND {1} AND expire_at > 0",
    ),
)
"""What each index by queue keeps, the states in which that may be seen, and how it is read."""


def candidates(states: Collection[State], *, queues: bool) -> tuple[str, int]:
    """The `seq` of all jobs that may be in these states, read from indexes; how many parameters.

    Each is the wanted queues, as one JSON array; without `queues` there are none. Running jobs are
    found whatever their queue: they are few.
    """
    found: list[str] = []
    for index, where, kept, rows in _KEPT:
        if wanted := kept & set(states):
            values = ", ".join(f"({CODES[state]})" for state in wanted)
            name = "(SELECT value AS q FROM json_each(?))" if queues else "name"
            text = f"SELECT seq FROM {name} CROSS JOIN {rows.format(index, where, values)}"
            every = f"WITH RECURSIVE name(q) AS ({names(index, where)}) "
            found.append(text if queues else f"SELECT * FROM ({every}{text})")
    if State.RUNNING in states:
        found.append(
            "SELECT seq FROM goncordia_job_row INDEXED BY goncordia_running WHERE state = 3"
        )
    text = " UNION ALL ".join(found)
    return text, text.count("?")


def at_most(states: Collection[State], *, queues: bool) -> tuple[str, int]:
    """Counts the candidates, up to one more than `FEW`."""
    text, params = candidates(states, queues=queues)
    return f"SELECT count(*) FROM (SELECT * FROM ({text}) LIMIT {FEW + 1})", params


_AMONG = "(?1 IS NULL OR queue IN (SELECT value FROM json_each(?1)))"


def oldest(index: str, where: str) -> str:
    """The earliest `run_at` that has come in `counted.queue`: a jump for each level of priority."""
    first, last = PRIORITIES.start, PRIORITIES.stop - 1
    return f"""(
    WITH RECURSIVE level(p) AS (
        VALUES ({first}) UNION ALL SELECT p + 1 FROM level WHERE p < {last}
    )
    SELECT min((
        SELECT min(run_at) FROM goncordia_job_row INDEXED BY {index}
        WHERE queue = counted.queue AND priority = p AND {where} AND run_at <= ?2
    )) FROM level
)"""


STATS = f"""
SELECT queue, 0, n, {oldest("goncordia_ready", "state = 0")} FROM (
    SELECT queue, count(*) AS n FROM goncordia_job_row INDEXED BY goncordia_ready
    WHERE state = 0 AND {_AMONG} GROUP BY queue
) AS counted
UNION ALL
SELECT queue, seen, n, CASE seen WHEN 0 THEN {oldest("goncordia_dormant", "state IN (1, 2)")} END
FROM (
    SELECT queue, CASE WHEN run_at <= ?2 THEN 0 ELSE state END AS seen, count(*) AS n
    FROM goncordia_job_row INDEXED BY goncordia_dormant
    WHERE state IN (1, 2) AND {_AMONG} GROUP BY queue, seen
) AS counted
UNION ALL
SELECT queue, 3, count(*), NULL FROM goncordia_job_row INDEXED BY goncordia_running
WHERE state = 3 AND {_AMONG} GROUP BY queue
UNION ALL
SELECT queue, state, count(*), NULL FROM goncordia_job_row INDEXED BY goncordia_ended
WHERE state > 3 AND {_AMONG} GROUP BY queue, state"""
KINDS = """
SELECT kind FROM goncordia_job_row INDEXED BY goncordia_ready WHERE state = 0
UNION SELECT kind FROM goncordia_job_row INDEXED BY goncordia_dormant WHERE state IN (1, 2)
ORDER BY kind LIMIT ?"""
QUEUES = f"""
SELECT name, max(paused_at) FROM (
    SELECT name, paused_at FROM goncordia_queue
    UNION ALL SELECT * FROM (
        WITH RECURSIVE name(q) AS ({names("goncordia_ready", "state = 0")}) SELECT q, NULL FROM name
    )
    UNION ALL SELECT * FROM (
        WITH RECURSIVE name(q) AS ({names("goncordia_dormant", "state IN (1, 2)")})
        SELECT q, NULL FROM name
    )
    UNION ALL SELECT * FROM (
        WITH RECURSIVE name(q) AS ({names("goncordia_ended", "state > 3")}) SELECT q, NULL FROM name
    )
    UNION ALL SELECT queue, NULL FROM goncordia_job_row INDEXED BY goncordia_running WHERE state = 3
) WHERE name IS NOT NULL GROUP BY name ORDER BY name"""
PAUSE = """
INSERT INTO goncordia_queue (name, paused_at) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET paused_at = coalesce(paused_at, excluded.paused_at)"""
RESUME = """
INSERT INTO goncordia_queue (name) VALUES (?)
ON CONFLICT (name) DO UPDATE SET paused_at = NULL"""
VALUE = "SELECT value FROM goncordia_value WHERE key = ? AND (expire_at IS NULL OR expire_at > ?)"
REPLACE_VALUE = """
UPDATE goncordia_value SET value = ?, expire_at = ?
WHERE key = ? AND value = ? AND (expire_at IS NULL OR expire_at > ?)"""
SET_VALUE = """
INSERT INTO goncordia_value (key, value, expire_at) VALUES (?, ?, ?)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expire_at = excluded.expire_at"""
UNSET_VALUE = "DELETE FROM goncordia_value WHERE key = ?"
ARRIVED = _ONE + f"SELECT id FROM goncordia_job_row WHERE id IN ({_IDS})"
