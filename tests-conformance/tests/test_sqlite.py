"""SQLite, certified."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

from goncordia_conformance import DriverSuite
from goncordia_sql.sqlite import SqliteDriver


class TestSqlite(DriverSuite[SqliteDriver]):
    async def open_driver(self) -> AsyncIterator[SqliteDriver]:
        with TemporaryDirectory() as folder:
            self.path = Path(folder) / "jobs.db"
            async with SqliteDriver(self.path, synchronous="NORMAL", busy_timeout=0.2) as driver:
                await driver.migrate()
                yield driver

    async def begin(self, driver: SqliteDriver) -> AsyncIterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                yield connection
        finally:
            connection.close()

    def url(self, driver: SqliteDriver) -> str:
        return f"sqlite:///{self.path}?synchronous=normal"
