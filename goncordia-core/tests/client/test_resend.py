"""A store that does not answer is asked again: with a bound, with the same ids, never with `tx`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import uuid4

import anyio
import pytest
from goncordia import memory
from goncordia.answers import Insertion
from goncordia.client import Client
from goncordia.errors import Unavailable, UniqueConflict
from goncordia.jobs import Conflict
from goncordia.requests import RESENDS
from goncordia.system_clock import SystemClock
from goncordia.unique import Unique

from .conftest import Mail, Rig

pytestmark = pytest.mark.anyio

MemoryClient = Client[memory.Tx]
TRIES = len(RESENDS) + 1

OPERATIONS: dict[str, Callable[[MemoryClient], Awaitable[object]]] = {
    "enqueue": lambda c: c.enqueue(Mail("a")),
    "enqueue_many": lambda c: c.enqueue_many([Mail("a")]),
    "cancel": lambda c: c.cancel(uuid4()),
    "retry": lambda c: c.retry(uuid4()),
    "amend": lambda c: c.amend(uuid4(), priority=1),
    "delete": lambda c: c.delete(uuid4()),
    "prune": lambda c: c.prune(),
    "get": lambda c: c.get(uuid4()),
    "jobs": lambda c: c.jobs(),
    "stats": lambda c: c.stats(),
    "sessions": lambda c: c.sessions(),
    "queues": lambda c: c.queues(),
    "pause": lambda c: c.pause("q"),
    "resume": lambda c: c.resume("q"),
    "cancel_all": lambda c: c.cancel_all(kinds=["k"]),
    "retry_all": lambda c: c.retry_all(kinds=["k"]),
    "amend_all": lambda c: c.amend_all(kinds=["k"], priority=1),
    "delete_all": lambda c: c.delete_all(kinds=["k"]),
    "count": lambda c: c.count(),
}


def test_all_operations_are_here() -> None:
    public = {name for name in dir(Client) if not name.startswith("_")}
    assert public - {"all_jobs", "run", "wait", "watch", "explain"} == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("fault", ["before", "after"])
async def test_every_operation_is_sent_again(
    rig: Rig, client: MemoryClient, name: str, fault: str
) -> None:
    rig.flaky.faults.extend([fault] * (TRIES - 1))
    await OPERATIONS[name](client)
    assert len(rig.flaky.calls) == TRIES
    assert len(rig.slept) == TRIES - 1
    assert all(limit / 2 <= s <= limit for s, limit in zip(rig.slept, RESENDS, strict=True))


@pytest.mark.parametrize("name", OPERATIONS)
async def test_and_raises_when_the_store_stays_away(
    rig: Rig, client: MemoryClient, name: str
) -> None:
    rig.flaky.faults.extend(["before"] * 99)
    with pytest.raises(Unavailable, match="lost before"):
        await OPERATIONS[name](client)
    assert len(rig.flaky.calls) == TRIES


async def test_a_lost_answer_doubles_no_job(rig: Rig, client: MemoryClient) -> None:
    rig.flaky.faults.extend(["after", "after"])
    answer = await client.enqueue(Mail("a"))
    assert (answer.status, answer.created, answer.job_id) == (Insertion.EXISTING, True, answer.id)
    assert [row.id async for row in client.all_jobs()] == [answer.id]


async def test_each_batch_of_many_is_sent_again_by_itself(rig: Rig, client: MemoryClient) -> None:
    rig.flaky.faults.extend(["", "after", "before", "", "after"])
    answers = await client.enqueue_many([Mail(str(n)) for n in range(7)])
    assert [size for _, size in rig.flaky.calls] == [3, 3, 3, 3, 1, 1]
    rows = [row.id async for row in client.all_jobs()]
    assert rows == [answer.id for answer in reversed(answers)]


async def test_a_job_does_not_conflict_with_its_own_first_try(
    rig: Rig, client: MemoryClient
) -> None:
    rule = Unique(on_conflict=Conflict.RAISE)
    rig.flaky.faults.append("after")
    assert (await client.enqueue(Mail("a"), unique=rule)).created
    with pytest.raises(UniqueConflict):
        await client.enqueue(Mail("a"), unique=rule)


async def test_nothing_is_sent_again_in_a_transaction(rig: Rig, client: MemoryClient) -> None:
    """The caller's transaction is broken then: only the caller can run it again."""
    rig.flaky.faults.extend(["before", "before"])
    with pytest.raises(Unavailable):
        async with rig.begin() as tx:
            await client.enqueue(Mail("a"), tx=tx)
    with pytest.raises(Unavailable):
        async with rig.begin() as tx:
            await client.enqueue_many([Mail("a")], tx=tx)
    assert (len(rig.flaky.calls), rig.slept) == (2, [])
    assert (await client.jobs()).rows == []


async def test_another_error_is_not_sent_again(rig: Rig, client: MemoryClient) -> None:
    rule = Unique(on_conflict=Conflict.RAISE)
    await client.enqueue(Mail("a"), unique=rule)
    rig.flaky.calls.clear()
    with pytest.raises(UniqueConflict):
        await client.enqueue(Mail("a"), unique=rule)
    assert len(rig.flaky.calls) == 1


class Endless(SystemClock):
    """Says when somebody sleeps, and lets them for ever."""

    def __init__(self) -> None:
        self.asleep = anyio.Event()

    async def sleep(self, seconds: float) -> None:
        self.asleep.set()
        await anyio.sleep_forever()


@pytest.mark.parametrize("kind", ["async"])
async def test_a_cancel_ends_the_waiting(rig: Rig) -> None:
    clock = Endless()
    client = rig.make(clock=clock)
    rig.flaky.faults.extend(["before"] * 99)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.enqueue, Mail("a"))
        await clock.asleep.wait()
        tasks.cancel_scope.cancel()
    assert len(rig.flaky.calls) == 1
