"""What is enqueued, as a test sees it: on each store, in both kinds of test."""

from __future__ import annotations

import inspect
from datetime import timedelta
from functools import partial
from typing import Any

import anyio
import pytest
from goncordia import (
    Args,
    Client,
    Discard,
    Enqueue,
    Fixed,
    Job,
    Registry,
    Snooze,
    State,
    Unique,
    never,
)
from goncordia.errors import ArgsDecodeError, HandleMismatch, InvalidArgument
from goncordia.memory import MemoryDriver
from goncordia.system_clock import SystemClock
from goncordia.testing import SyncTracker, Tracker, drain, look

from .conftest import Kit, Mail, Text

pytestmark = pytest.mark.anyio


class Awaited:
    """A `Kit` for tests without an event loop, in a coat that makes it one with."""

    def __init__(self, kit: Kit) -> None:
        self.tracker: Any = _Coat(kit.tracker)
        self.client: Any = _Coat(kit.client)
        self._begin = kit.begin

    def begin(self) -> Any:
        return _AsyncContext(self._begin())


class _Coat:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name in ("drain", "advance"):
            return partial(_in_a_thread, method)

        async def call(*args: Any, **kwargs: Any) -> Any:
            return method(*args, **kwargs)

        return call


async def _in_a_thread(method: Any, *args: Any, **kwargs: Any) -> Any:
    """Where it may make an event loop of its own."""
    return await anyio.to_thread.run_sync(partial(method, *args, **kwargs))


class _AsyncContext:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __aenter__(self) -> Any:
        return self._inner.__enter__()

    async def __aexit__(self, *exc: Any) -> Any:
        return self._inner.__exit__(*exc)


@pytest.fixture(params=["kit", "sync_kit"])
def both(request: pytest.FixtureRequest, kit: Kit, sync_kit: Kit) -> Any:
    return kit if request.param == "kit" else Awaited(sync_kit)


def told(caught: pytest.ExceptionInfo[AssertionError]) -> str:
    return str(caught.value)


async def test_what_was_enqueued_comes_back_typed_and_in_order(both: Kit) -> None:
    await both.client.enqueue(Mail("ada"), queue="mail", tags=["a"], meta={"m": 1}, priority=3)
    await both.client.enqueue(Text("1"))
    await both.client.enqueue(Mail("bob"), run_at=timedelta(hours=1))
    first, second = await both.tracker.require_enqueued(Mail, 2)
    assert (first.args, second.args) == (Mail("ada"), Mail("bob"))
    assert (first.queue, first.tags, first.priority) == ("mail", ("a",), 3)
    assert first.meta == {"m": 1}
    assert (first.state, second.state) == (State.AVAILABLE, State.SCHEDULED)
    assert second.run_at - first.run_at == timedelta(hours=1)
    assert first.id == first.row.id
    assert repr(first) == (
        "EnqueuedJob(Mail(to='ada', subject=''), state='available', queue='mail')"
    )
    assert [job.args for job in await both.tracker.jobs(Text)] == [Text("1")]


async def test_where_says_which_are_meant(both: Kit) -> None:
    await both.client.enqueue_many([Mail("ada"), Mail("bob")])
    [job] = await both.tracker.require_enqueued(Mail, where=lambda job: job.args.to == "bob")
    assert job.args.to == "bob"
    await both.tracker.require_none(Mail, where=lambda job: job.queue != "default")
    await both.tracker.require_none(Text)


async def test_more_than_a_page_is_counted(both: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "PAGE", 10)
    await both.client.enqueue_many([Mail(str(n)) for n in range(21)])
    jobs = await both.tracker.require_enqueued(Mail, 21)
    assert [job.args.to for job in jobs] == [str(n) for n in range(21)]


async def test_too_few_says_what_is_queued_instead(both: Kit) -> None:
    await both.client.enqueue(Text("1"), queue="sms", tags=["x", "y"], run_at=timedelta(days=1))
    await both.client.enqueue(Mail("bob"))
    with pytest.raises(AssertionError) as caught:
        await both.tracker.require_enqueued(Mail, 1, where=lambda job: job.args.to == "ada")
    lines = told(caught).splitlines()
    assert lines[0].startswith("expected 1 job of kind 'mail' (Mail) where <lambda> (line ")
    assert lines[0].endswith("), found none.")
    assert lines[1:] == [
        "Queued instead:",
        '  text {"phone":"1"} scheduled at 2026-01-02 00:00:00Z queue=sms tags=x,y',
        '  mail {"to":"bob","subject":""} available',
        "There are others of this kind: correct what where= says, or what was enqueued.",
    ]


async def test_too_many_says_which_were_found(both: Kit) -> None:
    await both.client.enqueue_many([Mail("ada"), Mail("bob"), Text("1")])
    with pytest.raises(AssertionError) as caught:
        await both.tracker.require_none(Mail)
    assert told(caught).splitlines() == [
        "expected no job of kind 'mail' (Mail), found 2.",
        "Found:",
        '  mail {"to":"ada","subject":""} available',
        '  mail {"to":"bob","subject":""} available',
        "Queued instead:",
        '  text {"phone":"1"} available',
        "Find who enqueues them, or say which ones are meant with where=.",
    ]


async def test_nothing_at_all_asks_for_the_client(both: Kit) -> None:
    with pytest.raises(AssertionError) as caught:
        await both.tracker.require_enqueued(Mail)
    assert told(caught).splitlines()[1:] == [
        "Nothing is queued.",
        "Does the code under test enqueue to this store, with the tracker's client?",
    ]


async def test_a_message_is_bounded(both: Kit) -> None:
    await both.client.enqueue_many([Mail("x" * 5000) for _ in range(50)])
    with pytest.raises(AssertionError) as caught:
        await both.tracker.require_enqueued(Mail, 3)
    assert "found 50." in told(caught)
    assert "  ... and 40 more" in told(caught)
    assert len(told(caught)) < 4000


async def test_args_that_no_longer_fit_are_told(both: Kit) -> None:
    class Changed(Args, kind="text"):
        country: int

    await both.client.enqueue(Text("1"))
    with pytest.raises(ArgsDecodeError, match="'text' don't fit Changed"):
        await both.tracker.jobs(Changed)


# In the caller's transaction.


async def test_an_open_transaction_is_looked_into(both: Kit) -> None:
    await both.client.enqueue(Mail("before"))
    async with both.begin() as tx:
        await both.client.enqueue(Mail("within"), tx=tx, run_at=timedelta(hours=1))
        jobs = await both.tracker.require_enqueued(Mail, 2, tx=tx)
        assert [job.args.to for job in jobs] == ["before", "within"]
        assert jobs[1].state is State.SCHEDULED
        await both.tracker.require_none(Text, tx=tx)
        await both.tracker.require_enqueued(Mail, 1)
    await both.tracker.require_enqueued(Mail, 2)


async def test_to_look_changes_nothing(both: Kit) -> None:
    async with both.begin() as tx:
        await both.client.enqueue(Mail("within"), tx=tx)
        for _ in range(2):
            await both.tracker.require_enqueued(Mail, 1, tx=tx)
    [job] = await both.tracker.require_enqueued(Mail)
    assert (job.state, job.row.attempt) == (State.AVAILABLE, 0)


async def test_what_was_rolled_back_is_not_there(both: Kit) -> None:
    with pytest.raises(ZeroDivisionError):
        async with both.begin() as tx:
            await both.client.enqueue(Mail("never"), tx=tx)
            raise ZeroDivisionError
    await both.tracker.require_none(Mail)


@pytest.mark.parametrize("store", ["memory"], indirect=True)
async def test_a_transaction_in_memory_that_has_ended_is_refused(both: Kit) -> None:
    async with both.begin() as tx:
        await both.client.enqueue(Mail("gone"), tx=tx)
        await both.client.enqueue(Text("1"), tx=tx)
    await both.client.cancel((await both.tracker.jobs(Mail))[0].id)
    await both.client.delete((await both.tracker.jobs(Mail))[0].id)
    with pytest.raises(HandleMismatch, match="has ended"):
        await both.tracker.jobs(Mail, tx=tx)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_connection_shows_what_its_transaction_still_holds(both: Kit) -> None:
    """Not what it held before it was rolled back, as a whole or to a savepoint."""
    async with both.begin() as tx:
        await both.client.enqueue(Mail("never"), tx=tx)
        tx.execute("ROLLBACK")
        tx.execute("BEGIN IMMEDIATE")
        await both.tracker.require_none(Mail, tx=tx)
        await both.client.enqueue(Mail("kept"), tx=tx)
        tx.execute("SAVEPOINT inner")
        await both.client.enqueue(Mail("undone"), tx=tx)
        await both.tracker.require_enqueued(Mail, 2, tx=tx)
        tx.execute("ROLLBACK TO inner")
        [job] = await both.tracker.require_enqueued(Mail, 1, tx=tx)
        assert job.args.to == "kept"


async def test_a_job_that_was_skipped_in_a_transaction_is_not_there(both: Kit) -> None:
    async with both.begin() as tx:
        for _ in range(2):
            await both.client.enqueue(Mail("once"), tx=tx, unique=Unique())
        await both.tracker.require_enqueued(Mail, 1, tx=tx)


async def test_the_remedy_names_an_open_transaction(both: Kit) -> None:
    async with both.begin() as tx:
        await both.client.enqueue(Mail("within"), tx=tx)
        with pytest.raises(AssertionError, match="look into it with tx="):
            await both.tracker.require_enqueued(Mail)


# Running.


async def test_drain_runs_what_is_due_and_what_follows(both: Kit) -> None:
    jobs, seen = Registry(), []

    @jobs.worker
    async def mail(job: Job[Mail]) -> str:
        seen.append(job.args.to)
        if job.args.to == "ada":
            job.then(Mail("bob"))
        return job.args.to

    await both.client.enqueue(Mail("ada"), queue="elsewhere")
    await both.client.enqueue(Mail("late"), run_at=timedelta(hours=1))
    drained = await both.tracker.drain(jobs)
    assert seen == ["ada", "bob"]
    assert (drained.runs, drained.count(State.COMPLETED)) == (2, 2)
    assert {row.result for row in drained.rows} == {b'"ada"', b'"bob"'}
    assert repr(drained) == "<Drained: 2 completed>"
    await both.tracker.advance(3600)
    await both.tracker.drain(jobs)
    assert seen == ["ada", "bob", "late"]
    assert repr(await both.tracker.drain(jobs)) == "<Drained: nothing was due>"


async def test_a_client_of_the_applications_own_needs_real_time(kit: Kit) -> None:
    jobs, seen = Registry(), []

    @jobs.worker
    async def mail(job: Job[Mail]) -> None:
        seen.append(job.args.to)

    driver = kit.tracker.driver
    await Client(driver).enqueue(Mail("ada"), run_at=timedelta(microseconds=1))
    [job] = await kit.tracker.require_enqueued(Mail)
    assert job.state is State.SCHEDULED  # by a clock that stands still
    tracker = Tracker(driver, clock=SystemClock())
    [job] = await tracker.require_enqueued(Mail)
    assert job.state is State.AVAILABLE
    await tracker.drain(jobs)
    assert seen == ["ada"]
    with pytest.raises(InvalidArgument, match="goes by itself"):
        await tracker.advance(1)


async def test_drain_raises_what_handlers_raise(both: Kit) -> None:
    jobs = Registry()

    @jobs.worker(retry=never)
    def mail(job: Job[Mail]) -> None:
        raise LookupError(job.args.to)

    await both.client.enqueue(Mail("ada"))
    with pytest.raises(LookupError, match="ada"):
        await both.tracker.drain(jobs)
    await both.client.enqueue_many([Mail("bob"), Mail("eve")])
    with pytest.raises(ExceptionGroup, match="keep_errors") as caught:
        await both.tracker.drain(jobs)
    assert {str(error) for error in caught.value.exceptions} == {"bob", "eve"}


async def test_errors_are_kept_where_asked_and_verdicts_are_none(both: Kit) -> None:
    jobs = Registry()

    @jobs.worker(retry=Fixed(timedelta(0)))
    async def mail(job: Job[Mail]) -> None:
        raise LookupError(f"attempt {job.attempt}")

    @jobs.worker
    async def text(job: Job[Text]) -> None:
        raise Snooze(60) if job.args.phone else Discard

    await both.client.enqueue_many([Enqueue(Mail(), max_attempts=2), Text("1"), Text()])
    drained = await both.tracker.drain(jobs, keep_errors=True)
    assert [str(error) for error in drained.errors] == ["attempt 1", "attempt 2"]
    assert (drained.count(State.DISCARDED), drained.count(State.SCHEDULED)) == (2, 1)
    assert drained.runs == 4


async def test_drain_ends_where_handlers_go_on_for_ever(
    both: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "LIMIT", 20)
    jobs = Registry()

    @jobs.worker
    async def mail(job: Job[Mail]) -> None:
        job.then(Mail())

    await both.client.enqueue(Mail())
    with pytest.raises(AssertionError, match="after 20 runs, .* of kind 'mail'"):
        await both.tracker.drain(jobs)


def test_both_trackers_answer_the_same_questions() -> None:
    for name in ("jobs", "require_enqueued", "require_none", "drain", "advance"):
        ours = inspect.signature(getattr(Tracker, name))
        theirs = inspect.signature(getattr(SyncTracker, name))
        assert ours.parameters == theirs.parameters


def test_a_tracker_that_can_not_run_jobs_says_how() -> None:
    with pytest.raises(InvalidArgument, match="runs="):
        SyncTracker(MemoryDriver().sync()).drain(Registry())
