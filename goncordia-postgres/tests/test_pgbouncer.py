"""Behind a pgbouncer in transaction mode: each transaction may meet another server process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import anyio
import psycopg
import pytest
from goncordia import Args, Client, Job, Registry, open_driver, worker_pool
from goncordia.answers import Finished, Insertion
from goncordia.errors import Unavailable
from goncordia.jobs import Conflict, UniqueKey, completed, snoozed
from goncordia.sessions import Wake
from goncordia.statements import Op, Statement
from goncordia_postgres import PostgresDriver, dial
from goncordia_postgres.io import native, wait
from goncordia_postgres.perform import alone, together
from goncordia_testservers.pgbouncer import PgBouncer
from psycopg.abc import PQGen

from .helpers import job, psycopg_here, running

pytestmark = pytest.mark.anyio


@pytest.fixture
def pooled(pgbouncer: PgBouncer, url: str) -> str:
    """The same database, through the pooler."""
    return pgbouncer.url(url.split("?")[0].rpartition("/")[2])


class Note(Args, kind="note"):
    n: int


async def test_all_goes_on_as_ever(pooled: str) -> None:
    async with PostgresDriver(pooled, prepare=False, listen=None, connections=4) as driver:

        async def work(name: str) -> None:
            for _ in range(5):
                held = await running(driver, 3, name)
                outcomes = [completed(each) for each in held]
                assert set(await driver.finish(outcomes)) == {Finished.DONE}
                [held] = await running(driver, 1, f"{name}-later")
                assert await driver.finish([snoozed(held, timedelta(days=1))]) == [Finished.DONE]

        async with anyio.create_task_group() as tasks:
            for n in range(4):
                tasks.start_soon(work, f"q{n}")
        key = UniqueKey(b"k" * 32, on_conflict=Conflict.REPLACE)
        answers = await driver.insert([job(unique=key), job(unique=key)])
        assert [each.status for each in answers] == [Insertion.CREATED, Insertion.REPLACED]
        assert len(await driver.insert([job() for _ in range(600)])) == 600


async def test_a_caller_may_be_behind_it_too(pooled: str, url: str) -> None:
    async with (
        PostgresDriver(url) as driver,
        PostgresDriver(pooled, prepare=False, listen=None) as behind,
        psycopg_here(pooled) as handle,
    ):
        handle.tx.prepare_threshold = None
        wanted = job()
        async with handle.tx.transaction():
            await behind.insert([wanted], tx=handle.tx)
        assert (await driver.get([wanted.id]))[0]


async def test_the_listener_goes_direct(pooled: str, url: str) -> None:
    address = f"{pooled}&prepare=off&listen={quote(url, safe='')}"
    async with open_driver(address) as driver, driver.listen(["default"]) as wakeups:
        assert driver.capabilities.wake == "push"
        await driver.insert([job()])
        with anyio.fail_after(30):
            assert await wakeups.wait() == Wake.JOBS


async def test_a_pool_works_by_polling_alone(pooled: str) -> None:
    done: list[int] = []
    jobs = Registry()

    @jobs.worker(args=Note)
    async def note(job: Job[Note]) -> None:
        done.append(job.args.n)

    async with PostgresDriver(pooled, prepare=False, listen=None) as driver:
        client = Client(driver)
        await client.enqueue_many([Note(n) for n in range(50)])
        async with worker_pool(driver, jobs, concurrency=10) as pool:
            with anyio.fail_after(60):
                await pool.idle()
    assert sorted(done) == list(range(50))


SHOWN = Statement("SELECT current_setting('lock_timeout'), current_setting('enable_seqscan')")


@pytest.mark.parametrize("shell", [alone, together])
async def test_the_drivers_settings_hold_for_its_transactions(
    pooled: str, shell: Callable[..., PQGen[tuple[Any, Any]]]
) -> None:
    """And for nobody else's, on the same connection of the pooler's."""

    def ask() -> Op[tuple[Any, Any]]:
        first = yield SHOWN
        return first.rows, (yield SHOWN).rows

    async with PostgresDriver(pooled, prepare=False, listen=None) as driver:
        await driver.insert([job()])
        assert driver._connections
        dialled = await driver._connections.take()
        env = driver._place.env(None)
        env.tell("default")
        shown = await wait(shell(dialled.link, env, ask()), dialled.link.pgconn, native())
        driver._connections.give_back(dialled)
    assert shown == ([("3s", "off")], [("3s", "off")])
    with psycopg.connect(pooled) as other:
        assert other.execute(SHOWN.text.encode()).fetchone() == ("0", "on")


async def test_nobody_waits_long_for_a_lock(
    pooled: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    brief = dial._TERMS.text.replace("'3s'", "'10ms'")
    assert brief != dial._TERMS.text
    monkeypatch.setattr(dial, "_TERMS", Statement(brief))
    held = [job(unique=UniqueKey(b"k" * 32)), *(job() for _ in range(600))]
    async with (
        PostgresDriver(pooled, prepare=False, listen=None) as driver,
        psycopg_here(url) as handle,
        handle.tx.transaction(),
    ):
        async with PostgresDriver(url) as owner:
            await owner.insert(held, tx=handle.tx)
        for jobs in ([job(unique=held[0].unique)], held[1:2], held[1:]):  # the last ones by COPY
            with pytest.raises(Unavailable, match="open transaction"):
                await driver.insert(jobs)
