from __future__ import annotations

from uuid import uuid4

import anyio
import pytest
from goncordia.answers import Filter, Finished, Insertion
from goncordia.driver import Driver, SyncDriver
from goncordia.jobs import completed
from goncordia.lifecycle import State
from goncordia.memory import MemoryDriver, SyncMemoryDriver, Tx
from goncordia.sessions import Claim, WorkerInfo

from .making import TTL, new

pytestmark = pytest.mark.anyio


async def a_job_runs(driver: Driver[Tx]) -> None:
    job = new()
    [inserted] = await driver.insert([job])
    assert inserted.status is Insertion.CREATED
    session = await driver.join(WorkerInfo("w"), TTL)
    claims = await driver.claim(Claim(uuid4(), session.id, {"default": 5}))
    assert [j.id for j in claims.jobs] == [job.id]
    assert await driver.finish([completed(claims.jobs[0], b"1")]) == [Finished.DONE]
    [row] = (await driver.list(Filter())).rows
    assert (row.state, row.result) == (State.COMPLETED, b"1")


async def test_a_job_runs():
    async with MemoryDriver() as driver:
        await a_job_runs(driver)


async def test_sync_driver_shares_the_jobs():
    driver = MemoryDriver()
    sync: SyncDriver[Tx] = driver.sync()
    job = new()
    with sync:
        sync.insert([job])
    assert await driver.get([job.id]) == sync.get([job.id])


async def test_cancelled_operation_did_nothing():
    driver = MemoryDriver()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await driver.insert([new()])
    assert (await driver.list(Filter())).rows == []


def test_sync_driver_makes_its_own_store():
    with SyncMemoryDriver() as driver:
        assert driver.stats() == []
        assert driver.handles == (Tx,)
