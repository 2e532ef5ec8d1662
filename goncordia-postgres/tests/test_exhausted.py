"""Handlers hold every connection of the application's pool: the worker goes on by its own."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import pytest
from goncordia import Args, Client, Job, Registry, worker_pool
from goncordia.lifecycle import State
from goncordia.sessions import WorkerInfo
from goncordia_postgres import PostgresDriver
from psycopg_pool import AsyncConnectionPool, ConnectionPool

pytestmark = pytest.mark.anyio

SIZE = 2


class Hold(Args, kind="hold"):
    pass


class Hasty(Args, kind="hasty"):
    pass


class Plain(Args, kind="plain"):
    pass


class Rows(Args, kind="rows"):
    n: int


async def states(client: Client[Any], kind: str) -> Counter[State]:
    return Counter([row.state async for row in client.all_jobs(kinds=[kind])])


async def until(client: Client[Any], kind: str, wanted: dict[State, int]) -> None:
    with anyio.fail_after(60):
        while await states(client, kind) != wanted:
            await anyio.sleep(0.01)


@asynccontextmanager
async def set_in_the_end(event: threading.Event) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        event.set()


@pytest.mark.parametrize("connections", [1, 8])
async def test_claims_beats_and_outcomes_do_not_wait_for_it(url: str, connections: int) -> None:
    jobs, go_on, holding = Registry(), threading.Event(), threading.Semaphore(0)
    with ConnectionPool(url, min_size=SIZE, max_size=SIZE, open=True) as shop:

        @jobs.worker
        def hold(job: Job[Hold]) -> None:
            with shop.connection():
                holding.release()
                go_on.wait(60)

        @jobs.worker
        def hasty(job: Job[Hasty]) -> None:
            with shop.connection(timeout=60 if go_on.is_set() else 0.01):
                pass

        @jobs.worker
        async def plain(job: Job[Plain]) -> None:
            await client.enqueue(Plain(), queue="elsewhere")

        async with PostgresDriver(shop, connections=connections) as driver:
            client = Client(driver)
            async with (
                worker_pool(driver, jobs, concurrency=10, queues=["default"]) as pool,
                set_in_the_end(go_on),
            ):
                await client.enqueue_many([Hold() for _ in range(SIZE + 2)])
                for _ in range(SIZE):
                    assert await anyio.to_thread.run_sync(holding.acquire, True, 60)
                session = await driver.join(WorkerInfo("other"), timedelta(seconds=60))
                assert (await driver.beat(session.id, [])).alive
                await client.enqueue_many([Plain() for _ in range(20)])
                await until(client, "plain", {State.AVAILABLE: 20, State.COMPLETED: 20})
                late = await client.enqueue(Hasty())
                await until(client, "hasty", {State.RETRYABLE: 1})
                row = await client.get(late.id)
                assert row
                assert row.errors[-1].type.endswith("PoolTimeout")
                assert await states(client, "hold") == {State.RUNNING: SIZE + 2}
                go_on.set()
                await client.retry(late.id)
                with anyio.fail_after(60):
                    await pool.idle()
            assert await states(client, "hold") == {State.COMPLETED: SIZE + 2}
            assert await states(client, "hasty") == {State.COMPLETED: 1}


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_jobs_complete_in_transactions_of_a_pool_that_is_too_small(
    anyio_backend: str, url: str
) -> None:
    """psycopg's own pool for coroutines knows no trio."""
    jobs = Registry()
    async with AsyncConnectionPool(url, min_size=SIZE, max_size=SIZE, open=False) as shop:
        async with shop.connection() as connection:
            await connection.execute("CREATE TABLE IF NOT EXISTS done (n int)")
            await connection.execute("TRUNCATE done")

        @jobs.worker
        async def rows(job: Job[Rows]) -> None:
            async with shop.connection() as connection:
                await connection.execute("INSERT INTO done VALUES (%s)", [job.args.n])
                await job.complete(tx=connection)

        async with PostgresDriver(shop, connections=1) as driver:
            client = Client(driver)
            await client.enqueue_many([Rows(n) for n in range(40)])
            async with worker_pool(driver, jobs, concurrency=10) as pool:
                with anyio.fail_after(60):
                    await pool.idle()
            assert await states(client, "rows") == {State.COMPLETED: 40}
        async with shop.connection() as connection:
            found = await connection.execute("SELECT n FROM done ORDER BY n")
            assert [n async for (n,) in found] == list(range(40))
