"""Both event loops, and databases with the schema in them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from goncordia_postgres import PostgresDriver, SyncPostgresDriver
from goncordia_testservers.postgres import Postgres

from .helpers import Shelf


@pytest.fixture(params=["asyncio", "trio"], scope="session")
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> Iterator[str]:
    """The name of a database with the schema in it, to be copied."""
    name = postgres.create()
    with SyncPostgresDriver(postgres.url(name)) as driver:
        driver.migrate()
    yield name
    postgres.drop(name)


@pytest.fixture(scope="session")
def shelf(postgres: Postgres, template: str) -> Iterator[Shelf]:
    """Databases to use."""
    shelf = Shelf(postgres, template)
    yield shelf
    shelf.clear()


@pytest.fixture
def url(shelf: Shelf) -> Iterator[str]:
    """An empty database for the test."""
    with shelf.lend() as url:
        yield url


@pytest.fixture
async def driver(anyio_backend: str, url: str):
    """An open driver on it."""
    async with PostgresDriver(url) as driver:
        yield driver
