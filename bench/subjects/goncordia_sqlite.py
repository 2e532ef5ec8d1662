"""goncordia on a SQLite file."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Never

import raw_sqlite
from goncordia import Client
from goncordia.driver import Driver
from goncordia_sql.sqlite import SqliteDriver
from statements import CountsStatements
from subject import Work

from subjects.goncordia_queue import GoncordiaQueue


class SUBJECT(CountsStatements, GoncordiaQueue):
    settings = "WAL, synchronous=FULL (its defaults); client and pool on one driver"

    def __init__(self, url: str, work: Work) -> None:
        super().__init__(url, work)
        self.path = Path(url)

    def driver(self) -> SqliteDriver:
        self.sqlite = SqliteDriver(self.path)
        return self.sqlite

    async def open(self) -> None:
        await super().open()
        self.db = self._open.enter_context(closing(raw_sqlite.connect(self.path)))

    async def producing(self) -> Driver[Never]:
        return self.working

    async def clear(self) -> None:
        await self.close()
        raw_sqlite.remove(self.path)
        await self.open()

    async def enqueue_tx(self, n: int) -> None:
        self.db.execute("BEGIN IMMEDIATE")
        await Client(self.sqlite).enqueue(self.notes[n], tx=self.db)
        self.db.execute("COMMIT")

    async def stock(self, queued: int, finished: int) -> None:
        raw_sqlite.stock(self.db, queued, finished)
