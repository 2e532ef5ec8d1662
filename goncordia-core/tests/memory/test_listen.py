from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

import anyio
import pytest
from goncordia.actions import Amend, Cancel, Retry
from goncordia.answers import Insertion, QueueChange
from goncordia.jobs import released
from goncordia.memory import MemoryDriver
from goncordia.sessions import Wake

from .making import NOW, Worker, at, fails, fails_and_is_due, is_discarded, new, weaker

pytestmark = pytest.mark.anyio


class Ear:
    """A listener, and whether it was woken."""

    def __init__(self, wakeups) -> None:
        self.wakeups = wakeups

    async def heard(self) -> Wake:
        with anyio.fail_after(5):
            return await self.wakeups.wait()

    async def silent(self) -> bool:
        """Whether there is no hint: one that was given would be there at once."""
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:

                async def hear() -> None:
                    await self.wakeups.wait()
                    scope.cancel()
                    raise AssertionError("woken for nothing")

                group.start_soon(hear)
                await anyio.wait_all_tasks_blocked()
                group.cancel_scope.cancel()
        return True


async def test_an_insert_wakes_and_hints_coalesce():
    driver = MemoryDriver()
    async with driver.listen(["default"]) as wakeups:
        ear = Ear(wakeups)
        assert await ear.silent()
        await driver.insert([new(), new()])
        await driver.insert([new()])
        assert await ear.heard() is Wake.JOBS
        assert await ear.silent()
        await driver.insert([new()])
        assert await ear.heard() is Wake.JOBS


async def test_a_waiting_listener_is_woken():
    driver = MemoryDriver()
    async with driver.listen(["default"]) as wakeups, anyio.create_task_group() as group:
        group.start_soon(Ear(wakeups).heard)
        await anyio.wait_all_tasks_blocked()
        await driver.insert([new()])


async def test_only_the_own_queues_and_only_jobs_that_are_due():
    driver = MemoryDriver()
    async with driver.listen(["a", "b"]) as wakeups:
        ear = Ear(wakeups)
        await driver.insert([new(queue="c"), new(queue="a", run_at=timedelta(days=7))])
        assert await ear.silent()
        await driver.insert([new(queue="b")])
        assert await ear.heard() is Wake.JOBS


async def test_all_listeners_of_a_queue_hear():
    driver = MemoryDriver()
    async with driver.listen(["default"]) as one, driver.listen(["default", "b"]) as two:
        await driver.insert([new()])
        assert await Ear(one).heard() is Wake.JOBS
        assert await Ear(two).heard() is Wake.JOBS


async def test_nobody_is_woken_for_a_paused_queue_until_it_is_resumed():
    driver = MemoryDriver()
    await driver.queues(QueueChange("default", paused=True))
    async with driver.listen(["default"]) as wakeups:
        await driver.insert([new()])
        assert await Ear(wakeups).silent()
        await driver.queues(QueueChange("default", paused=False))
        assert await Ear(wakeups).heard() is Wake.JOBS


@pytest.mark.parametrize(
    ("outcome", "wakes"),
    [(released, True), (fails_and_is_due, True), (fails, False), (is_discarded, False)],
)
async def test_an_outcome_wakes_if_the_job_is_due_again(outcome, wakes):
    driver = MemoryDriver()
    await driver.insert([new()], now=NOW)
    [job] = Worker(driver.store).take()
    async with driver.listen(["default"]) as wakeups:
        await driver.finish([outcome(job)], now=NOW)
        if wakes:
            assert await Ear(wakeups).heard() is Wake.JOBS
        else:
            assert await Ear(wakeups).silent()


@pytest.mark.parametrize("action", [Retry(), Amend(run_at=at(-1))])
async def test_an_operator_who_makes_a_job_due_wakes(action):
    driver = MemoryDriver()
    job = new(run_at=at(60))
    await driver.insert([job], now=NOW)
    async with driver.listen(["default"]) as wakeups:
        await driver.act([job.id], action, now=NOW)
        assert await Ear(wakeups).heard() is Wake.JOBS


async def test_a_cancel_request_wakes_and_joins_a_hint_of_jobs():
    driver = MemoryDriver()
    waiting, running = new(priority=-1), new()
    await driver.insert([waiting, running], now=NOW)
    Worker(driver.store).take()
    async with driver.listen(["default"]) as wakeups:
        await driver.act([waiting.id], Cancel(), now=NOW)
        assert await Ear(wakeups).silent()
        await driver.act([running.id], Cancel(), now=NOW)
        assert await Ear(wakeups).heard() is Wake.CANCELS
        await driver.act([running.id], Cancel(), now=NOW)
        await driver.insert([new()], now=NOW)
        assert await Ear(wakeups).heard() == Wake.JOBS | Wake.CANCELS


async def test_a_transaction_wakes_when_it_commits():
    driver = MemoryDriver()
    async with driver.listen(["default"]) as wakeups:
        async with driver.begin() as tx:
            await driver.insert([new()], tx=tx)
            assert await Ear(wakeups).silent()
        assert await Ear(wakeups).heard() is Wake.JOBS


async def test_an_insert_on_another_thread_wakes():
    driver = MemoryDriver()
    sync = driver.sync()
    async with driver.listen(["default"]) as wakeups:
        for _ in range(3):
            await anyio.to_thread.run_sync(sync.insert, [new()])
            assert await Ear(wakeups).heard() is Wake.JOBS
            assert await Ear(wakeups).silent()


async def test_who_left_is_not_told():
    driver = MemoryDriver()
    async with driver.listen(["default"]) as wakeups:
        pass
    await driver.insert([new()])
    assert await Ear(wakeups).silent()


def test_a_listener_whose_loop_has_ended_hurts_nobody(anyio_backend):
    store = MemoryDriver().store
    with ExitStack() as stack:

        async def listen() -> None:
            stack.enter_context(store.listen(["default"]))

        anyio.run(listen, backend=anyio_backend)
        with ThreadPoolExecutor(1) as threads:
            [answer] = threads.submit(store.insert, [new()]).result()
    assert answer.status is Insertion.CREATED


async def test_a_store_without_a_voice_never_wakes():
    driver = weaker(wake="poll")
    async with driver.listen(["default"]) as wakeups:
        await driver.insert([new()])
        assert await Ear(wakeups).silent()
