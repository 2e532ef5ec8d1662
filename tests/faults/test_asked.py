"""What others ask of a running job, and what it asks for itself."""

# pyright: reportPossiblyUnboundVariable=false
from __future__ import annotations

import threading

import anyio
import anyio.to_thread
import pytest
from goncordia import CancelReason, State
from goncordia.errors import HandleMismatch, InvalidArgument, LeaseLost
from goncordia.testing import held

pytestmark = pytest.mark.anyio


class Caught:
    """A handler that waits for ever, keeps why it was cancelled, and then does as told."""

    def __init__(self, then=None):
        self.then = then
        self.begun = anyio.Event()
        self.reasons = []

    async def __call__(self, job):
        self.begun.set()
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            self.reasons.append(job.cancel_reason)
            if self.then == "return":
                return "done"
            if self.then is not None:
                raise self.then from None
            raise


@pytest.mark.parametrize(
    ("then", "state", "error"),
    [
        (None, State.CANCELLED, "JobCancelled"),
        ("return", State.COMPLETED, None),
        (KeyError("half done"), State.CANCELLED, "KeyError"),
    ],
)
async def test_a_cancel_reaches_a_running_job_by_the_wake_up(rig, then, state, error):
    handler = Caught(then)
    rig.handle(handler)
    async with rig.pool() as pool:
        ref = await rig.enqueue()
        await handler.begun.wait()
        await rig.client.cancel(ref)
        await pool.idle()  # and the clock stands still: no beat is due
    row = await rig.row(ref)
    assert handler.reasons == [CancelReason.REQUESTED]
    assert (row.state, [e.type for e in row.errors]) == (state, [error] if error else [])


async def test_a_cancel_reaches_a_running_job_by_a_beat(rig):
    handler = Caught()
    rig.handle(handler)
    rig.driver.always(held(anyio.Event()), "wake")
    async with rig.pool() as pool:
        ref = await rig.enqueue()
        await rig.after(1, pool)
        await rig.client.cancel(ref)
        await rig.after(5, pool)
        assert (await rig.row(ref)).state is State.CANCELLED


async def test_a_thread_hears_of_a_cancel_when_it_asks(rig):
    begun = threading.Event()

    def handler(job):
        begun.set()
        while True:
            job.check_cancelled()

    rig.handle(handler)
    async with rig.pool() as pool:
        ref = await rig.enqueue()
        await anyio.to_thread.run_sync(begun.wait)
        await rig.client.cancel(ref)
        await pool.idle()
    assert (await rig.row(ref)).state is State.CANCELLED


@pytest.mark.parametrize("blocking", [False, True])
@pytest.mark.parametrize("returns", [False, True])
async def test_a_handler_may_cancel_itself(rig, blocking, returns):
    async def on_loop(job):
        job.cancel()
        assert job.cancel_reason is CancelReason.SELF
        if not returns:
            await anyio.sleep_forever()

    def in_thread(job):
        job.cancel()
        if not returns:
            job.check_cancelled()

    row = await rig.end_of(in_thread if blocking else on_loop)
    assert row.state is (State.COMPLETED if returns else State.CANCELLED)


# Follow-ups: exactly when the job completes.


@pytest.mark.parametrize("ends", ["returns", "raises", "garbage", "cancels"])
async def test_what_follows_is_enqueued_with_the_completion(rig, ends):
    async def handler(job):
        if job.args.n:
            return None
        job.then(rig.Task(1))
        job.then(rig.Task(2), run_at=rig.clock.now() + (rig.clock.now() - job.created_at))
        if ends == "raises":
            raise ValueError
        if ends == "cancels":
            job.cancel()
            await anyio.sleep_forever()
        return object() if ends == "garbage" else None

    await rig.end_of(handler)
    rows = (await rig.client.jobs()).rows
    assert len(rows) == (3 if ends in ("returns", "garbage") else 1)


async def test_what_follows_is_checked_at_the_door(rig):
    async def handler(job):
        with pytest.raises(InvalidArgument):
            job.then(rig.Task(text="x" * 2_000_000))

    assert (await rig.end_of(handler)).state is State.COMPLETED


# Completion in a transaction of the handler's.


class Abort(Exception):
    pass


@pytest.mark.parametrize("after", ["return", "raise", "raise inside", "cancelled"])
async def test_a_job_completed_in_a_transaction_is_done_whatever_comes_then(rig, after):
    async def handler(job):
        if job.args.n:
            return
        job.then(rig.Task(1))
        async with rig.begin() as tx:
            await job.complete(tx=tx, result="kept")
        if after == "raise":
            raise ValueError
        if after == "cancelled":
            job.cancel()
            await anyio.sleep_forever()

    row = await rig.end_of(handler)
    assert (row.state, row.result, row.errors) == (State.COMPLETED, b'"kept"', ())
    assert len((await rig.client.jobs()).rows) == 2


@pytest.mark.parametrize("caught", [True, False])
async def test_a_transaction_that_was_rolled_back_completed_nothing(rig, caught):
    async def handler(job):
        job.then(rig.Task(1))
        try:
            async with rig.begin() as tx:
                await job.complete(tx=tx)
                raise Abort
        except Abort:
            if not caught:
                raise

    row = await rig.end_of(handler)
    kept = "TransactionNotCommitted" if caught else "Abort"
    assert (row.state, [e.type for e in row.errors]) == (State.RETRYABLE, [kept])
    assert len((await rig.client.jobs()).rows) == 1


async def test_a_transaction_may_be_tried_again(rig):
    async def handler(job):
        for last in (False, True):
            try:
                async with rig.begin() as tx:
                    await job.complete(tx=tx, result=last)
                    if not last:
                        raise Abort
            except Abort:
                pass

    row = await rig.end_of(handler)
    assert (row.state, row.result) == (State.COMPLETED, b"true")


async def test_a_job_that_was_rescued_meanwhile_can_not_be_completed(rig):
    go_on, seen = anyio.Event(), []

    async def handler(job):
        if job.attempt == 1:
            with anyio.CancelScope(shield=True):
                await go_on.wait()
                async with rig.begin() as tx:
                    try:
                        await job.complete(tx=tx)
                    except LeaseLost as error:
                        seen.append(error)
                        raise

    rig.handle(handler)
    async with rig.pool() as pool:
        ref = await rig.enqueue()
        await rig.rest(pool)
        await rig.driver.leave(pool.session)
        await rig.driver.rescue(10, now=rig.clock.now())
        go_on.set()
        await rig.after(30, pool)
    row = await rig.row(ref)
    assert len(seen) == 1
    assert (row.state, row.attempt) == (State.COMPLETED, 2)
    assert [e.type for e in row.errors] == ["WorkerLost"]


async def test_a_foreign_transaction_is_refused(rig):
    async def handler(job):
        with pytest.raises(HandleMismatch):
            await job.complete(tx=object())

    assert (await rig.end_of(handler)).state is State.COMPLETED


async def test_what_follows_must_be_said_before_the_completion(rig):
    async def handler(job):
        async with rig.begin() as tx:
            await job.complete(tx=tx)
            with pytest.raises(InvalidArgument):
                job.then(rig.Task(1))

    assert (await rig.end_of(handler)).state is State.COMPLETED
