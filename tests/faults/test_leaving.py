"""However the block of a pool is left: what ended is written, what did not is given back."""

# pyright: reportPossiblyUnboundVariable=false
from __future__ import annotations

import asyncio
import threading
from contextlib import AsyncExitStack

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from goncordia import CancelReason, State
from goncordia.errors import OutcomesUnwritten, PoolEnded
from goncordia.testing import held, lost, refused, reply_held

pytestmark = pytest.mark.anyio


class Gate:
    """A handler that waits for its gate, and keeps why it was stopped."""

    def __init__(self):
        self.gate = anyio.Event()
        self.begun = 0
        self.reasons = []

    async def __call__(self, job):
        self.begun += 1
        try:
            await self.gate.wait()
        except BaseException:
            self.reasons.append(job.cancel_reason)
            raise


async def test_running_jobs_end_in_peace(rig):
    handler = Gate()
    rig.handle(handler)
    async with anyio.create_task_group() as tasks, rig.pool(concurrency=2) as pool:
        refs = await rig.enqueue_many(3)
        await rig.rest(pool)

        async def open_the_gate():
            await rig.clock.advance(29)
            handler.gate.set()

        tasks.start_soon(open_the_gate)
    rows = [await rig.row(ref) for ref in refs]
    assert [r.state for r in rows] == [State.COMPLETED, State.COMPLETED, State.AVAILABLE]
    assert rows[2].attempt == 0
    assert handler.begun == 2
    assert await rig.driver.sessions() == []


async def test_those_that_go_on_are_stopped_and_given_back(rig):
    handler = Gate()
    rig.handle(handler)
    async with rig.pool(concurrency=2, shutdown_timeout=0) as pool:
        refs = await rig.enqueue_many(3)
        await rig.rest(pool)
    for ref in refs:
        row = await rig.row(ref)
        assert (row.state, row.attempt, row.errors) == (State.AVAILABLE, 0, ())
    assert handler.reasons == [CancelReason.SHUTDOWN] * 2


async def test_leaving_waits_for_threads(rig):
    begun, go_on = threading.Event(), threading.Event()

    def handler(job):
        begun.set()
        go_on.wait()

    rig.handle(handler)
    async with anyio.create_task_group() as tasks, rig.pool(shutdown_timeout=0):
        ref = await rig.enqueue()
        await anyio.to_thread.run_sync(begun.wait)

        async def look():
            await rig.quiet()
            assert (await rig.row(ref)).state is State.RUNNING
            go_on.set()

        tasks.start_soon(look)
    assert (await rig.row(ref)).state is State.COMPLETED


@pytest.mark.parametrize("how", ["cancelled", "left"])
@pytest.mark.parametrize("fault", [held, reply_held, lost, refused])
async def test_a_claim_on_its_way_is_given_back(rig, how, fault):
    handler = Gate()
    rig.handle(handler)
    never = anyio.Event()
    ref = await rig.enqueue()
    rig.driver.next("claim", fault(never) if fault in (held, reply_held) else fault())
    with anyio.CancelScope() as scope:
        async with rig.pool(flush_timeout=1 if fault in (held, reply_held) else 5):
            while not rig.driver.calls["claim"]:
                await anyio.lowlevel.checkpoint()  # until the pool has joined
            await rig.quiet()
            if how == "cancelled":
                scope.cancel()
    row = await rig.row(ref)
    assert (row.state, row.attempt) == (State.AVAILABLE, 0)
    assert not handler.begun
    assert await rig.driver.sessions() == []


async def test_cancelling_the_scope_stops_now(rig):
    handler = Gate()
    rig.handle(handler)
    with anyio.CancelScope() as scope:
        async with rig.pool(concurrency=2) as pool:
            refs = await rig.enqueue_many(3)
            await rig.rest(pool)
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    for ref in refs:
        row = await rig.row(ref)
        assert (row.state, row.attempt, row.errors) == (State.AVAILABLE, 0, ())
    assert handler.reasons == [CancelReason.SHUTDOWN] * 2


async def test_cancelling_the_task_round_the_pool_does_too(rig, anyio_backend):
    """As `asyncio.run` does at Ctrl-C, and `asyncio.wait_for`."""
    if anyio_backend == "trio":
        return  # nobody can
    handler = Gate()
    rig.handle(handler)
    refs = []

    async def work():
        async with rig.pool(concurrency=2) as pool:
            refs.extend(await rig.enqueue_many(3))
            await rig.rest(pool)
            refs.append(None)
            await anyio.sleep_forever()

    task = asyncio.ensure_future(work())
    while None not in refs:
        await rig.quiet()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for ref in refs[:3]:
        row = await rig.row(ref)
        assert (row.state, row.attempt, row.errors) == (State.AVAILABLE, 0, ())
    assert handler.reasons == [CancelReason.SHUTDOWN] * 2


async def test_a_handler_that_ends_while_the_pool_is_cancelled_counts(rig):
    async def handler(job):
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            if job.args.n == 0:
                return "saved"
            if job.args.n == 1:
                raise BaseExceptionGroup("both", [ValueError(), KeyError()]) from None
            async with anyio.create_task_group():
                raise ValueError from None

    rig.handle(handler)
    with anyio.CancelScope() as scope:
        async with rig.pool() as pool:
            refs = await rig.enqueue_many(3)
            await rig.rest(pool)
            scope.cancel()
    rows = [await rig.row(ref) for ref in refs]
    assert [r.state for r in rows] == [State.COMPLETED, State.AVAILABLE, State.AVAILABLE]
    assert [r.attempt for r in rows] == [1, 0, 0]


async def test_a_handler_that_exits_when_it_is_stopped_has_had_its_attempt(rig):
    async def handler(job):
        try:
            await anyio.sleep_forever()
        finally:
            raise SystemExit(7)

    rig.handle(handler)
    with pytest.raises(SystemExit), anyio.CancelScope() as scope:
        async with rig.pool() as pool:
            ref = await rig.enqueue()
            await rig.rest(pool)
            scope.cancel()
    row = await rig.row(ref)
    assert (row.state, row.attempt, row.errors[0].type) == (State.RETRYABLE, 1, "SystemExit")


# What the block raises.


class Mishap(Exception):
    pass


CAUSE = KeyError("the cause")
ERRORS = [Mishap("m"), ExceptionGroup("mine", [Mishap()]), KeyboardInterrupt()]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
async def test_what_the_body_raises_leaves_as_itself(rig, error):
    handler = Gate()
    rig.handle(handler)
    with pytest.raises(type(error)) as raised:
        async with rig.pool() as pool:
            ref = await rig.enqueue()
            await rig.rest(pool)
            raise error from CAUSE
    if isinstance(error, ExceptionGroup):  # trio makes groups anew on their way
        assert raised.value.exceptions == error.exceptions
    else:
        assert raised.value is error
    assert raised.value.__cause__ is CAUSE
    row = await rig.row(ref)
    assert (row.state, row.attempt) == (State.AVAILABLE, 0)


async def test_a_nursery_round_two_pools_sees_one_error(rig):
    with pytest.raises(Mishap):
        async with rig.pool(), rig.pool():
            raise Mishap


@pytest.mark.parametrize("how", ["left", "cancelled", "raised"])
async def test_what_could_not_be_written_is_told(rig, how):
    async def handler(job):
        if job.args.n >= 2:
            await anyio.sleep_forever()

    rig.handle(handler)
    with pytest.raises((OutcomesUnwritten, Mishap)) as raised, anyio.CancelScope() as scope:
        async with rig.pool(flush_timeout=0.1, shutdown_timeout=0, concurrency=3) as pool:
            await rig.rest(pool)
            rig.driver.always(refused(), "finish")
            refs = await rig.enqueue_many(5)
            await rig.rest(pool)
            if how == "raised":
                raise Mishap
            if how == "cancelled":
                scope.cancel()
                await anyio.lowlevel.checkpoint()
    rows = [await rig.row(ref) for ref in refs]
    running = {row.id for row in rows if row.state is State.RUNNING}
    assert len(running) >= 3
    if how == "raised":
        [note] = raised.value.__notes__
        assert f"outcomes of {len(running)} jobs could not be written" in note
        return
    assert isinstance(raised.value, OutcomesUnwritten)
    assert set(raised.value.ids) == running


async def test_what_was_not_written_runs_again(rig):
    async def handler(job):
        pass

    rig.handle(handler)
    rig.driver.always(refused(), "finish")
    with pytest.raises(OutcomesUnwritten):
        async with rig.pool(flush_timeout=0.05):
            ref = await rig.enqueue()
            while (await rig.row(ref)).state is not State.RUNNING:
                await anyio.lowlevel.checkpoint()
    rig.driver.heal()
    async with rig.pool() as pool:
        await rig.after(100, pool)
    row = await rig.row(ref)
    assert (row.state, row.attempt) == (State.COMPLETED, 2)


async def test_an_outcome_under_somebodys_lock_is_told_too(rig):
    """A handler leaves its transaction open behind it, and nobody ever ends it."""
    stack, done = AsyncExitStack(), anyio.Event()

    async def handler(job):
        await job.complete(tx=await stack.enter_async_context(rig.begin()))
        done.set()

    rig.handle(handler)
    ref = await rig.enqueue()
    with pytest.raises(OutcomesUnwritten) as raised:
        async with rig.pool(flush_timeout=0.1):
            await done.wait()
    assert raised.value.ids == (ref,)
    await stack.aclose()
    assert (await rig.row(ref)).state is State.COMPLETED


@pytest.mark.parametrize("ask", ["idle", "settled"])
async def test_nobody_waits_for_a_pool_that_has_ended(rig, ask):
    async with rig.pool() as pool:
        await getattr(pool, ask)()
    with pytest.raises(PoolEnded):
        await getattr(pool, ask)()


async def test_a_store_that_is_down_holds_nobody_up_for_ever(rig):
    """The clock stands still, and leaving ends all the same."""
    with pytest.raises(OutcomesUnwritten):
        async with rig.pool(flush_timeout=0.1) as pool:
            await rig.rest(pool)
            rig.handle(Gate())
            rig.driver.always(refused(), "finish", "claim", "leave", "compare_and_set", "beat")
            rig.driver.heal("claim")
            await rig.enqueue()
            await rig.rest(pool)
