"""SQLite by hand, on the schema of goncordia's driver."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from sqlite3 import Connection

import raw_sqlite
from goncordia_sql.sqlite import SyncSqliteDriver
from statements import CountsStatements

from subjects.raw_queue import RawQueue


class SUBJECT(CountsStatements, RawQueue[bytes, tuple[bytes, bytes]]):
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

    async def stock(self, queued: int, finished: int) -> None:
        raw_sqlite.stock(self.db, queued, finished)

    async def take(self, size: int) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        return raw_sqlite.claim(self.db, size)

    async def finish(self, claimed: Sequence[tuple[bytes, bytes]], token: bytes) -> None:
        raw_sqlite.finish(self.db, claimed, token)
