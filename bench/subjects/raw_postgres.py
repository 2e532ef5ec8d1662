"""psycopg by hand, on the schema of goncordia's driver: claim so many, finish them.

No sessions, no unique keys, one level of priority, and one queue. Who enqueues tells a worker only
where one waits for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

from goncordia.ids import uuid7
from goncordia_postgres import SyncPostgresDriver
from psycopg import AsyncConnection, Connection
from subject import TO, background

from subjects.raw_queue import RawQueue

JOB = "goncordia.job_row"
INSERT = f"INSERT INTO {JOB} (id, queue, kind, args) VALUES (%b, 'default', 'note', %b)"
TELL = "SELECT pg_notify('raw', '')"
INSERT_AND_TELL = f"WITH job AS ({INSERT} RETURNING id) {TELL} FROM job"
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
        "psycopg 3 binary, binary parameters, autocommit, a connection to enqueue and one to "
        "claim, COPY for batches, LISTEN for pick-ups, the schema and indexes of goncordia's driver"
    )
    listened = False

    async def open(self) -> None:
        with SyncPostgresDriver(self.url) as driver:
            driver.migrate()
        self.admin = Connection[tuple[object, ...]].connect(self.url, autocommit=True)
        connect = AsyncConnection[tuple[UUID, bytes]].connect
        self.producer = await connect(self.url, autocommit=True)
        self.db = await connect(self.url, autocommit=True)

    async def close(self) -> None:
        self.admin.close()
        await self.producer.close()
        await self.db.close()

    async def clear(self) -> None:
        self.admin.execute(EMPTY)

    def prepare(self, n: int) -> None:
        self.rows = [(uuid7(), b'{"n":%d,"to":"%b"}' % (i, TO.encode())) for i in range(n)]

    async def enqueue(self, n: int) -> None:
        insert = INSERT_AND_TELL if self.listened else INSERT
        await self.producer.execute(insert, self.rows[n])

    async def enqueue_tx(self, n: int) -> None:
        async with self.producer.transaction():
            await self.producer.execute(INSERT, self.rows[n])

    async def enqueue_many(self, first: int, n: int) -> None:
        async with self.producer.cursor().copy(COPY) as copy:
            copy.set_types(("uuid", "text", "text", "bytea"))
            for job, args in self.rows[first : first + n]:
                await copy.write_row((job, "default", "note", args))
        if self.listened:
            await self.producer.execute(TELL)

    @asynccontextmanager
    async def worker(self, concurrency: int) -> AsyncGenerator[None]:
        await self.db.execute("LISTEN raw")
        self.listened = True
        async with background(self._run(concurrency)):
            yield
        self.listened = False
        await self.db.execute("UNLISTEN raw")

    async def _run(self, concurrency: int) -> None:
        while True:
            token, claimed = await self.take(concurrency)
            if claimed:
                # no nursery: raw isolates nobody, and what a job costs there is goncordia's to show
                await asyncio.gather(*(self.work() for _ in claimed))
                await self.finish(claimed, token)
            else:
                async for _ in self.db.notifies(stop_after=1):
                    pass

    async def stock(self, queued: int, finished: int) -> None:
        stock(self.admin, queued, finished or 0)

    async def take(self, size: int) -> tuple[UUID, Rows]:
        token = uuid4()
        cursor = self.db.cursor(binary=True)
        await cursor.execute(CLAIM, (size, token))
        return token, await cursor.fetchall()

    async def finish(self, claimed: Sequence[tuple[UUID, bytes]], token: UUID) -> None:
        await self.db.execute(FINISH, ([row[0] for row in claimed], token))
