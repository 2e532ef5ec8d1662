"""Credentials that DynamoDB Local takes, and tables of one's own."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from goncordia_conformance.catalogue import catalogue
from goncordia_conformance.loops import LOOPS
from goncordia_dynamo import DynamoDriver
from goncordia_testservers.dynamo import Dynamo

HERE = Path(__file__).parent
SOMEBODY = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}

Make = Callable[..., DynamoDriver]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Races and faults cost thousands of requests: each runs on one loop, as the Python has it.

    `--goncordia-profile=thorough` runs all of them on both.
    """
    if config.getoption("--goncordia-profile") != "quick":
        return
    costly = {name for name, case in catalogue().items() if case.part != "case"}
    left = [item for item in items if _is_elsewhere(item, costly)]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


def _is_elsewhere(item: pytest.Item, costly: Collection[str]) -> bool:
    name, _, loop = item.name.rstrip("]").partition("[")
    if not item.path.is_relative_to(HERE) or name not in costly or loop not in LOOPS:
        return False
    return (LOOPS.index(loop) + sum(name.encode()) + (sys.version_info >= (3, 12))) % 2 == 0


@pytest.fixture(scope="session", autouse=True)
def somebody() -> Iterator[None]:
    """Who asks; and no profile of the person at this desk."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in SOMEBODY.items():
            patch.setenv(name, value)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture
def make(dynamodb: Dynamo) -> Make:
    """A driver of a table of its own, not opened yet."""

    def make(table: str = "", **options: object) -> DynamoDriver:
        settings = {"region": "local", "endpoint": dynamodb.endpoint, "spread": 2} | options
        settings.setdefault("lag", timedelta(0))
        return DynamoDriver(table or f"t{uuid4().hex}", **settings)  # pyright: ignore[reportArgumentType]

    return make


@pytest.fixture
async def driver(anyio_backend: str, make: Make) -> AsyncIterator[DynamoDriver]:
    """An open driver of a new table."""
    async with make() as driver:
        await driver.migrate()
        yield driver
