"""Wake-ups: one note a batch, nothing of next week's jobs, loss is told, others go later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import timedelta

import anyio
import psycopg
import pytest
from goncordia.actions import Cancel
from goncordia.answers import Insertion
from goncordia.errors import Unavailable
from goncordia.jobs import released
from goncordia.sessions import Wake, Wakeups, WorkerInfo
from goncordia_postgres import PostgresDriver
from goncordia_postgres import statements as sql
from goncordia_postgres.env import ANYTHING, CANCELS, LATE

from .helpers import ids, job, psycopg_here, running

pytestmark = pytest.mark.anyio


@pytest.fixture
def notes(url: str) -> Iterator[psycopg.Connection]:
    """A connection that hears every note."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("LISTEN goncordia_jobs")
        yield connection


async def heard(driver: PostgresDriver, notes: psycopg.Connection) -> list[str]:
    """All that was sent until now: an answer comes after them, and a note of our own."""
    await ids(driver)
    notes.execute("NOTIFY goncordia_jobs, 'end'")
    told: list[str] = []
    for note in notes.notifies():
        if note.payload == "end":
            break
        told.append(note.payload)
    return told


@pytest.mark.parametrize("n", [1, 3, 600])
async def test_a_batch_sends_one_note(
    driver: PostgresDriver, notes: psycopg.Connection, n: int
) -> None:
    await driver.insert([job(queue=f"q{i % 3}") for i in range(n)])
    assert await heard(driver, notes) == [",".join(f"q{i}" for i in range(min(n, 3)))]


async def test_who_closes_at_once_is_heard(url: str, notes: psycopg.Connection) -> None:
    async with PostgresDriver(url) as short:
        await short.insert([job()])
    assert [note.payload for note in notes.notifies(stop_after=1)] == ["default"]


async def test_a_hint_that_fails_costs_nothing_else(
    driver: PostgresDriver, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await driver.insert([job()])
    connections = driver._connections
    assert connections
    [before] = connections._idle
    monkeypatch.setattr(sql, "NOTIFY", "SELECT 1 / length(left($1::text || $2::text, 0))")
    for n in (1, 600, 1):
        assert {each.status for each in await driver.insert([job() for _ in range(n)])} == {
            Insertion.CREATED
        }
    assert len(await driver.stats()) == 1
    assert connections._idle == [before], "the connection is as good as it was"


async def test_a_hint_that_could_not_be_prepared_is_prepared_anew(
    driver: PostgresDriver, notes: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "NOTIFY", "SELECT tell_later($1::text, $2::text)")
    await driver.insert([job()])
    assert await heard(driver, notes) == []
    notes.execute(
        "CREATE FUNCTION tell_later(text, text) RETURNS void "
        "LANGUAGE sql AS 'SELECT pg_notify($1, $2)'"
    )
    try:
        await driver.insert([job()])
        assert await heard(driver, notes) == ["default"]
    finally:
        notes.execute("DROP FUNCTION tell_later")


async def test_what_is_due_next_week_sends_none(
    driver: PostgresDriver, notes: psycopg.Connection
) -> None:
    await driver.insert([job(run_at=timedelta(days=7))])
    [held] = await running(driver)
    await heard(driver, notes)
    await driver.act([held.id], Cancel())
    assert await heard(driver, notes) == [CANCELS]


async def test_what_comes_in_below_says_so(
    driver: PostgresDriver, notes: psycopg.Connection, url: str
) -> None:
    [held] = await running(driver)
    await heard(driver, notes)
    await driver.finish([released(held)])
    assert await heard(driver, notes) == [LATE + "default"]
    async with psycopg_here(url) as handle, handle.tx.transaction():
        await driver.insert([job()], tx=handle.tx)
        assert await heard(driver, notes) == [], "not before the commit"
    assert await heard(driver, notes) == [LATE + "default"]


async def test_more_names_than_a_note_takes_are_any(
    driver: PostgresDriver, notes: psycopg.Connection
) -> None:
    await driver.insert([job(queue=f"{n:0120}") for n in range(100)])
    assert await heard(driver, notes) == [f"{ANYTHING},{CANCELS}"]


async def test_silence_where_it_was_asked_for(url: str, notes: psycopg.Connection) -> None:
    async with PostgresDriver(url, notify=False) as driver, driver.listen(["default"]) as wakeups:
        await driver.insert([job()])
        assert await heard(driver, notes) == []
        with anyio.move_on_after(0.01) as scope:
            await wakeups.wait()
        assert scope.cancelled_caught


async def test_a_lost_listener_says_so(driver: PostgresDriver, url: str) -> None:
    async with driver.listen(["default"]) as wakeups:
        with psycopg.connect(url, autocommit=True) as killer:
            killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
            )
        with pytest.raises(Unavailable), anyio.fail_after(30):
            await wakeups.wait()
    async with driver.listen(["default"]) as wakeups:
        await driver.insert([job()])
        with anyio.fail_after(30):
            assert await wakeups.wait() == Wake.JOBS


async def test_of_many_sessions_some_go_later(driver: PostgresDriver) -> None:
    async with driver.listen(["default"]) as ear:
        delays = [ear._delay() for _ in range(100)]  # pyright: ignore
        assert set(delays) == {0.0}, "alone"
        driver._peers = 10
        delays = sorted(ear._delay() for _ in range(1000))  # pyright: ignore
        assert delays[0] == 0.0
        assert delays[300] > 0.0
        assert delays[-1] <= 0.03
        driver._peers = 1000
        assert max(ear._delay() for _ in range(1000)) <= 0.1  # pyright: ignore


async def test_one_job_starts_no_stampede(url: str) -> None:
    """Of ten idle pools some look at once, the others a little later; one takes the job."""
    async with AsyncExitStack() as stack:
        drivers = [await stack.enter_async_context(PostgresDriver(url)) for _ in range(10)]
        for driver in drivers:
            session = await driver.join(WorkerInfo("w"), timedelta(seconds=60))
            await driver.beat(session.id, [])
        assert {driver._peers for driver in drivers[-1:]} == {10}
        for driver in drivers:
            driver._peers = 10
        ears = [await stack.enter_async_context(driver.listen(["default"])) for driver in drivers]
        went: list[float] = []

        async def hear(ear: Wakeups) -> None:
            assert await ear.wait() == Wake.JOBS
            went.append(ear._go_at)  # pyright: ignore

        async with anyio.create_task_group() as tasks:
            for ear in ears:
                tasks.start_soon(hear, ear)
            await drivers[0].insert([job() for _ in range(3)])
        assert len(went) == 10
        assert max(went) > min(went), "not all at once"
