"""psycopg by hand, on the schema of goncordia's driver: claim so many, finish them.

No sessions, no unique keys, no wake-ups, one level of priority, and one queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from goncordia.ids import uuid7
from goncordia_postgres import SyncPostgresDriver
from psycopg import AsyncConnection, Connection
from subject import TO

from subjects.raw_queue import RawQueue

JOB = "goncordia.job_row"
INSERT = f"INSERT INTO {JOB} (id, queue, kind, args) VALUES (%b, 'default', 'note', %b)"
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

Rows = list[tuple[UUID, bytes]]


def stock(db: Connection, queued: int, finished: int) -> None:
    """Add so many jobs, and let the server know of them."""
    for state, n in ((0, queued), (4, finished)):
        db.execute(STOCK, {"state": state, "n": n})
    db.execute(f"VACUUM (ANALYZE) {JOB}")


class SUBJECT(RawQueue[UUID, tuple[UUID, bytes]]):
    settings = (
        "psycopg 3 binary, binary parameters, autocommit, one connection, COPY for batches, the "
        "schema and indexes of goncordia's driver"
    )

    async def open(self) -> None:
        with SyncPostgresDriver(self.url) as driver:
            driver.migrate()
        self.admin = Connection[tuple[object, ...]].connect(self.url, autocommit=True)
        self.db = await AsyncConnection[tuple[UUID, bytes]].connect(self.url, autocommit=True)

    async def close(self) -> None:
        self.admin.close()
        await self.db.close()

    async def clear(self) -> None:
        self.admin.execute(EMPTY)

    def prepare(self, n: int) -> None:
        self.rows = [(uuid7(), b'{"n":%d,"to":"%b"}' % (i, TO.encode())) for i in range(n)]

    async def enqueue(self, n: int) -> None:
        await self.db.execute(INSERT, self.rows[n])

    async def enqueue_tx(self, n: int) -> None:
        async with self.db.transaction():
            await self.db.execute(INSERT, self.rows[n])

    async def enqueue_many(self, first: int, n: int) -> None:
        async with self.db.cursor().copy(COPY) as copy:
            copy.set_types(("uuid", "text", "text", "bytea"))
            for job, args in self.rows[first : first + n]:
                await copy.write_row((job, "default", "note", args))

    async def stock(self, queued: int, finished: int) -> None:
        stock(self.admin, queued, finished or 0)

    async def take(self, size: int) -> tuple[UUID, Rows]:
        token = uuid4()
        cursor = self.db.cursor(binary=True)
        await cursor.execute(CLAIM, (size, token))
        return token, await cursor.fetchall()

    async def finish(self, claimed: Sequence[tuple[UUID, bytes]], token: UUID) -> None:
        await self.db.execute(FINISH, ([row[0] for row in claimed], token))
