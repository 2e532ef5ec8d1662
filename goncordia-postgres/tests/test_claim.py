"""A claim after one that got all that it asked for is a cheaper one, and tells the same."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from goncordia.answers import QueueChange
from goncordia.errors import SessionLost
from goncordia.ids import uuid7
from goncordia.jobs import completed
from goncordia.sessions import Claim, Claims, WorkerInfo
from goncordia_postgres import PostgresDriver
from goncordia_postgres import floors as floors_module
from goncordia_postgres import statements as sql

from .helpers import job

pytestmark = pytest.mark.anyio


class Worker:
    """Has just got all that it asked for."""

    def __init__(self, driver: PostgresDriver, session: UUID) -> None:
        self.driver = driver
        self.session = session

    async def claim(self, **wants: int) -> Claims:
        return await self.driver.claim(Claim(uuid7(), self.session, wants))


@pytest.fixture
async def worker(driver: PostgresDriver, monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setattr(floors_module, "SLOW", 60.0)
    session = await driver.join(WorkerInfo("w"), timedelta(seconds=60))
    worker = Worker(driver, session.id)
    await driver.insert([job(queue="first")])
    claims = await worker.claim(first=1)
    await driver.finish([completed(each) for each in claims.jobs])
    assert driver._floors.plenty
    return worker


async def test_all_that_was_asked_for(driver: PostgresDriver, worker: Worker) -> None:
    jobs = [job(queue="q", priority=n % 3 - 1, meta=b"{}", tags=("t",)) for n in range(9)]
    await driver.insert(jobs)
    claims = await worker.claim(q=6)
    wanted = sorted(jobs, key=lambda each: (-each.priority, each.id))[:6]
    assert [each.id for each in claims.jobs] == [each.id for each in wanted]
    assert claims.more
    assert driver._floors.plenty
    [one, *_] = claims.jobs
    assert (one.queue, one.attempt, one.tags, one.meta) == ("q", 1, ("t",), b"{}")


async def test_less_than_that(driver: PostgresDriver, worker: Worker) -> None:
    jobs = [job(queue="q", priority=n) for n in range(3)]
    await driver.insert([*jobs, job(queue="q", run_at=timedelta(hours=1))])
    claims = await worker.claim(q=10)
    assert [each.id for each in claims.jobs] == [each.id for each in reversed(jobs)]
    assert not claims.more
    assert claims.next_due_in == pytest.approx(3600, abs=60)
    assert not driver._floors.plenty


async def test_of_one_queue_all_and_of_another_less(driver: PostgresDriver, worker: Worker) -> None:
    await driver.insert([job(queue=queue) for queue in ("a", "a", "b")])
    claims = await worker.claim(a=2, b=2)
    assert sorted(each.queue for each in claims.jobs) == ["a", "a", "b"]
    assert claims.more, "of the first there may be more"


async def test_a_paused_queue(driver: PostgresDriver, worker: Worker) -> None:
    await driver.insert([job(queue="q")])
    await driver.queues(QueueChange("q", paused=True))
    claims = await worker.claim(q=1)
    assert (claims.jobs, claims.more) == ([], False)


async def test_a_session_that_is_lost(driver: PostgresDriver, worker: Worker) -> None:
    await driver.insert([job(queue="q")])
    await driver.leave(worker.session)
    with pytest.raises(SessionLost):
        await worker.claim(q=1)


async def test_nothing_asked_of_a_session_that_is_lost(
    driver: PostgresDriver, worker: Worker
) -> None:
    await driver.leave(worker.session)
    with pytest.raises(SessionLost):
        await worker.claim()


async def test_sent_again(driver: PostgresDriver, worker: Worker) -> None:
    await driver.insert([job(queue="q") for _ in range(5)])
    token = uuid7()
    first = await driver.claim(Claim(token, worker.session, {"q": 2}))
    again = await driver.claim(Claim(token, worker.session, {"q": 3}, resend=True))
    assert [each.id for each in again.jobs[:2]] == [each.id for each in first.jobs]
    assert len(again.jobs) == 3


async def test_after_a_slow_one_the_head_is_looked_at(
    driver: PostgresDriver, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floors_module, "SLOW", -1.0)
    await driver.insert([job(queue="q") for _ in range(2)])
    assert len((await worker.claim(q=1)).jobs) == 1
    assert not driver._floors.plenty


async def test_it_is_the_cheaper_one(
    driver: PostgresDriver, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "CLAIM", "SELECT 1 / 0")
    await driver.insert([job(queue="q")])
    assert len((await worker.claim(q=1)).jobs) == 1
