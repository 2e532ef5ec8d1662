"""Cancelled at any of its awaits, an operation is dropped or completed, and the driver goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from datetime import timedelta
from typing import Any

import anyio
import pytest
from goncordia.actions import Cancel
from goncordia.answers import Filter, QueueChange
from goncordia.ids import uuid7
from goncordia.jobs import NewJob, completed
from goncordia.lifecycle import State
from goncordia.sessions import Claim, WorkerInfo
from goncordia_conformance.awaits import CancelledAt
from goncordia_sql.sqlite import SqliteDriver

pytestmark = pytest.mark.anyio


async def cancelled_at_each(make: Callable[[], Coroutine[Any, Any, Any]]) -> int:
    """Run it again and again, cancelled at its first await, its second, until it gets through."""
    for n in range(50):
        with anyio.CancelScope() as scope:
            await CancelledAt(make(), n, scope)
        if not scope.cancel_called:
            return n
    raise AssertionError("it never ends")


def job() -> NewJob:
    return NewJob(uuid7(), "k", b"{}")


async def claimed(driver: SqliteDriver, session, n: int = 1):
    return (await driver.claim(Claim(uuid7(), session.id, {"default": n}))).jobs


OPERATIONS: dict[str, Callable[[SqliteDriver, Any, Any], Coroutine[Any, Any, Any]]] = {
    "insert": lambda d, s, j: d.insert([job()]),
    "join": lambda d, s, j: d.join(WorkerInfo("x"), timedelta(minutes=1)),
    "beat": lambda d, s, j: d.beat(s.id, [j.token]),
    "leave": lambda d, s, j: d.leave(uuid7()),
    "sessions": lambda d, s, j: d.sessions(),
    "claim": lambda d, s, j: d.claim(Claim(uuid7(), s.id, {"default": 1})),
    "finish": lambda d, s, j: d.finish([completed(j)]),
    "rescue": lambda d, s, j: d.rescue(10),
    "prune": lambda d, s, j: d.prune(10),
    "act": lambda d, s, j: d.act([uuid7()], Cancel()),
    "get": lambda d, s, j: d.get([j.id]),
    "list": lambda d, s, j: d.list(Filter()),
    "stats": lambda d, s, j: d.stats(),
    "kinds": lambda d, s, j: d.kinds(),
    "queues": lambda d, s, j: d.queues(QueueChange("default", False)),
    "compare_and_set": lambda d, s, j: d.compare_and_set("k", None, b"1"),
    "migrate": lambda d, s, j: d.migrate(),
}


async def works(driver: SqliteDriver) -> None:
    """What is claimed and finished is so, and nothing waits for ever."""
    with anyio.fail_after(10):
        session = await driver.join(WorkerInfo("w"), timedelta(minutes=1))
        mine = job()
        mine.queue = "check"
        await driver.insert([mine])
        (taken,) = (await driver.claim(Claim(uuid7(), session.id, {"check": 9}))).jobs
        assert taken.id == mine.id
        await driver.finish([completed(taken)])
        row = (await driver.get([mine.id]))[0]
        assert row is not None
        assert row.state is State.COMPLETED
        await driver.prune(10, now=row.expire_at)


@pytest.mark.parametrize("name", OPERATIONS)
async def test_cancelled_at_every_await(driver: SqliteDriver, name: str) -> None:
    session = await driver.join(WorkerInfo("w"), timedelta(minutes=1))
    await driver.insert([job() for _ in range(20)])
    (held,) = await claimed(driver, session)
    awaits = await cancelled_at_each(lambda: OPERATIONS[name](driver, session, held))
    assert awaits >= 1
    await works(driver)


@pytest.mark.parametrize("name", OPERATIONS)
async def test_dropped_while_it_waits_for_the_lock(
    driver: SqliteDriver, path: str, name: str
) -> None:
    session = await driver.join(WorkerInfo("w"), timedelta(minutes=1))
    await driver.insert([job() for _ in range(5)])
    (held,) = await claimed(driver, session)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with anyio.move_on_after(0.005):
            await OPERATIONS[name](driver, session, held)
        with anyio.move_on_after(0.005):
            await OPERATIONS[name](driver, session, held)
        writer.execute("COMMIT")
    await works(driver)


async def test_what_was_not_begun_is_never_done(driver: SqliteDriver, path: str) -> None:
    begun, dropped = job(), job()
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with anyio.move_on_after(0.02):
            await driver.insert([begun])
        with anyio.move_on_after(0.01):
            await driver.insert([dropped])
        writer.execute("COMMIT")
    await works(driver)
    assert (await driver.get([dropped.id])) == [None]
    assert (await driver.get([begun.id]))[0], "it was on its way, and its answer went unheard"


async def test_opening_and_closing_cancelled_at_every_await(path: str) -> None:
    async def use() -> None:
        async with SqliteDriver(path) as driver, driver.listen(["default"]):
            await driver.insert([job()])

    assert await cancelled_at_each(use) >= 3
    async with SqliteDriver(path) as driver:
        await works(driver)


async def test_one_that_fails_does_not_spoil_the_others(driver: SqliteDriver, path: str) -> None:
    """Requests of one group: they gather while another's transaction holds the lock."""
    good = [job() for _ in range(3)]
    bad = job()
    bad.max_attempts = 2**70
    answers: dict[object, object] = {}

    async def insert(wanted: NewJob) -> None:
        try:
            answers[wanted.id] = (await driver.insert([job(), wanted]))[1].status
        except OverflowError as error:
            answers[wanted.id] = error

    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        async with anyio.create_task_group() as group:
            for wanted in (good[0], good[1], bad, good[2]):
                group.start_soon(insert, wanted)
            await anyio.wait_all_tasks_blocked()
            writer.execute("COMMIT")
    assert isinstance(answers[bad.id], OverflowError)
    assert all(answers[wanted.id] == "created" for wanted in good)
    stats = await driver.stats()
    assert [count.n for count in stats] == [6], "nothing of the one that failed"
    await works(driver)
