"""The conformance suite."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import pytest
from goncordia_conformance import DriverSuite
from goncordia_postgres import AnyioConnection, PostgresDriver

from .helpers import Shelf


@pytest.fixture(scope="class")
def shelved(shelf: Shelf) -> None:
    TestPostgres.shelf = shelf


@pytest.mark.usefixtures("shelved")
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
