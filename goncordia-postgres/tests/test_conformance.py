"""The conformance suite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import psycopg
import pytest
from goncordia_conformance import DriverSuite
from goncordia_postgres import AnyioConnection, PostgresDriver
from goncordia_testservers.postgres import Postgres

TABLES = ("job_row", "unique_key", "session", "queue", "value")


class Shelf:
    """Databases with the schema in them, emptied and used again."""

    def __init__(self, postgres: Postgres, template: str) -> None:
        self.postgres, self.template = postgres, template
        self.idle: list[str] = []
        self.made: list[str] = []

    @contextmanager
    def lend(self) -> Iterator[str]:
        if self.idle:
            name = self.idle.pop()
            with psycopg.connect(self.postgres.url(name)) as connection:
                for table in TABLES:
                    connection.execute(f"DELETE FROM goncordia.{table}")
        else:
            name = self.postgres.create(self.template)
            self.made.append(name)
        yield self.postgres.url(name)
        self.idle.append(name)


@pytest.fixture(scope="class")
def shelf(request: pytest.FixtureRequest, postgres: Postgres, template: str) -> Iterator[None]:
    shelf = request.cls.shelf = Shelf(postgres, template)
    yield
    for name in shelf.made:
        postgres.drop(name)


@pytest.mark.usefixtures("shelf")
class TestPostgres(DriverSuite[PostgresDriver]):
    shelf: Shelf
    urls: WeakKeyDictionary[PostgresDriver, str] = WeakKeyDictionary()

    async def open_driver(self):
        with self.shelf.lend() as url:
            async with PostgresDriver(url) as driver:
                self.urls[driver] = url
                yield driver

    async def begin(self, driver: PostgresDriver):
        connection = await AnyioConnection.open(self.urls[driver])
        try:
            async with connection.transaction():
                yield connection
        finally:
            await connection.close()

    def url(self, driver: PostgresDriver) -> str:
        return self.urls[driver]
