"""Both event loops, and a driver on a fresh file."""

from __future__ import annotations

from pathlib import Path

import pytest
from goncordia_sql.sqlite import SqliteDriver, SyncSqliteDriver


@pytest.fixture(params=["asyncio", "trio"], scope="session")
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A database with the schema in it."""
    path = str(tmp_path / "jobs.db")
    with SyncSqliteDriver(path) as driver:
        driver.migrate()
    return path


@pytest.fixture
async def driver(anyio_backend: str, path: str):
    """An open driver on it."""
    async with SqliteDriver(path) as driver:
        yield driver
