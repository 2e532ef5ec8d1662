"""Credentials that DynamoDB Local takes, and tables of one's own."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from goncordia_conformance.loops import LOOPS
from goncordia_dynamo import DynamoDriver
from goncordia_testservers.dynamo import Dynamo

HERE = Path(__file__).parent
COSTLY = {"test_conformance.py", "test_faults.py", "test_costs.py", "test_edges.py"}
SOMEBODY = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}

Make = Callable[..., DynamoDriver]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A request of the local server takes it milliseconds, so most tests run on one loop here.

    On which depends on the Python: `make test` runs both, and with them each test on both loops.
    `--goncordia-profile=thorough` does so by itself.
    """
    if config.getoption("--goncordia-profile") != "quick":
        return
    left = [item for item in items if item.path.parent == HERE and _is_elsewhere(item)]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


def _is_elsewhere(item: pytest.Item) -> bool:
    name = item.name.partition("[")[0]
    if (
        item.path.name not in COSTLY
        or name == "test_machine"
        or not isinstance(item, pytest.Function)
    ):
        return False
    params = item.callspec.params if hasattr(item, "callspec") else {}
    loop = params.get("loop", params.get("anyio_backend"))
    chance = sum(name.encode()) + (sys.version_info >= (3, 12))
    return loop in LOOPS and LOOPS.index(loop) != chance % 2


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
