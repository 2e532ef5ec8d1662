"""Whatever a handler does, its job ends as it should, its neighbours and the pool don't notice."""

# pyright: reportPossiblyUnboundVariable=false
from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sys
import threading
from datetime import timedelta

import anyio
import pytest
from goncordia import Cancel, CancelReason, Discard, Fixed, RetryAt, Snooze, State
from goncordia.errors import PoolEnded
from goncordia.jobs import NewJob
from goncordia.testing import MockClock

pytestmark = pytest.mark.anyio


class Party:
    """A handler that does mischief for n=0 and otherwise waits until so many are at it."""

    def __init__(self, guests, mischief):
        self.guests = guests
        self.mischief = mischief
        self.here = 0
        self.all_here = anyio.Event()

    async def __call__(self, job):
        if job.meta.get("bad"):
            return await self.mischief(job)
        self.here += 1
        if self.here == self.guests:
            self.all_here.set()
        await self.all_here.wait()
        return None


async def party(rig, mischief, guests=2, **options):
    """The end of a job that does mischief; asserts that the pool runs `guests` at once after it."""
    rig.handle(Party(guests, mischief), **options)
    async with rig.pool(concurrency=guests) as pool:
        bad = await rig.enqueue(meta={"bad": True})
        await rig.rest(pool)
        row = await rig.row(bad)
        ids = await rig.enqueue_many(guests)
        await rig.rest(pool)
        rows = [await rig.row(ref) for ref in ids]
        assert [(r.state, r.attempt) for r in rows] == [(State.COMPLETED, 1)] * guests
    return row


async def test_raises(rig):
    async def handler(job):
        if job.attempt == 1:
            raise ValueError("no such address")

    rig.handle(handler, retry=Fixed(timedelta(seconds=7)))
    async with rig.pool() as pool:
        ref = await rig.enqueue()
        await rig.rest(pool)
        row = await rig.row(ref)
        assert (row.state, row.attempt) == (State.RETRYABLE, 1)
        [error] = row.errors
        assert (error.type, error.message, error.attempt) == ("ValueError", "no such address", 1)
        assert "in handler" in error.traceback
        await rig.after(6.9, pool)
        assert (await rig.row(ref)).state is State.RETRYABLE
        await rig.after(0.2, pool)
    row = await rig.row(ref)
    assert (row.state, row.attempt) == (State.COMPLETED, 2)


async def test_spends_its_attempts(rig):
    async def handler(job):
        raise ValueError(job.attempt)

    rig.handle(handler, retry=Fixed(timedelta(0)), max_attempts=3)
    async with rig.pool() as pool:
        ref = await rig.enqueue(max_attempts=3)
        await rig.rest(pool)
    row = await rig.row(ref)
    assert row.state is State.DISCARDED
    assert [error.message for error in row.errors] == ["1", "2", "3"]


async def test_hangs_past_its_timeout(rig):
    reasons = []

    async def handler(job):
        try:
            await anyio.sleep_forever()
        finally:
            reasons.append(job.cancel_reason)

    rig.handle(handler, timeout=30)
    async with rig.pool() as pool:
        ref = await rig.enqueue()
        await rig.after(29, pool)
        assert (await rig.row(ref)).state is State.RUNNING
        await rig.after(1, pool)
        row = await rig.row(ref)
    assert (row.state, row.errors[0].type) == (State.RETRYABLE, "JobTimeout")
    assert reasons == [CancelReason.TIMEOUT]


async def test_hangs_in_a_thread_and_asks(rig):
    asked, go_on = threading.Event(), threading.Event()

    def handler(job):
        job.check_cancelled()
        asked.set()
        go_on.wait()
        job.check_cancelled()

    rig.handle(handler, timeout=30)
    async with rig.pool() as pool:
        ref = await rig.enqueue()
        await anyio.to_thread.run_sync(asked.wait)
        await rig.clock.advance(30)
        go_on.set()
        await pool.idle()
        row = await rig.row(ref)
    assert (row.state, row.errors[0].type) == (State.RETRYABLE, "JobTimeout")


async def test_a_thread_that_outlives_its_timeout_keeps_its_job(rig):
    begun, go_on, reasons = threading.Event(), threading.Event(), []

    def handler(job):
        begun.set()
        go_on.wait()
        reasons.append(job.cancel_reason)
        return "late"

    rig.handle(handler, timeout=30)
    async with rig.pool(concurrency=1) as pool:
        ref, other = await rig.enqueue(), await rig.enqueue()
        await anyio.to_thread.run_sync(begun.wait)
        await rig.after(100, pool)
        assert pool.running == 1
        assert (await rig.row(ref)).state is State.RUNNING
        assert (await rig.row(other)).state is State.AVAILABLE
        go_on.set()
        await pool.idle()
    row = await rig.row(ref)
    assert (row.state, row.attempt, row.result) == (State.COMPLETED, 1, b'"late"')
    assert reasons[0] is CancelReason.TIMEOUT


async def test_swallows_its_cancellation(rig):
    async def handler(job):
        with contextlib.suppress(anyio.get_cancelled_exc_class()):
            await anyio.sleep_forever()
        return "done anyway"

    rig.handle(handler, timeout=1)
    async with rig.pool(concurrency=1) as pool:
        ids = await rig.enqueue_many(2)
        await rig.rest(pool)
        await rig.after(2, pool)
    for ref in ids:
        row = await rig.row(ref)
        assert (row.state, row.result, row.errors) == (State.COMPLETED, b'"done anyway"', ())


@pytest.mark.parametrize("blocking", [False, True])
@pytest.mark.parametrize("grouped", [False, True])
async def test_calls_sys_exit(rig, blocking, grouped):
    def leave():
        if grouped:
            raise BaseExceptionGroup("children", [ValueError(), SystemExit(4)])
        sys.exit(4)

    async def on_loop(job):
        if job.args.n:
            await anyio.sleep_forever()
        leave()

    def in_thread(job):
        while job.args.n:
            job.check_cancelled()
        leave()

    rig.handle(in_thread if blocking else on_loop)
    neighbour = await rig.enqueue(1, max_attempts=9)
    ref = await rig.enqueue(0, max_attempts=3)
    row = None
    for attempt in range(1, 4):
        with pytest.raises(SystemExit) as ended:
            async with rig.pool():
                await anyio.sleep_forever()
        assert ended.value.code == 4
        row = await rig.row(ref)
        assert (row.attempt, row.errors[-1].type) == (attempt, "SystemExit")
        await rig.clock.advance(60)
    assert row is not None
    assert row.state is State.DISCARDED
    row = await rig.row(neighbour)
    assert (row.state, row.attempt, row.errors) == (State.AVAILABLE, 0, ())


async def test_is_interrupted_by_the_keyboard(rig):
    async def handler(job):
        raise KeyboardInterrupt

    rig.handle(handler)
    ref = await rig.enqueue()
    with pytest.raises(KeyboardInterrupt):
        async with rig.pool():
            await anyio.sleep_forever()
    row = await rig.row(ref)
    assert (row.state, row.attempt, row.errors) == (State.AVAILABLE, 0, ())


CYCLE = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize("garbage", [object(), {1, object()}, CYCLE, "x" * 2_000_000, "\ud800"])
async def test_returns_garbage(rig, garbage):
    async def handler(job):
        return garbage

    row = await rig.end_of(handler)
    assert (row.state, row.result) == (State.COMPLETED, None)
    assert row.errors[0].type == "HandlerError"
    assert "result was not kept" in row.errors[0].message


async def test_awaits_a_task_that_it_cancelled(rig, anyio_backend):
    if anyio_backend == "trio":
        return

    async def mischief(job):
        task = asyncio.ensure_future(anyio.sleep_forever())
        await asyncio.sleep(0)
        task.cancel()
        await task

    row = await party(rig, mischief, guests=1)
    assert (row.state, row.errors[0].type) == (State.RETRYABLE, "HandlerError")


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("awaits", [True, False])
@pytest.mark.parametrize("guests", [1, 2])
async def test_cancels_its_own_task(rig, anyio_backend, times, awaits, guests):
    if anyio_backend == "trio":
        return

    async def mischief(job):
        for _ in range(times):
            own = asyncio.current_task()
            assert own is not None
            own.cancel()
        if awaits:
            await anyio.sleep_forever()

    row = await party(rig, mischief, guests=guests)
    if awaits:
        assert (row.state, row.errors[0].type) == (State.RETRYABLE, "HandlerError")
    else:
        assert (row.state, row.attempt) == (State.COMPLETED, 1)


class Open:
    """What a handler may leave open in a generator that it does not close."""

    @staticmethod
    async def scope():
        with anyio.CancelScope():
            yield

    @staticmethod
    async def cancelled_scope():
        with anyio.CancelScope() as scope:
            scope.cancel()
            yield

    @staticmethod
    async def two_scopes():
        with anyio.CancelScope(), anyio.CancelScope():
            yield

    @staticmethod
    async def timeout():
        with anyio.move_on_after(0.001):
            yield

    @staticmethod
    async def nursery():
        async with anyio.create_task_group():
            yield


@pytest.mark.parametrize("what", [n for n in vars(Open) if not n.startswith("_")])
async def test_leaves_a_scope_open_in_a_generator(rig, what):
    kept = []

    async def mischief(job):
        generator = getattr(Open, what)()
        kept.append(generator)
        await anext(generator)

    try:
        row = await party(rig, mischief)
    finally:
        for generator in kept:
            with contextlib.suppress(BaseException):  # it can't be closed where it was not opened
                await generator.aclose()
    assert (row.state, row.errors[0].type) == (State.RETRYABLE, "HandlerError")
    assert "left a cancel scope" in row.errors[0].message


@pytest.mark.parametrize(
    ("error", "state", "kept"),
    [
        (
            ExceptionGroup("both", [ValueError("a"), KeyError("b")]),
            State.RETRYABLE,
            "ExceptionGroup",
        ),
        (ExceptionGroup("one", [ValueError("a")]), State.RETRYABLE, "ValueError"),
        (ExceptionGroup("one", [ExceptionGroup("", [Snooze(5)])]), State.SCHEDULED, None),
        (ExceptionGroup("one", [Discard("never")]), State.DISCARDED, "Discard"),
        (ExceptionGroup("two", [Snooze(5), ValueError()]), State.RETRYABLE, "ExceptionGroup"),
    ],
)
async def test_raises_a_group(rig, error, state, kept):
    async def handler(job):
        raise error

    row = await rig.end_of(handler)
    assert row.state is state
    assert [e.type for e in row.errors] == ([kept] if kept else [])


async def test_raises_in_a_nursery(rig):
    async def child():
        raise Snooze(5)

    async def handler(job):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(child)
            await anyio.sleep_forever()

    row = await rig.end_of(handler)
    assert (row.state, row.snoozes, row.attempt) == (State.SCHEDULED, 1, 0)


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    "error", [Unprintable(), StopIteration(1), GeneratorExit(), StopAsyncIteration()]
)
async def test_raises_what_is_hard_to_handle(rig, error):
    async def mischief(job):
        raise error

    row = await party(rig, mischief, guests=1)
    assert (row.state, len(row.errors)) == (State.RETRYABLE, 1)


@pytest.mark.parametrize(
    ("verdict", "state", "attempt", "wait"),
    [
        (Snooze(90), State.SCHEDULED, 0, 90),
        (Snooze(0), State.SCHEDULED, 0, 1),
        (Snooze(timedelta.max), State.SCHEDULED, 0, None),
        (RetryAt(timedelta(seconds=90)), State.RETRYABLE, 1, 90),
        (RetryAt(timedelta.max), State.RETRYABLE, 1, None),
        (RetryAt(MockClock().now() + timedelta(seconds=90)), State.RETRYABLE, 1, 90),
        (Discard("no"), State.DISCARDED, 1, None),
        (Cancel("no"), State.CANCELLED, 1, None),
    ],
)
async def test_says_what_is_to_become_of_its_job(rig, verdict, state, attempt, wait):
    async def handler(job):
        raise verdict

    row = await rig.end_of(handler)
    assert (row.state, row.attempt) == (state, attempt)
    if wait is not None:
        assert row.run_at == MockClock().now() + timedelta(seconds=wait)


async def test_a_verdict_about_no_time_fails_the_job(rig):
    async def handler(job):
        raise RetryAt(5)  # pyright: ignore[reportArgumentType] - as somebody might

    row = await rig.end_of(handler)
    assert (row.state, row.errors[0].type) == (State.RETRYABLE, "InvalidArgument")


@pytest.mark.parametrize(
    "wait", [ZeroDivisionError(), "soon", timedelta.max, timedelta(days=-1)], ids=str
)
async def test_a_retry_policy_that_is_wrong_costs_nothing(rig, wait):
    def policy(attempt, error):
        if isinstance(wait, Exception):
            raise wait
        return wait

    async def handler(job):
        if job.attempt == 1:
            raise ValueError

    row = await rig.end_of(handler, retry=policy)
    assert row.state in (State.RETRYABLE, State.COMPLETED)
    assert row.errors[0].type == "ValueError"


async def test_context_variables_end_with_their_job(rig):
    var = contextvars.ContextVar("var", default="unset")
    seen = []

    async def handler(job):
        seen.append(var.get())
        var.set("leaked")
        await anyio.sleep(0)
        seen.append(var.get())

    async def middleware(job, call_next):
        var.set("set by middleware")
        return await call_next(job)

    rig.handle(handler)
    for layers, first in (((), "unset"), ((middleware,), "set by middleware")):
        async with rig.pool(concurrency=1, middleware=layers) as pool:
            await rig.enqueue_many(2)
            await rig.rest(pool)
        assert seen == [first, "leaked"] * 2
        seen.clear()
    assert var.get() == "unset"


TASKS = ["shutdown", "runner", "runners", "fetcher", "finisher", "keeper", "listener", "upkeep"]


@pytest.mark.parametrize("name", TASKS)
async def test_a_task_killed_from_outside_ends_the_pool(rig, anyio_backend, name):
    if anyio_backend == "trio":
        return  # nobody can
    with pytest.raises(PoolEnded):
        async with rig.pool(concurrency=1):
            await rig.quiet()
            [victim] = [t for t in asyncio.all_tasks() if t.get_name() == f"goncordia {name}"]
            victim.cancel()
            await anyio.sleep_forever()


# The job itself is the fault.


async def insert(rig, kind, args):
    ref = rig.driver.new_id(kind, "default")
    await rig.driver.insert([NewJob(ref, kind, args)], now=rig.clock.now())
    return ref


@pytest.mark.parametrize("args", [b"{", b'{"n": "x"}', b"[" * 100_000, b"\xff", b'{"n": 1e400}'])
async def test_arguments_that_no_longer_parse(rig, args):
    async def handler(job):
        raise AssertionError

    rig.handle(handler)
    async with rig.pool() as pool:
        ref = await insert(rig, "task", args)
        good = await rig.enqueue_many(0)
        await rig.rest(pool)
        claims = rig.driver.calls["claim"]
        await rig.rest(pool)
        assert rig.driver.calls["claim"] - claims < 10
    row = await rig.row(ref)
    assert good == []
    assert (row.state, row.errors[0].type) == (State.RETRYABLE, "ArgsDecodeError")


async def test_an_unknown_kind_waits_for_who_knows_it(rig):
    ref = await insert(rig, "task", b"{}")
    async with rig.pool(poll=100, beat_every=100, session_ttl=1000) as pool:
        await rig.after(3600, pool)
        assert rig.driver.calls["claim"] < 5000
        row = await rig.row(ref)
        assert (row.state, row.attempt) == (State.SCHEDULED, 0)
        assert 5 < row.snoozes < 30

    async def handler(job):
        pass

    rig.handle(handler)
    async with rig.pool(poll=100, beat_every=100, session_ttl=1000) as pool:
        await rig.after(700, pool)
    assert (await rig.row(ref)).state is State.COMPLETED


# Middleware.


async def test_middleware_wraps_outermost_first(rig):
    said = []

    def layer(name):
        async def middleware(job, call_next):
            said.append(f"{name} in")
            try:
                return await call_next(job)
            finally:
                said.append(f"{name} out")

        return middleware

    async def handler(job):
        said.append("handler")
        return 1

    rig.handle(handler)
    async with rig.pool(middleware=[layer("a"), layer("b")]) as pool:
        ref = await rig.enqueue()
        await rig.rest(pool)
    assert said == ["a in", "b in", "handler", "b out", "a out"]
    assert (await rig.row(ref)).result == b"1"


async def test_middleware_may_raise_or_answer_itself(rig):
    async def middleware(job, call_next):
        if job.args.n == 0:
            raise Discard("not today")
        if job.args.n == 1:
            return "answered"
        if job.args.n == 2:
            raise ValueError
        return await call_next(job)

    async def handler(job):
        return "handled"

    rig.handle(handler)
    async with rig.pool(middleware=[middleware]) as pool:
        ids = await rig.enqueue_many(4)
        await rig.rest(pool)
    rows = [await rig.row(ref) for ref in ids]
    assert [r.state for r in rows] == [
        State.DISCARDED,
        State.COMPLETED,
        State.RETRYABLE,
        State.COMPLETED,
    ]
    assert [r.result for r in rows] == [None, b'"answered"', None, b'"handled"']


async def test_middleware_that_forgot_to_be_async_fails_its_job(rig):
    def middleware(job, call_next):
        return None

    rig.handle(Party(1, None))
    async with rig.pool(middleware=[middleware]) as pool:
        ref = await rig.enqueue()
        await rig.rest(pool)
    assert (await rig.row(ref)).state is State.RETRYABLE


# What is logged.


async def test_the_log_never_holds_arguments(rig, caplog):
    caplog.set_level("DEBUG")
    secret = "ada@example.com"

    async def handler(job):
        if job.args.n == 1:
            raise ValueError(job.args.text)
        if job.args.n == 2:
            job.cancel()
            await anyio.sleep_forever()
        return {job.args.text, object()}

    def policy(attempt, error):
        raise RuntimeError(f"no policy for {error}") from error

    rig.handle(handler, retry=policy)
    async with rig.pool() as pool:
        for n in range(4):
            await rig.client.enqueue(rig.Task(n, secret))
        for kind, args in (("task", '{"n": "%s"}'), ("nobody", '{"n": "%s"}')):
            await insert(rig, kind, (args % secret).encode())
        await rig.rest(pool)
    assert len(caplog.records) >= 3
    assert secret not in caplog.text
