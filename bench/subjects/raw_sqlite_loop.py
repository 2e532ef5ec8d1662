"""SQLite by hand, on the schema of goncordia's driver."""

from __future__ import annotations

import time
from pathlib import Path
from sqlite3 import Connection

import raw_sqlite
from goncordia_sql.sqlite import SyncSqliteDriver
from subject import Subject


class SUBJECT(Subject):
    settings = "sqlite3 on the loop's thread, the pragmas of goncordia's driver"
    db: Connection

    async def open(self) -> None:
        with SyncSqliteDriver(self.url) as driver:
            driver.migrate()
        self.db = raw_sqlite.connect(Path(self.url))

    async def close(self) -> None:
        self.db.close()

    async def clear(self) -> None:
        self.db.close()
        raw_sqlite.remove(Path(self.url))
        await self.open()

    def prepare(self, n: int) -> None:
        self.rows = raw_sqlite.rows(n)

    async def enqueue(self, n: int) -> None:
        self.db.execute(raw_sqlite.INSERT, self.rows[n])

    async def enqueue_tx(self, n: int) -> None:
        self.db.execute("BEGIN IMMEDIATE")
        self.db.execute(raw_sqlite.INSERT, self.rows[n])
        self.db.execute("COMMIT")

    async def enqueue_many(self, first: int, n: int) -> None:
        raw_sqlite.insert(self.db, self.rows[first : first + n])

    async def drain(self, concurrency: int, n: int, seconds: float) -> float:
        started, done = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            token, claimed = raw_sqlite.claim(self.db, concurrency)
            if not claimed:
                break
            if self.work.delay:
                await self.work.loop.sleep(self.work.delay)  # all of them wait at once
            raw_sqlite.finish(self.db, claimed, token)
            done += len(claimed)
        return done / (time.perf_counter() - started)

    async def claim(self, size: int) -> float:
        self.prepare(size)
        await self.enqueue_many(0, size)
        started = time.perf_counter()
        token, claimed = raw_sqlite.claim(self.db, size)
        took = time.perf_counter() - started
        raw_sqlite.finish(self.db, claimed, token)
        return took

    async def stock(self, queued: int, finished: int) -> None:
        raw_sqlite.stock(self.db, queued, finished)
