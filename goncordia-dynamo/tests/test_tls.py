"""TLS: who is at the other end is checked, and its connections are kept.

`localhost.pem` holds a key and a certificate for these tests alone.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from goncordia.errors import Unavailable
from goncordia.jobs import NewJob
from goncordia_dynamo import SyncDynamoDriver
from goncordia_testservers.dynamo import Dynamo
from goncordia_testservers.dynamo_proxy import DynamoProxy

PEM = Path(__file__).parent / "localhost.pem"


@pytest.fixture
def endpoint(dynamodb: Dynamo) -> Iterator[str]:
    """The server behind TLS."""
    with DynamoProxy(dynamodb.endpoint) as proxy:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(PEM)
        proxy._server.socket = context.wrap_socket(proxy._server.socket, server_side=True)
        yield proxy.endpoint.replace("http://127.0.0.1", "https://localhost")


def knowing() -> ssl.SSLContext:
    """Which believes that certificate."""
    return ssl.create_default_context(cafile=PEM)


@pytest.mark.anyio
async def test_a_server_that_proves_who_it_is_is_asked(make, endpoint: str) -> None:
    async with make(endpoint=endpoint, tls=knowing()) as driver:
        await driver.migrate()
        assert await driver.stats() == []
        assert driver.usage.requests > 5
        assert len(driver._caller._wire._idle) == 1


@pytest.mark.anyio
async def test_what_does_not_fit_into_one_record_arrives_whole(make, endpoint: str) -> None:
    """Nor into the socket's buffer, in either direction."""
    args = bytes(range(1, 256)) * 1500
    async with make(endpoint=endpoint, tls=knowing()) as driver:
        await driver.migrate()
        jobs = [NewJob(driver.new_id("k", "q"), "k", args) for _ in range(5)]
        await driver.insert(jobs)
        found = await driver.get([job.id for job in jobs])
        assert [row and row.args for row in found] == [args] * 5


@pytest.mark.anyio
async def test_one_that_does_not_is_told_nothing(make, endpoint: str) -> None:
    async with make(endpoint=endpoint) as driver:
        with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
            await driver.migrate()


def test_nor_without_an_event_loop(endpoint: str) -> None:
    with SyncDynamoDriver("tls", region="local", endpoint=endpoint, tls=knowing()) as driver:
        driver.migrate()
        assert driver.stats() == []
    with (
        SyncDynamoDriver("tls", region="local", endpoint=endpoint) as driver,
        pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        driver.migrate()
