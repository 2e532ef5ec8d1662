"""Cancel the scope round a pool at any await of any of its tasks, which Hypothesis picks."""

# pyright: reportPossiblyUnboundVariable=false
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import anyio
import anyio.lowlevel
import pytest
import trio
from goncordia import Fixed, State
from goncordia.errors import OutcomesUnwritten
from goncordia.testing import lost, refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.anyio


class Steps(trio.abc.Instrument):
    """Counts the steps that tasks make, and does something at one of them."""

    def __init__(self, number: int, act: Callable[[], None]):
        self.left = number
        self.act = act

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.act()

    def before_task_step(self, task: object) -> None:
        self.step()


class Counted:
    """Awaits, and counts its steps: asyncio has no instruments."""

    def __init__(self, work: Awaitable[object], steps: Steps):
        self.work = work
        self.steps = steps

    def __await__(self) -> Generator[object, object, object]:
        inner = self.work.__await__()
        resume: Callable[[], object] = partial(next, inner)
        while True:
            self.steps.step()
            try:
                yielded = resume()
            except StopIteration as end:
                return end.value
            try:
                resume = partial(inner.send, (yield yielded))
            except BaseException as error:
                resume = partial(inner.throw, error)


@contextmanager
def steps_counted(backend: str, steps: Steps) -> Generator[None]:
    if backend == "trio":
        trio.lowlevel.add_instrument(steps)
        try:
            yield
        finally:
            trio.lowlevel.remove_instrument(steps)
        return

    async def counted(work):
        return await Counted(work, steps)

    def factory(loop, work, **options):
        return asyncio.Task(counted(work), loop=loop, **options)

    loop = asyncio.get_running_loop()
    loop.set_task_factory(factory)  # pyright: ignore[reportArgumentType] - whatever the result
    try:
        yield
    finally:
        loop.set_task_factory(None)


FAULTS = [None, ("claim", lost), ("finish", lost), ("claim", refused), ("finish", refused)]


@given(at=st.integers(1, 700), fault=st.sampled_from(FAULTS))
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_cancelled_at_any_await(opened, anyio_backend, at, fault):
    async with opened() as rig:
        running, twice, began = set(), [], 0

        async def handler(job):
            nonlocal began
            began += 1
            if job.id in running:
                twice.append(job.id)
            running.add(job.id)
            try:
                for _ in range(job.args.n):
                    await anyio.lowlevel.checkpoint()
                if job.args.n == 2 and job.attempt == 1:
                    raise ValueError
            finally:
                running.discard(job.id)

        rig.handle(handler, retry=Fixed(timedelta(seconds=1)))
        refs = await rig.enqueue_many(6)
        if fault:
            rig.driver.next(fault[0], fault[1]())
        unwritten, entered = (), False
        with anyio.CancelScope() as scope, steps_counted(anyio_backend, Steps(at, scope.cancel)):
            try:
                async with rig.pool(concurrency=2) as pool:
                    entered = True
                    while True:
                        await rig.clock.advance(0.25)
                        await pool.settled()
            except OutcomesUnwritten as error:
                unwritten = error.ids
        assert not running
        assert not unwritten, "the store answers"
        rows = [await rig.row(ref) for ref in refs]
        for row in rows:
            assert row.state in (State.AVAILABLE, State.RETRYABLE, State.COMPLETED), row
            assert row.attempt == len(row.errors) + (row.state is State.COMPLETED), "given back"
        if entered:  # else it may have joined unheard, and dies by its silence
            assert await rig.driver.sessions() == []
        async with rig.pool(concurrency=2) as pool:
            await rig.after(3, pool)
        assert not twice
        rows = [await rig.row(ref) for ref in refs]
        assert [row.state for row in rows] == [State.COMPLETED] * 6
        assert [row.attempt for row in rows] == [1, 1, 2, 1, 1, 1]
