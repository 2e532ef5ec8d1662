"""psycopg by hand: claim so many, finish them. No sessions, no unique keys, no wake-ups."""

from __future__ import annotations

import asyncio
import json
import time
from uuid import uuid4

from psycopg import AsyncConnection
from subject import TO, Subject

SCHEMA = """
CREATE TABLE IF NOT EXISTS raw_job (
    id uuid PRIMARY KEY, queue text NOT NULL, kind text NOT NULL, state smallint NOT NULL DEFAULT 0,
    priority smallint NOT NULL DEFAULT 0, attempt smallint NOT NULL DEFAULT 0,
    max_attempts smallint NOT NULL DEFAULT 25, run_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(), finished_at timestamptz, token uuid,
    args jsonb NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX IF NOT EXISTS raw_ready ON raw_job (queue, priority DESC, run_at, id) WHERE state = 0
"""
INSERT = "INSERT INTO raw_job (id, queue, kind, args) VALUES (%s, 'default', 'note', %s)"
COPY = "COPY raw_job (id, queue, kind, args) FROM STDIN"
CLAIM = """
WITH due AS MATERIALIZED (
    SELECT id FROM raw_job WHERE queue = 'default' AND state = 0
    ORDER BY priority DESC, run_at, id LIMIT %s FOR UPDATE SKIP LOCKED
)
UPDATE raw_job SET state = 3, attempt = attempt + 1, token = %s FROM due WHERE raw_job.id = due.id
RETURNING raw_job.id, args::text"""
FINISH = """
UPDATE raw_job SET state = 4, finished_at = now(), token = NULL FROM unnest(%s::uuid[]) d(id)
WHERE raw_job.id = d.id AND state + 0 = 3 AND token IS NOT DISTINCT FROM %s"""
STOCK = """
INSERT INTO raw_job (id, queue, kind, state, args, finished_at)
SELECT gen_random_uuid(), 'default', 'note', %s, '{"n": 1, "to": "ada@example.com"}',
    CASE WHEN %s = 4 THEN now() END
FROM generate_series(1, %s)"""


def args(n: int) -> str:
    return json.dumps({"n": n, "to": TO})


class SUBJECT(Subject):
    settings = "psycopg 3 binary, autocommit, one connection, COPY for batches"

    async def open(self) -> None:
        self.db = await AsyncConnection[tuple[object, ...]].connect(self.url, autocommit=True)
        await self.db.execute(SCHEMA)

    async def close(self) -> None:
        await self.db.close()

    async def clear(self) -> None:
        await self.db.execute("TRUNCATE raw_job")

    async def enqueue(self, n: int) -> None:
        await self.db.execute(INSERT, (uuid4(), args(n)))

    async def enqueue_tx(self, n: int) -> None:
        async with self.db.transaction():
            await self.enqueue(n)

    async def enqueue_many(self, first: int, n: int) -> None:
        async with self.db.cursor().copy(COPY) as copy:
            for i in range(first, first + n):
                await copy.write_row((str(uuid4()), "default", "note", args(i)))

    async def drain(self, concurrency: int, n: int, seconds: float) -> float:
        started = time.perf_counter()
        while time.perf_counter() - started < seconds and await self._round(concurrency):
            pass
        return self.work.count / (time.perf_counter() - started)

    async def claim(self, size: int) -> float:
        started = time.perf_counter()
        token, rows = await self._claimed(size)
        took = time.perf_counter() - started
        await self.db.execute(FINISH, ([row[0] for row in rows], token))
        return took

    async def stock(self, queued: int, finished: int) -> None:
        for state, n in ((0, queued), (4, finished)):
            await self.db.execute(STOCK, (state, state, n))
        await self.db.execute("VACUUM ANALYZE raw_job")

    async def _claimed(self, size: int) -> tuple[object, list[tuple[object, ...]]]:
        token = uuid4()
        cursor = await self.db.execute(CLAIM, (size, token))
        return token, await cursor.fetchall()

    async def _round(self, size: int) -> bool:
        token, rows = await self._claimed(size)
        await asyncio.gather(*(self.work() for _ in rows))
        if rows:
            await self.db.execute(FINISH, ([row[0] for row in rows], token))
        return bool(rows)
