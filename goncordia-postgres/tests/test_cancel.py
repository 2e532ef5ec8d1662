"""Cancelled at any await, an operation happens whole or not at all, and its connection is clean."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from typing import Any

import anyio
import psycopg
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from asyncpg.exceptions import (  # pyright: ignore[reportMissingTypeStubs] - it has none
    InFailedSQLTransactionError,
)
from goncordia.actions import Cancel, Retry
from goncordia.answers import QueueChange
from goncordia.clock import utc_now
from goncordia.ids import uuid7
from goncordia.jobs import AttemptError, Conflict, UniqueKey, completed, failed, released
from goncordia.lifecycle import State
from goncordia.sessions import Claim, WorkerInfo
from goncordia.statements import Reply
from goncordia_conformance.awaits import CancelledAt
from goncordia_postgres import PostgresDriver
from goncordia_postgres.borrow import AsyncBorrower
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .helpers import HANDLES, Shelf, asyncpg_here, job, psycopg_here, running

Operation = Callable[[PostgresDriver], Awaitable[object]]


async def insert_rich(driver: PostgresDriver) -> None:
    key = UniqueKey(b"k" * 32, on_conflict=Conflict.REPLACE)
    await driver.insert([job(), job(unique=key), job(unique=key)])


async def insert_many(driver: PostgresDriver) -> None:
    await driver.insert([job() for _ in range(600)])


async def claim(driver: PostgresDriver) -> None:
    session = await driver.join(WorkerInfo("w"), timedelta(seconds=60))
    await driver.claim(Claim(uuid7(), session.id, {"default": 2, "other": 1}))


async def finish(driver: PostgresDriver) -> None:
    one, two, three = await running(driver, 3)
    error = AttemptError(1, utc_now(), "E", "m")
    outcomes = [completed(one, b"1", [job()]), failed(two, error, timedelta(0)), released(three)]
    await driver.finish(outcomes)


async def act(driver: PostgresDriver) -> None:
    wanted = job(unique=UniqueKey(b"a" * 32))
    await driver.insert([wanted])
    await driver.act([wanted.id], Cancel())
    await driver.act([wanted.id], Retry())


async def look_after(driver: PostgresDriver) -> None:
    session = await driver.join(WorkerInfo("w"), timedelta(seconds=60))
    await driver.leave(session.id)
    await driver.rescue(10)
    await driver.prune(10)
    await driver.queues(QueueChange("default", paused=False))


async def listen(driver: PostgresDriver) -> None:
    async with driver.listen(["default"]) as wakeups:
        await driver.insert([job()])
        await wakeups.wait()


OPERATIONS: list[Operation] = [insert_rich, insert_many, claim, finish, act, look_after, listen]


@contextmanager
def on_loop(name: str, shelf: Shelf) -> Generator[tuple[BlockingPortal, PostgresDriver, str]]:
    with ExitStack() as stack:
        url = stack.enter_context(shelf.lend())
        portal = stack.enter_context(start_blocking_portal(name))
        manager = PostgresDriver(f"{url}&application_name=cancelled", connections=2)
        driver = stack.enter_context(portal.wrap_async_context_manager(manager))
        yield portal, driver, url


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def opened(request: pytest.FixtureRequest, shelf: Shelf):
    with on_loop(request.param, shelf) as opened:
        yield opened


@pytest.fixture(scope="module")
def on_asyncio(shelf: Shelf):
    with on_loop("asyncio", shelf) as opened:
        yield opened


async def cancelled(driver: PostgresDriver, operation: Operation, n: int) -> None:
    async def whole() -> None:
        await operation(driver)

    with anyio.move_on_after(60) as scope:
        await CancelledAt(whole(), n, scope)
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:  # both connections are clean, or new
            tasks.start_soon(finish, driver)
            tasks.start_soon(act, driver)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(operation=st.sampled_from(OPERATIONS), n=st.integers(0, 12))
def test_at_any_await(opened: Any, operation: Operation, n: int) -> None:
    portal, driver, url = opened
    portal.call(cancelled, driver, operation, n)
    with psycopg.connect(url) as connection:
        [(left,)] = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name = 'cancelled' AND state LIKE 'idle in transaction%'"
        )
        [(halves,)] = connection.execute(
            "SELECT count(*) FROM goncordia.unique_key WHERE NOT EXISTS ("
            "SELECT 1 FROM goncordia.job_row WHERE job_row.id = unique_key.job)"
        )
    assert (left, halves) == (0, 0)


async def in_a_transaction(driver: PostgresDriver, url: str, n: int) -> None:
    wanted = job()

    async def insert() -> None:
        await driver.insert([wanted], tx=handle.tx)

    async with psycopg_here(url) as handle:
        await handle.run("BEGIN")
        with anyio.move_on_after(60) as scope:
            await CancelledAt(insert(), n, scope)
        await handle.run("SELECT 1")  # the connection is usable, its transaction as it was
        await handle.run("COMMIT")
    [row] = await driver.get([wanted.id])
    assert row or scope.cancel_called


@settings(max_examples=10, deadline=None)
@given(n=st.integers(0, 6))
def test_in_a_callers_transaction(opened: Any, n: int) -> None:
    portal, driver, url = opened
    portal.call(in_a_transaction, driver, url, n)


async def through_a_native_one(
    driver: PostgresDriver, url: str, name: str, operation: str, n: int
) -> None:
    """asyncpg tells the server to stop, and so aborts the transaction; psycopg's ends in peace."""
    wanted, [held] = job(), await running(driver)

    async def write() -> None:
        if operation == "insert":
            await driver.insert([wanted, job(unique=UniqueKey(b"c" * 32))], tx=handle.tx)
        else:
            await driver.finish([completed(held, b"1", [wanted])], tx=handle.tx)

    async with HANDLES[name](url) as handle:
        await handle.run("BEGIN")
        with anyio.move_on_after(60) as scope:
            await CancelledAt(write(), n, scope)
        with suppress(psycopg.errors.InFailedSqlTransaction, InFailedSQLTransactionError):
            await handle.run("SELECT 1")  # usable; or to be rolled back, which COMMIT does then
        await handle.run("COMMIT")
        await handle.run("BEGIN")
        second = job()
        await driver.insert([second], tx=handle.tx)
        await handle.run("COMMIT")
    made, after, ended = await driver.get([wanted.id, second.id, held.id])
    assert after
    assert made or scope.cancel_called
    if operation == "finish":
        assert ended
        assert (made is not None) == (ended.state is State.COMPLETED), "both or neither"


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    name=st.sampled_from(["psycopg", "asyncpg", "asyncpg pool"]),
    operation=st.sampled_from(["insert", "finish"]),
    n=st.integers(0, 8),
)
def test_in_a_transaction_of_a_native_connection(
    on_asyncio: Any, name: str, operation: str, n: int
) -> None:
    portal, driver, url = on_asyncio
    portal.call(through_a_native_one, driver, url, name, operation, n)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_between_two_statements_of_asyncpg_nothing_is_committed(
    driver: PostgresDriver, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [held] = await running(driver)
    asked = AsyncBorrower._ask
    async with asyncpg_here(url) as handle:
        await handle.run("BEGIN")
        with anyio.CancelScope() as scope:

            async def ask(*args: Any) -> Reply:
                reply = await asked(*args)
                scope.cancel()
                return reply

            monkeypatch.setattr(AsyncBorrower, "_ask", ask)
            await driver.finish([completed(held, None, [job()])], tx=handle.tx)
        assert scope.cancelled_caught
        with pytest.raises(InFailedSQLTransactionError):
            await handle.run("SELECT 1")
        await handle.run("COMMIT")
    [row] = await driver.get([held.id])
    assert row
    assert row.state is State.RUNNING


@pytest.mark.anyio
async def test_a_server_that_does_not_answer_costs_the_connection(
    driver: PostgresDriver, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goncordia_postgres.io.PATIENCE", 0.01)
    await driver.insert([job()])
    with psycopg.connect(url) as blocker:
        blocker.execute("LOCK TABLE goncordia.job_row")
        with anyio.move_on_after(0.1) as scope:
            await driver.insert([job()])
        assert scope.cancelled_caught
    await driver.insert([job()])
