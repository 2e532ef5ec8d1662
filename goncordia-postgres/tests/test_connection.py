"""`AnyioConnection`: a cancellation that comes within a transaction ends it."""

from __future__ import annotations

import anyio
import psycopg
import pytest
from goncordia.answers import Finished
from goncordia.jobs import completed
from goncordia_postgres import AnyioConnection, PostgresDriver
from psycopg.pq import TransactionStatus

from .helpers import ids, job, running

pytestmark = pytest.mark.anyio


@pytest.fixture
async def connection(url: str, anyio_backend: str):
    connection = await AnyioConnection.open(url, autocommit=True)
    yield connection
    await connection.close()


async def test_a_cancelled_transaction_is_rolled_back_before_it_is_left(
    driver: PostgresDriver, connection: AnyioConnection
) -> None:
    [held] = await running(driver)
    with anyio.CancelScope() as scope:
        async with connection.transaction():
            assert await driver.finish([completed(held)], tx=connection) == [Finished.DONE]
            scope.cancel()
            await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert connection.info.transaction_status == TransactionStatus.IDLE
    assert await driver.finish([completed(held)]) == [Finished.DONE], "nothing is locked any more"


async def test_what_comes_after_a_cancelled_transaction_is_committed(
    driver: PostgresDriver, connection: AnyioConnection
) -> None:
    lost, wanted = job(), job()
    with anyio.CancelScope() as scope:
        async with connection.transaction():
            await driver.insert([lost], tx=connection)
            scope.cancel()
            await anyio.lowlevel.checkpoint()
    async with connection.transaction():
        await driver.insert([wanted], tx=connection)
    assert await ids(driver) == {wanted.id}


async def test_a_transaction_that_a_cancellation_meets_at_its_end_is_over(
    connection: AnyioConnection,
) -> None:
    with anyio.CancelScope() as scope:
        async with connection.transaction():
            await connection.execute("SELECT 1")
            scope.cancel()
    assert connection.info.transaction_status == TransactionStatus.IDLE


async def test_whoever_waits_for_the_connection_can_be_cancelled(
    connection: AnyioConnection, url: str
) -> None:
    with psycopg.connect(url) as blocker:
        blocker.execute("LOCK TABLE goncordia.queue")

        async def wait() -> None:
            await connection.execute("SELECT 1 FROM goncordia.queue")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            with anyio.CancelScope() as scope:
                scope.cancel()
                await connection.execute("SELECT 1")
            assert scope.cancelled_caught
            assert connection.info.transaction_status == TransactionStatus.ACTIVE, "not its turn"
            blocker.rollback()


async def test_a_connection_whose_block_is_cancelled_is_closed(url: str) -> None:
    connection = await AnyioConnection.open(url)
    with anyio.CancelScope() as scope:
        async with connection:
            await connection.execute("SELECT 1")
            scope.cancel()
            await anyio.lowlevel.checkpoint()
    assert connection.closed
