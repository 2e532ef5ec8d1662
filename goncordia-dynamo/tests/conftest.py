"""Credentials that DynamoDB Local takes, and tables of one's own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from goncordia_dynamo import DynamoDriver
from goncordia_testservers.dynamo import Dynamo

from .told import TOLD

SOMEBODY = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}

Make = Callable[..., DynamoDriver]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the proxies did."""
    if TOLD:
        told = ", ".join(f"{fault} {n}" for fault, n in sorted(TOLD.items()) if n)
        terminalreporter.write_line(f"DynamoDB's proxies: {told}")


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
