"""Acting on all that a filter finds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from goncordia import memory
from goncordia.actions import Acted
from goncordia.answers import Progress
from goncordia.client import Client
from goncordia.enqueue import Enqueue
from goncordia.errors import InvalidArgument
from goncordia.ids import uuid7
from goncordia.jobs import (
    AttemptError,
    NewJob,
    Outcome,
    cancelled,
    completed,
    discarded,
)
from goncordia.lifecycle import State
from goncordia.sessions import Claim, WorkerInfo
from goncordia.sweep import Sweep

from .conftest import Mail, Report, Rig

pytestmark = pytest.mark.anyio

MemoryClient = Client[memory.Tx]
LATER = datetime(2100, 1, 1, tzinfo=UTC)
WENT_WRONG = AttemptError(1, datetime(2026, 1, 1, tzinfo=UTC), "ValueError", "went wrong")


def end(rig: Rig, n: int, how: Callable[..., Outcome], *more: object) -> list[UUID]:
    """A worker takes the first due jobs, and they end so."""
    session = rig.store.join(WorkerInfo("w"), timedelta(minutes=1))
    jobs = rig.store.claim(Claim(uuid7(), session.id, {"default": n})).jobs
    assert len(jobs) == n
    rig.store.finish([how(job, *more) for job in jobs])
    return [job.id for job in jobs]


async def states(client: MemoryClient) -> list[State]:
    """Of all jobs, in the order in which they were enqueued."""
    return [row.state async for row in client.all_jobs()][::-1]


async def fill(rig: Rig) -> None:
    """A completed, a cancelled and four discarded ones; one that runs; two that wait."""
    client = rig.client
    await client.enqueue_many([Mail(str(n)) for n in range(7)])
    end(rig, 1, completed)
    end(rig, 1, cancelled, WENT_WRONG)
    end(rig, 4, discarded, WENT_WRONG)
    session = rig.store.join(WorkerInfo("w"), timedelta(minutes=1))
    assert len(rig.store.claim(Claim(uuid7(), session.id, {"default": 1})).jobs) == 1
    await client.enqueue(Mail("7"))
    await client.enqueue(Mail("8"), run_at=LATER)


FILLED = ["completed", "cancelled", *["discarded"] * 4, "running", "available", "scheduled"]


async def test_a_retry_means_what_was_discarded(rig: Rig, client: MemoryClient) -> None:
    await fill(rig)
    assert await states(client) == FILLED
    sweep = await client.retry_all(kinds=["mail"])
    assert (sweep.found, sweep.acted, sweep.more) == (4, {Acted.CHANGED: 4}, False)
    after = [state.replace("discarded", "available") for state in FILLED]
    assert await states(client) == after


async def test_a_cancel_means_what_lives(rig: Rig, client: MemoryClient) -> None:
    await fill(rig)
    sweep = await client.cancel_all(kinds=["mail"])
    assert sweep == Sweep(3, {Acted.CHANGED: 2, Acted.REQUESTED: 1})
    assert sweep.changed == 3
    assert await states(client) == [*FILLED[:7], "cancelled", "cancelled"]


async def test_an_amendment_means_what_waits(rig: Rig, client: MemoryClient) -> None:
    await fill(rig)
    sweep = await client.amend_all(kinds=["mail"], priority=3, run_at=LATER)
    assert sweep == Sweep(2, {Acted.CHANGED: 2})
    rows = [row async for row in client.all_jobs(states=[State.SCHEDULED])]
    assert [(row.priority, row.run_at) for row in rows] == [(3, LATER)] * 2


async def test_a_removal_spares_what_runs(rig: Rig, client: MemoryClient) -> None:
    await fill(rig)
    assert await client.delete_all(queues=["default"]) == Sweep(8, {Acted.CHANGED: 8})
    assert await states(client) == [State.RUNNING]


async def test_states_that_are_named_are_those_meant(rig: Rig, client: MemoryClient) -> None:
    await fill(rig)
    assert await client.retry_all(states=[State.CANCELLED]) == Sweep(1, {Acted.CHANGED: 1})
    refused = await client.delete_all(states=[State.RUNNING])
    assert refused == Sweep(1, {Acted.RUNNING: 1})
    assert refused.changed == 0


async def test_all_parts_of_the_filter_hold(client: MemoryClient) -> None:
    await client.enqueue_many(
        [
            Enqueue(Mail("0"), tags=["x", "y"]),
            Enqueue(Mail("1"), tags=["x"]),
            Enqueue(Report(), tags=["x", "y"]),
            Enqueue(Mail("3"), tags=["x", "y"], queue="slow"),
        ]
    )
    sweep = await client.cancel_all(kinds=["mail"], queues=["default"], tags=["x", "y"])
    assert sweep.found == 1
    assert await states(client) == ["cancelled", *["available"] * 3]


async def test_a_dry_run_counts_and_touches_nothing(rig: Rig, client: MemoryClient) -> None:
    await fill(rig)
    meant = {client.retry_all: 4, client.cancel_all: 3, client.amend_all: 2, client.delete_all: 8}
    for act, n in meant.items():
        assert await act(dry=True, kinds=["mail"]) == Sweep(n)
    assert await states(client) == FILLED
    assert not [name for name, _ in rig.flaky.calls if name == "act"]


async def test_many_go_in_bounded_batches(rig: Rig, client: MemoryClient) -> None:
    await client.enqueue_many([Mail(str(n)) for n in range(8)])
    del rig.flaky.calls[:]
    assert (await client.cancel_all(kinds=["mail"])).found == 8
    assert [size for name, size in rig.flaky.calls if name == "act"] == [3, 3, 2]
    assert [name for name, _ in rig.flaky.calls].count("list") == 3


async def test_a_limit_says_that_there_are_more(client: MemoryClient) -> None:
    await client.enqueue_many([Mail(str(n)) for n in range(8)])
    sweep = await client.cancel_all(kinds=["mail"], limit=5)
    assert (sweep.found, sweep.more) == (5, True)
    assert await states(client) == [*["available"] * 3, *["cancelled"] * 5]
    sweep = await client.cancel_all(kinds=["mail"], limit=5)
    assert (sweep.found, sweep.more) == (3, False)


async def test_what_comes_in_meanwhile_is_not_chased(
    rig: Rig, client: MemoryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancelled job is replaced at once, as by a producer that never rests."""
    await client.enqueue_many([Mail(str(n)) for n in range(7)])
    note = rig.flaky._next

    def busy(name: str, args: tuple[object, ...]) -> str:
        if name == "act":
            rig.store.insert([NewJob(uuid7(), "mail", b'{"to":"new"}')])
        return note(name, args)

    monkeypatch.setattr(rig.flaky, "_next", busy)
    assert (await client.cancel_all(kinds=["mail"])).found == 7
    assert (await client.count(states=[State.AVAILABLE])).n == 3


async def test_lost_replies_are_asked_for_again(rig: Rig, client: MemoryClient) -> None:
    await client.enqueue_many([Mail(str(n)) for n in range(2)])
    rig.flaky.faults.extend(["before", "", "before"])
    assert await client.cancel_all(kinds=["mail"]) == Sweep(2, {Acted.CHANGED: 2})


async def test_jobs_are_counted_up_to_a_bound(client: MemoryClient) -> None:
    await client.enqueue_many([Mail(str(n)) for n in range(8)])
    await client.enqueue(Report())
    assert await client.count(kinds=["mail"]) == Progress(8)
    assert await client.count() == Progress(9)
    assert await client.count(kinds=["mail"], limit=8) == Progress(8)
    assert await client.count(kinds=["mail"], limit=7) == Progress(7, more=True)
    assert await client.count(kinds=["nobody"]) == Progress(0)


BAD: list[tuple[str, Callable[[MemoryClient], object]]] = [
    ("the filter is empty", lambda c: c.cancel_all()),
    ("the filter is empty", lambda c: c.delete_all(kinds=[])),
    ("the filter is empty", lambda c: c.retry_all(dry=True)),
    ("the filter is empty", lambda c: c.amend_all(priority=1)),
    ("kinds='mail'", lambda c: c.cancel_all(kinds="mail")),
    ("limit=0", lambda c: c.delete_all(kinds=["mail"], limit=0)),
    ("limit=0", lambda c: c.count(limit=0)),
    ("priority=16", lambda c: c.amend_all(kinds=["mail"], priority=16)),
    ("has no time zone", lambda c: c.retry_all(kinds=["mail"], run_at=datetime(2026, 1, 1))),
]


@pytest.mark.parametrize(("message", "call"), BAD)
async def test_bad_arguments_are_named(
    client: MemoryClient, message: str, call: Callable[[MemoryClient], object]
) -> None:
    await client.enqueue(Mail("a"))
    with pytest.raises(InvalidArgument, match=message):
        await call(client)  # pyright: ignore[reportGeneralTypeIssues] each is awaitable
    assert await states(client) == [State.AVAILABLE]
