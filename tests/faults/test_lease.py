"""Sessions: what is done twice, and what is not, when a worker falls silent."""

# pyright: reportPossiblyUnboundVariable=false
from __future__ import annotations

import threading
from contextlib import AsyncExitStack
from uuid import uuid4

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from goncordia import CancelReason, State
from goncordia.sessions import Claim
from goncordia.testing import MockClock, lost, refused, reply_held

pytestmark = pytest.mark.anyio


async def test_handlers_are_stopped_before_others_may_have_their_jobs(rig):
    reasons = []

    async def handler(job):
        try:
            await anyio.sleep_forever()
        finally:
            reasons.append((job.cancel_reason, rig.clock.monotonic()))

    rig.handle(handler)
    async with rig.pool(beat_every=5, session_ttl=60) as pool:
        ref = await rig.enqueue()
        await rig.after(6, pool)
        rig.driver.always(refused(), "beat", "finish", "claim")
        await rig.after(48, pool)
        assert not reasons
        await rig.after(3, pool)
        [(reason, at)] = reasons
        assert reason is CancelReason.LEASE_LOST
        assert 50 <= at <= 55.5, "ttl less two beats after the beat that landed at 5"
        assert pool.running == 0
        rig.driver.heal()
        await rig.after(12, pool)
        row = await rig.row(ref)
        assert (row.attempt, row.errors) == (1, ()), "the attempt was given back, then begun anew"
        assert pool.running == 1
        await rig.client.cancel(ref)
        await rig.after(6, pool)


async def test_nothing_is_begun_while_no_beat_lands(rig):
    ran = []

    async def handler(job):
        ran.append(job.id)

    rig.handle(handler)
    async with rig.pool(beat_every=5, session_ttl=60) as pool:
        await rig.after(6, pool)
        rig.driver.always(refused(), "beat")
        await rig.after(60, pool)
        ref = await rig.enqueue()
        claims = rig.driver.calls["claim"]
        await rig.after(60, pool)
        assert not ran
        assert rig.driver.calls["claim"] == claims
        rig.driver.heal()
        await rig.after(6, pool)
        assert ran == [ref]


@pytest.mark.parametrize("blocking", [False, True])
async def test_a_worker_that_was_frozen_is_fenced_out(rig, blocking):
    """It sleeps past its session, wakes, and finishes what others run by now."""
    frozen, here, go_on = MockClock(quiet=rig.quiet), threading.Event(), threading.Event()
    reasons = []

    async def on_loop(job):
        here.set()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(go_on.wait)
        reasons.append(job.cancel_reason)
        return "from the frozen one"

    def in_thread(job):
        here.set()
        go_on.wait()
        reasons.append(job.cancel_reason)
        return "from the frozen one"

    async def second(job):
        return "from the second"

    rig.handle(in_thread if blocking else on_loop)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(rig.pool(clock=frozen))
        ref = await rig.enqueue()
        await anyio.to_thread.run_sync(here.wait)
        old = first.session
        rig.jobs._workers.clear()  # noqa: SLF001 - the second process has other code
        rig.handle(second)
        async with rig.pool() as pool:
            await rig.after(120, pool)
            assert (await rig.row(ref)).result == b'"from the second"'
        await frozen.advance(120)
        await rig.quiet()
        go_on.set()
        while first.running:
            await rig.quiet()
        await rig.rest(first)
        assert first.session not in (None, old)
    row = await rig.row(ref)
    assert (row.state, row.attempt, row.result) == (State.COMPLETED, 2, b'"from the second"')
    assert [e.type for e in row.errors] == ["WorkerLost"]
    assert reasons == [CancelReason.LEASE_LOST]


async def test_a_thread_that_outlived_its_lease_and_its_job_anew_in_one_pool(rig):
    """Two attempts of one job meet in one pool; both end, one of them is fenced out."""
    go_on, begun = threading.Event(), threading.Event()

    def handler(job):
        if job.attempt == 1:
            begun.set()
            go_on.wait()
        return job.attempt

    rig.handle(handler)
    async with rig.pool(concurrency=2) as pool:
        ref = await rig.enqueue()
        await anyio.to_thread.run_sync(begun.wait)
        await rig.driver.leave(pool.session)
        await rig.driver.rescue(10, now=rig.clock.now())
        await rig.after(15, pool)
        while (await rig.row(ref)).state is not State.COMPLETED:
            await rig.quiet()
        assert pool.running == 1
        go_on.set()
        await pool.idle()
    row = await rig.row(ref)
    assert (row.state, row.attempt, row.result) == (State.COMPLETED, 2, b"2")


async def test_nobody_is_declared_dead_at_once_after_an_outage(rig):
    """Both pools were cut off for longer than ttl; neither may bury the other when it is over."""

    async def handler(job):
        await anyio.sleep_forever()

    rig.handle(handler)
    options = {"beat_every": 1, "session_ttl": 10}
    async with rig.pool(**options) as one:
        await rig.after(3, one)
        assert one.leads
        ones = rig.driver
        rig.driver = rig.reach()
        async with rig.pool(**options) as two:
            await rig.after(20, two)
            sessions = {one.session, two.session}
            away = ("rescue", "claim", "finish")
            ones.down(rig.clock, 30, *away, "beat", "compare_and_set")
            rig.driver.down(rig.clock, 30, *away)
            rig.driver.down(rig.clock, 35, "beat", "compare_and_set")  # it takes longer to return
            await rig.after(30, one)
            rescues = ones.calls["rescue"]
            await rig.after(5, one)
            assert ones.calls["rescue"] > rescues
            await rig.after(5, one)
            assert {one.session, two.session} == sessions
            assert {s.id for s in await rig.driver.sessions() if s.alive} == sessions


async def test_a_silent_worker_is_declared_dead_by_who_watched_it(rig):
    """And its job is done by another: once that other has watched for a whole ttl."""
    other = MockClock(quiet=rig.quiet)
    ran = []

    async def handler(job):
        ran.append(job.attempt)
        if job.attempt == 1:
            await anyio.sleep_forever()

    rig.handle(handler)
    async with rig.pool(clock=other, beat_every=1, session_ttl=10, shutdown_timeout=0) as dead:
        ref = await rig.enqueue()
        await rig.rest(dead)
        async with rig.pool(beat_every=1, session_ttl=10) as pool:
            await rig.after(9, pool)
            assert (await rig.row(ref)).session == dead.session
            await rig.after(20, pool)
            row = await rig.row(ref)
            assert (row.state, row.attempt, ran) == (State.COMPLETED, 2, [1, 2])
            assert row.errors[0].type == "WorkerLost"


async def test_a_beat_never_revives(rig):
    async with rig.pool() as pool:
        await rig.rest(pool)
        old = pool.session
        await rig.driver.leave(old)
        assert not (await rig.driver.beat(old, [])).alive
        await rig.after(6, pool)
        assert pool.session not in (None, old)
        assert not (await rig.driver.beat(old, [])).alive


async def test_what_a_lost_claim_took_is_given_back(rig):
    ran = []

    async def handler(job):
        ran.append(job.id)

    rig.handle(handler)
    async with rig.pool() as pool:
        await rig.rest(pool)
        rig.driver.next("claim", lost())
        refs = await rig.enqueue_many(3)
        await rig.after(1, pool)
    assert sorted(ran) == sorted(refs)
    for ref in refs:
        assert (await rig.row(ref)).attempt == 1


async def test_a_cancelled_pool_keeps_the_jobs_of_its_threads(rig):
    begun, go = threading.Event(), threading.Event()

    def handler(job):
        begun.set()
        assert go.wait(30)
        return "done"

    rig.handle(handler)
    cancelled = anyio.Event()
    scope = anyio.CancelScope()

    async def work():
        with scope:
            async with rig.pool(beat_every=1.0, session_ttl=10.0):
                cancelled.set()
                await anyio.sleep_forever()

    ref = await rig.enqueue()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        try:
            await cancelled.wait()
            await anyio.to_thread.run_sync(begun.wait, 30)
            scope.cancel()
            for _ in range(60):  # six times the ttl
                await rig.clock.advance(1)
                await rig.quiet()
            rescued = await rig.inner.rescue(10, now=rig.clock.now())
            row = await rig.row(ref)
        finally:
            go.set()
    assert (rescued.n, row.state, row.attempt) == (0, State.RUNNING, 1)
    row = await rig.row(ref)
    assert (row.state, row.result, row.attempt) == (State.COMPLETED, b'"done"', 1)


async def test_a_claim_that_is_long_on_its_way_is_not_taken_for_a_forgotten_one(rig):
    """A beat gives back what the session holds under tokens that the pool does not name."""
    ran, home = [], anyio.Event()

    async def handler(job):
        ran.append(job.id)

    rig.handle(handler)
    async with rig.pool() as pool:
        await rig.rest(pool)
        calls = rig.driver.calls["claim"]
        rig.driver.next("claim", reply_held(home))
        ref = await rig.enqueue()
        while rig.driver.calls["claim"] == calls:
            await anyio.lowlevel.checkpoint()
        for _ in range(100):
            await rig.clock.advance(1)
            await rig.quiet()
        assert (await rig.row(ref)).state is State.RUNNING
        home.set()
        await pool.idle()
        assert ran == [ref]
        assert (await rig.row(ref)).attempt == 1


async def test_what_a_session_holds_unknown_to_its_pool_comes_back(rig):
    """A claim that landed after the answer to its resend, say: nobody here knows of it."""
    rig.handle(print)
    async with rig.pool(queues=["other"]) as pool:
        await rig.rest(pool)
        ref = await rig.enqueue()
        claim = Claim(uuid4(), pool.session, {"default": 1})
        assert len((await rig.driver.claim(claim, now=rig.clock.now())).jobs) == 1
        await rig.after(58, pool)
        assert (await rig.row(ref)).state is State.RUNNING
        await rig.after(10, pool)
        row = await rig.row(ref)
        assert (row.state, row.attempt) == (State.AVAILABLE, 0)
