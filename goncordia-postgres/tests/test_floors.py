"""An old transaction makes no claim slow for long, and no job is left behind by that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from goncordia.answers import QueueChange
from goncordia.ids import uuid7
from goncordia.jobs import Outcome, completed, released
from goncordia.sessions import Claim, WorkerInfo
from goncordia_postgres import PostgresDriver
from goncordia_postgres import floors as module
from goncordia_postgres import statements as sql
from goncordia_postgres.floors import Floors
from goncordia_postgres.place import SETTINGS
from goncordia_testservers.postgres import Postgres

from .helpers import ids, job, psycopg_here

pytestmark = pytest.mark.anyio


class Worker:
    """Claims and finishes on a driver."""

    def __init__(self, driver: PostgresDriver) -> None:
        self.driver = driver

    async def claim(self, n: int):
        session = await self.driver.join(WorkerInfo("w"), timedelta(seconds=60))
        claims = await self.driver.claim(Claim(uuid7(), session.id, {"default": n}))
        return claims.jobs

    async def finish(self, outcomes: list[Outcome]) -> None:
        await self.driver.finish(outcomes)


@pytest.fixture
def url(postgres: Postgres, template: str) -> Iterator[str]:
    """Of tables that nobody has used before: blocks are counted."""
    with postgres.database(template) as url:
        yield url


@pytest.fixture
def always_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each claim from the head counts as slow, and there is one an hour."""
    monkeypatch.setattr(module, "SLOW", -1.0)
    monkeypatch.setattr(module, "REST", 3600.0)


def blocks(connection: psycopg.Connection, lowest: object) -> int:
    """How much a claim of ten reads."""
    session = uuid7()
    connection.execute(
        "INSERT INTO goncordia.session VALUES (%s, 1, now(), now(), NULL, '')", (session,)
    )
    connection.execute("PREPARE claim AS " + sql.CLAIM)  # pyright: ignore
    told = connection.execute(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE claim('{session}', '{uuid7()}', "  # pyright: ignore
        f"'{{default}}', '{{10}}', NULL, {lowest})"
    ).fetchone()
    connection.execute("DEALLOCATE claim")
    assert told
    root = told[0][0]["Plan"]
    assert root["Actual Rows"] == 11
    return root["Shared Hit Blocks"] + root["Shared Read Blocks"]


async def test_what_was_claimed_since_an_old_snapshot_is_not_read_again(
    driver: PostgresDriver, url: str
) -> None:
    worker = Worker(driver)
    past = timedelta(hours=-1)
    await driver.insert([job(run_at=past + timedelta(milliseconds=n)) for n in range(6000)])
    with psycopg.connect(url) as old, psycopg.connect(url, autocommit=True) as looker:
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT count(*) FROM goncordia.job_row")
        for name, value in SETTINGS.items():
            looker.execute(f"SET {name} = '{value}'")  # pyright: ignore
        taken = await worker.claim(5000)
        await worker.finish([completed(each) for each in taken])
        [last] = await worker.claim(1)
        array = f"array_fill('{last.run_at.isoformat()}'::timestamptz, ARRAY[32])"
        looker.execute("BEGIN")
        head = blocks(looker, "NULL")
        looker.execute("ROLLBACK")
        looker.execute("BEGIN")
        floor = blocks(looker, array)
        looker.execute("ROLLBACK")
    assert floor < 400
    assert head > floor + 50, "there was something to walk over"


async def test_in_order_from_floor_to_floor(driver: PostgresDriver, always_slow: None) -> None:
    worker = Worker(driver)
    past = timedelta(hours=-1)
    jobs = [job(run_at=past + timedelta(seconds=n), priority=n % 3) for n in range(30)]
    await driver.insert(jobs)
    wanted = [each.id for each in sorted(jobs, key=lambda j: (-j.priority, j.run_at))]  # pyright: ignore
    taken = [each.id for _ in range(10) for each in await worker.claim(3)]
    assert taken == wanted


async def test_who_listens_hears_of_what_comes_in_below(
    driver: PostgresDriver, url: str, always_slow: None
) -> None:
    worker = Worker(driver)
    past = timedelta(hours=-1)
    await driver.insert([job(run_at=past + timedelta(seconds=n)) for n in range(4)])
    async with driver.listen(["default"]) as wakeups, psycopg_here(url) as handle:
        first, second = await worker.claim(2)
        assert len(await worker.claim(1)) == 1
        await worker.finish([released(first)])
        await wakeups.wait()
        assert [each.id for each in await worker.claim(1)] == [first.id]
        async with handle.tx.transaction():
            late = job(run_at=past)
            await driver.insert([late], tx=handle.tx)
            assert [each.run_at > second.run_at for each in await worker.claim(1)] == [True]
        await wakeups.wait()
        assert [each.id for each in await worker.claim(1)] == [late.id]


async def test_a_resumed_queue_is_read_from_its_head(
    driver: PostgresDriver, always_slow: None
) -> None:
    worker = Worker(driver)
    await driver.insert([job(run_at=timedelta(hours=-1))])
    async with driver.listen(["default"]) as wakeups:
        await driver.queues(QueueChange("default", paused=True))
        assert await worker.claim(1) == []
        await driver.queues(QueueChange("default", paused=False))
        await wakeups.wait()
        assert len(await worker.claim(1)) == 1


async def test_who_was_cut_off_finds_what_came_in_meanwhile(
    driver: PostgresDriver, always_slow: None
) -> None:
    worker = Worker(driver)
    await driver.insert([job(run_at=timedelta(hours=-1, seconds=n)) for n in range(3)])
    async with driver.listen(["default"]):
        first, _ = await worker.claim(2)
    await worker.finish([released(first)])
    assert len(await worker.claim(1)) == 1
    assert await worker.claim(1) == []
    async with driver.listen(["default"]):
        assert [each.id for each in await worker.claim(1)] == [first.id]


async def test_who_does_not_finds_it_from_the_head(
    driver: PostgresDriver, always_slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(driver)
    await driver.insert([job(run_at=timedelta(hours=-1, seconds=n)) for n in range(3)])
    first, _ = await worker.claim(2)
    await worker.finish([released(first)])
    [other] = await worker.claim(1)
    assert other.id != first.id
    assert await worker.claim(1) == []
    monkeypatch.setattr(driver._floors, "_rest", 0.0)
    assert [each.id for each in await worker.claim(1)] == [first.id]
    assert len(await ids(driver)) == 3


def test_a_fast_claim_needs_no_floor() -> None:
    floors = Floors()
    assert floors.ask(["q"]) is None
    from goncordia.clock import utc_now

    floors.learn({"q": 1}, [], utc_now(), 0.0, full=True)
    assert floors.ask(["q"]) is None
    floors.learn({"q": 1}, [], utc_now(), 1.0, full=True)
    assert floors.ask(["q"]) is not None
    assert floors.ask(["q", "r"]) is None, "of r nothing is known"
