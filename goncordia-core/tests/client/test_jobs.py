"""Acting on jobs and looking at them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from goncordia import memory
from goncordia.actions import Acted
from goncordia.answers import Count
from goncordia.client import Client
from goncordia.enqueue import Enqueue
from goncordia.errors import CapabilityMissing, InvalidArgument
from goncordia.jobs import completed
from goncordia.lifecycle import State
from goncordia.sessions import Claim, WorkerInfo
from goncordia.testing.clock import MockClock
from goncordia.unique import Unique

from .conftest import Mail, Report, Rig

pytestmark = pytest.mark.anyio

MemoryClient = Client[memory.Tx]
ONCE = Unique()
LATER = datetime(2100, 1, 1, tzinfo=UTC)


async def state(client: MemoryClient, id: UUID) -> State | None:
    row = await client.get(id)
    return row and row.state


def run(rig: Rig, n: int = 1, queue: str = "default") -> Claim:
    """A worker takes jobs."""
    session = rig.store.join(WorkerInfo("w"), timedelta(minutes=1))
    claim = Claim(uuid4(), session.id, {queue: n})
    assert len(rig.store.claim(claim).jobs) == n
    return claim


async def test_cancel_ends_what_waits_and_asks_what_runs(rig: Rig, client: MemoryClient) -> None:
    running = (await client.enqueue(Mail("a"))).id
    run(rig)
    waiting = (await client.enqueue(Mail("b"), run_at=LATER)).id
    nobody = uuid4()
    assert await client.cancel(waiting, running, nobody) == [
        Acted.CHANGED,
        Acted.REQUESTED,
        Acted.MISSING,
    ]
    assert await state(client, waiting) is State.CANCELLED
    row = await client.get(running)
    assert row is not None
    assert (row.state, row.cancel_requested) == (State.RUNNING, True)
    assert await client.cancel(waiting) == [Acted.WRONG_STATE]


async def test_retry_runs_an_ended_job_again(client: MemoryClient) -> None:
    job = (await client.enqueue(Mail("a"))).id
    await client.cancel(job)
    assert await client.retry(job) == [Acted.CHANGED]
    assert await state(client, job) is State.AVAILABLE
    await client.cancel(job)
    assert await client.retry(job, run_at=LATER) == [Acted.CHANGED]
    row = await client.get(job)
    assert row is not None
    assert (row.state, row.run_at) == (State.SCHEDULED, LATER)


async def test_retry_does_not_take_a_unique_key_from_another(client: MemoryClient) -> None:
    job = (await client.enqueue(Mail("a"), unique=ONCE)).id
    await client.cancel(job)
    await client.enqueue(Mail("a"), unique=ONCE)
    assert await client.retry(job) == [Acted.CONFLICT]
    assert await state(client, job) is State.CANCELLED


async def test_amend_changes_when_and_how_urgently(client: MemoryClient) -> None:
    job = (await client.enqueue(Mail("a"), priority=3)).id
    assert await client.amend(job, run_at=LATER) == [Acted.CHANGED]
    row = await client.get(job)
    assert row is not None
    assert (row.state, row.run_at, row.priority) == (State.SCHEDULED, LATER, 3)
    assert await client.amend(job, priority=-4) == [Acted.CHANGED]
    row = await client.get(job)
    assert row is not None
    assert (row.run_at, row.priority) == (LATER, -4)


async def test_delete_removes_all_but_running_jobs(rig: Rig, client: MemoryClient) -> None:
    running = (await client.enqueue(Mail("a"))).id
    run(rig)
    waiting = (await client.enqueue(Mail("b"))).id
    assert await client.delete(running, waiting) == [Acted.RUNNING, Acted.CHANGED]
    assert await state(client, running) is State.RUNNING
    assert await state(client, waiting) is None


async def test_many_ids_go_in_batches_and_are_answered_in_order(
    rig: Rig, client: MemoryClient
) -> None:
    ids = [answer.id for answer in await client.enqueue_many([Mail(str(n)) for n in range(8)])]
    ids.insert(4, uuid4())
    answers = await client.cancel(*ids)
    assert answers == [Acted.CHANGED] * 4 + [Acted.MISSING] + [Acted.CHANGED] * 4
    assert [name for name, _ in rig.flaky.calls].count("act") == 3
    assert await client.cancel() == []


BAD: list[tuple[str, Callable[[MemoryClient], object]]] = [
    ("id='7'", lambda c: c.get("7")),  # pyright: ignore[reportArgumentType] on purpose
    ("id='7'", lambda c: c.cancel(uuid4(), "7")),  # pyright: ignore[reportArgumentType]
    ("id=None", lambda c: c.delete(None)),  # pyright: ignore[reportArgumentType]
    ("run_at=2026-01-01T00:00:00 has no time", lambda c: c.retry(run_at=datetime(2026, 1, 1))),
    ("run_at=2026-01-01T00:00:00 has no time", lambda c: c.amend(run_at=datetime(2026, 1, 1))),
    ("priority=16", lambda c: c.amend(uuid4(), priority=16)),
    ("queue='a b'", lambda c: c.pause("a b")),
    ("queue=''", lambda c: c.resume("")),
    ("limit=0", lambda c: c.jobs(limit=0)),
    ("limit=-1", lambda c: c.prune(-1)),
    ("queues='mails'", lambda c: c.stats("mails")),
    ("queues='mails'", lambda c: c.jobs(queues="mails")),
    ("kinds='mail'", lambda c: c.jobs(kinds="mail")),
    ("tags='x'", lambda c: c.jobs(tags="x")),
    ("cursor", lambda c: c.jobs(cursor="nonsense")),
]


@pytest.mark.parametrize(("message", "call"), BAD)
async def test_bad_arguments_are_named(
    client: MemoryClient, message: str, call: Callable[[MemoryClient], object]
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        await call(client)  # pyright: ignore[reportGeneralTypeIssues] each is awaitable


async def test_actions_go_by_the_mock_clock(rig: Rig) -> None:
    clock = MockClock()
    client = rig.make(clock=clock)
    job = (await client.enqueue(Mail("a"))).id
    await clock.advance(10)
    await client.cancel(job)
    row = await client.get(job)
    assert row is not None
    assert row.finished_at == clock.now()
    await client.pause("q")
    assert [q.paused_at for q in await client.queues() if q.name == "q"] == [clock.now()]


# Looking.


async def test_there_is_no_job_of_an_unknown_id(client: MemoryClient) -> None:
    assert await client.get(uuid4()) is None


async def test_jobs_are_found_by_state_kind_queue_and_tags(client: MemoryClient) -> None:
    answers = await client.enqueue_many(
        [
            Enqueue(Mail("0"), tags=["x", "y"]),
            Enqueue(Mail("1"), tags=["x"], run_at=LATER),
            Enqueue(Report(), queue="reports"),
            Enqueue(Report(), queue="reports", run_at=LATER),
        ]
    )
    number = {answer.id: n for n, answer in enumerate(answers)}

    async def found(**where: object) -> list[int]:
        page = await client.jobs(**where)  # pyright: ignore[reportArgumentType] as given
        assert page.cursor is None
        return [number[row.id] for row in page.rows]

    assert await found() == [3, 2, 1, 0]
    assert await found(states=[State.SCHEDULED]) == [3, 1]
    assert await found(states=[State.SCHEDULED, State.AVAILABLE], kinds={"mail"}) == [1, 0]
    assert await found(queues=("reports",)) == [3, 2]
    assert await found(tags=["x"]) == [1, 0]
    assert await found(tags=["x", "y"]) == [0]
    assert await found(kinds=["nobody"]) == []


async def test_pages_follow_each_other(client: MemoryClient) -> None:
    await client.enqueue_many([Mail(str(n)) for n in range(7)])
    first = await client.jobs(limit=5)
    second = await client.jobs(limit=5, cursor=first.cursor)
    assert (len(first.rows), len(second.rows), second.cursor) == (5, 2, None)


async def test_all_jobs_neither_repeats_nor_skips_one_that_stays(client: MemoryClient) -> None:
    await client.enqueue_many([Report(), Report()])
    answers = await client.enqueue_many([Mail(str(n)) for n in range(205)])
    await client.enqueue(Report())
    seen: list[UUID] = []
    async for row in client.all_jobs(kinds=["mail"]):
        seen.append(row.id)
        if len(seen) % 50 == 0:
            await client.enqueue(Mail("new"))
            await client.delete(row.id)
    assert seen == [answer.id for answer in reversed(answers)]


async def test_stats_count_by_queue_and_state(rig: Rig, client: MemoryClient) -> None:
    await client.enqueue_many([Mail("a"), Mail("b"), Enqueue(Mail("c"), queue="q", run_at=LATER)])
    run(rig)
    [waiting] = (await client.jobs(states=[State.AVAILABLE])).rows
    counts = [
        Count("default", State.AVAILABLE, 1, oldest=waiting.run_at),
        Count("default", State.RUNNING, 1),
        Count("q", State.SCHEDULED, 1),
    ]
    assert sorted(await client.stats(), key=lambda c: (c.queue, c.state)) == counts
    assert await client.stats(["q"]) == counts[2:]


async def test_sessions_are_the_workers(rig: Rig, client: MemoryClient) -> None:
    assert await client.sessions() == []
    rig.store.join(WorkerInfo("worker-1", ("default",)), timedelta(minutes=1))
    [session] = await client.sessions()
    assert (session.worker.name, session.alive) == ("worker-1", True)


async def test_a_paused_queue_takes_jobs_and_gives_none(rig: Rig, client: MemoryClient) -> None:
    await client.pause("mails")
    await client.enqueue(Mail("a"), queue="mails")
    run(rig, 0, "mails")
    [queue] = await client.queues()
    assert queue.name == "mails"
    assert queue.paused_at is not None
    await client.resume("mails")
    [queue] = await client.queues()
    assert queue.paused_at is None
    run(rig, 1, "mails")


async def test_prune_removes_what_has_been_kept_long_enough(rig: Rig) -> None:
    clock = MockClock()
    client = rig.make(clock=clock)
    await client.enqueue_many([Mail("a"), Mail("b"), Mail("c")])
    session = rig.store.join(WorkerInfo("w"), timedelta(minutes=1), now=clock.now())
    claims = rig.store.claim(Claim(uuid4(), session.id, {"default": 2}), now=clock.now())
    rig.store.finish([completed(job) for job in claims.jobs], now=clock.now())
    assert (await client.prune()).n == 0
    await clock.advance(timedelta(days=2))
    progress = await client.prune(1)
    assert (progress.n, progress.more) == (1, True)
    assert (await client.prune()).n == 1
    assert [row.state async for row in client.all_jobs()] == [State.AVAILABLE]


# What the store has to promise.


async def test_a_client_refuses_a_store_that_promises_too_little(
    rig: Rig, weak: Callable[..., MemoryClient]
) -> None:
    rig.make(require=["tx_insert", "unique", "order=strict", "atomic_insert"])
    with pytest.raises(CapabilityMissing, match="'order=none' was required"):
        rig.make(require=["order=none"])
    with pytest.raises(InvalidArgument, match="'speed': the capabilities are"):
        rig.make(require=["speed"])
