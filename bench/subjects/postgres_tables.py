"""The tables that goncordia's PostgreSQL driver makes, by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from psycopg import AsyncConnection, Connection
from subject import TO

JOB = "goncordia.job_row"
INSERT = f"INSERT INTO {JOB} (id, queue, kind, args) VALUES (%b, 'default', 'note', %b)"
TELL = "SELECT pg_notify('raw', '')"
INSERT_AND_TELL = f"WITH job AS ({INSERT} RETURNING id) {TELL} FROM job"
ENQUEUE: dict[bool, LiteralString] = {False: INSERT, True: INSERT_AND_TELL}
"""By whether a worker waits to be told."""
COPY = f"COPY {JOB} (id, queue, kind, args) FROM STDIN (FORMAT binary)"
CLAIM = f"""
WITH due AS MATERIALIZED (
    SELECT ctid AS place FROM {JOB}
    WHERE queue = 'default' AND priority = 0 AND state < 3 AND run_at <= statement_timestamp()
    ORDER BY run_at, id LIMIT %b FOR UPDATE SKIP LOCKED
)
UPDATE {JOB} AS job
SET state = 3, attempt = attempt + 1, token = %b, attempted_at = statement_timestamp()
FROM due WHERE job.ctid = due.place RETURNING job.id, job.args"""
FINISH = f"""
UPDATE {JOB} AS job
SET state = 4, finished_at = statement_timestamp(), token = NULL,
    expire_at = statement_timestamp() + interval '7 days'
FROM unnest(%b::uuid[]) AS told (id)
WHERE job.id = told.id AND job.state + 0 = 3 AND job.token IS NOT DISTINCT FROM %b"""
STOCK = f"""
INSERT INTO {JOB} (id, queue, kind, args, run_at, created_at, state, finished_at, expire_at)
SELECT uuidv7(), 'default', 'note', '{{"n":1,"to":"{TO}"}}', at, at, %(state)s,
    CASE WHEN %(state)s > 3 THEN at END, CASE WHEN %(state)s > 3 THEN at + interval '7 days' END
FROM generate_series(1, %(n)s) AS n,
    LATERAL (SELECT statement_timestamp() - interval '1 hour' + n * interval '1 us') AS _ (at)"""
EMPTY = f"TRUNCATE {JOB}, goncordia.unique_key"


Row = tuple[UUID, bytes]


async def copy(db: AsyncConnection[Row], rows: Sequence[Row]) -> None:
    """Add these jobs, by id and arguments."""
    async with db.cursor().copy(COPY) as copy:
        copy.set_types(("uuid", "text", "text", "bytea"))
        for job, args in rows:
            await copy.write_row((job, "default", "note", args))


def stock(db: Connection, queued: int, finished: int) -> None:
    """Add so many jobs, and let the server know of them."""
    for state, n in ((0, queued), (4, finished)):
        db.execute(STOCK, {"state": state, "n": n})
    db.execute(f"VACUUM (ANALYZE) {JOB}")
