"""The conformance suite, on DynamoDB Local."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from goncordia_conformance import DriverSuite
from goncordia_dynamo import DynamoDriver
from goncordia_testservers.dynamo import Dynamo


@pytest.fixture(scope="class")
def server(request: pytest.FixtureRequest, dynamodb: Dynamo) -> None:
    assert request.cls is not None
    request.cls.server = dynamodb


@pytest.mark.one_python
@pytest.mark.usefixtures("server")
class TestDynamo(DriverSuite[DynamoDriver]):
    """One shard, which keeps the order strict; one partition, so that a list is cheap."""

    server: Dynamo
    shards = 1

    async def open_driver(self):
        async with DynamoDriver(
            f"t{uuid4().hex}",
            region="local",
            endpoint=self.server.endpoint,
            shards=self.shards,
            spread=1,
            lag=timedelta(0),
        ) as driver:
            await driver.migrate()
            yield driver

    def begin(self, driver: DynamoDriver):
        return driver.begin()

    def url(self, driver: DynamoDriver) -> str:
        where = f"region=local&endpoint={self.server.endpoint}&shards={self.shards}&spread=1"
        return f"dynamodb://{driver.table}?{where}"


class TestDynamoInShards(TestDynamo):
    """A worker prefers its own shard, and whoever finds nothing there wanders."""

    shards = 4
