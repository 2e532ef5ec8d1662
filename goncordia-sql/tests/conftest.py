"""Both event loops, and a driver on a fresh file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from goncordia_sql.sqlite import SqliteDriver, SyncSqliteDriver


@pytest.fixture(params=["asyncio", "trio"], scope="session")
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with the schema in it, closed."""
    path = str(tmp_path_factory.mktemp("template") / "jobs.db")
    with SyncSqliteDriver(path) as driver:
        driver.migrate()
    return path


@pytest.fixture
def path(template: str, tmp_path: Path) -> str:
    """A database of its own for the test."""
    return str(shutil.copy(template, tmp_path / "jobs.db"))


@pytest.fixture
async def driver(anyio_backend: str, path: str):
    """An open driver on it."""
    async with SqliteDriver(path, synchronous="NORMAL") as driver:
        yield driver
