"""What wraps the inserts of clients, and those of `job.then`."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import anyio
import pytest
from goncordia import (
    Args,
    Client,
    Every,
    Job,
    Registry,
    Schedules,
    SyncClient,
    codec,
    memory,
    worker_pool,
)
from goncordia.errors import InvalidArgument, Unavailable
from goncordia.jobs import NewJob
from goncordia.middleware import Enqueuing
from goncordia.testing import MockClock

from .conftest import Coat, Mail, Rig

pytestmark = pytest.mark.anyio


class Notes:
    """A layer that writes down when it begins and ends."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def layer(self, name: str) -> Enqueuing:
        @contextmanager
        def layer(jobs: Sequence[NewJob], tx: object) -> Generator[None]:
            within = "" if tx is None else " in a transaction"
            self.said.append(f"{name} begins {len(jobs)}{within}")
            for job in jobs:
                job.meta = codec.encode({**codec.decode_object(job.meta), name: True}, "meta")
            try:
                yield
            except BaseException as error:
                self.said.append(f"{name} {type(error).__name__}")
                raise
            self.said.append(f"{name} ends")

        return layer


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def client(rig: Rig, kind: str, notes: Notes) -> Client[memory.Tx]:
    layers = [notes.layer("outer"), notes.layer("inner")]
    if kind == "sync":
        return Coat(SyncClient(rig.flaky, enqueuing=layers))  # pyright: ignore[reportArgumentType, reportReturnType] as in conftest
    return Client(rig.flaky, enqueuing=layers)  # pyright: ignore[reportArgumentType] as in conftest


async def test_layers_wrap_the_insert_and_may_add_to_the_meta(
    client: Client[memory.Tx], notes: Notes
) -> None:
    enqueued = await client.enqueue(Mail("a"), meta={"mine": 1})
    assert notes.said == ["outer begins 1", "inner begins 1", "inner ends", "outer ends"]
    row = await client.get(enqueued.id)
    assert row is not None
    assert codec.decode_object(row.meta) == {"mine": 1, "outer": True, "inner": True}


async def test_each_batch_is_wrapped_once(client: Client[memory.Tx], notes: Notes) -> None:
    await client.enqueue_many([Mail(str(n)) for n in range(5)])
    assert [said for said in notes.said if "outer begins" in said] == [
        "outer begins 3",
        "outer begins 2",
    ]


async def test_what_is_sent_again_is_wrapped_once(
    rig: Rig, client: Client[memory.Tx], notes: Notes
) -> None:
    rig.flaky.faults.extend(["before", "after"])
    await client.enqueue(Mail("a"))
    assert notes.said == ["outer begins 1", "inner begins 1", "inner ends", "outer ends"]


async def test_a_layer_sees_what_the_insert_raises(
    rig: Rig, client: Client[memory.Tx], notes: Notes
) -> None:
    rig.flaky.faults.extend(["before"] * 3)
    with pytest.raises(Unavailable):
        await client.enqueue(Mail("a"))
    assert notes.said[2:] == ["inner Unavailable", "outer Unavailable"]


async def test_a_layer_is_told_of_the_transaction(
    rig: Rig, client: Client[memory.Tx], notes: Notes
) -> None:
    async with rig.begin() as tx:
        await client.enqueue(Mail("a"), tx=tx)
    assert notes.said[0] == "outer begins 1 in a transaction"


async def test_what_is_refused_at_the_door_is_not_wrapped(
    client: Client[memory.Tx], notes: Notes
) -> None:
    with pytest.raises(InvalidArgument):
        await client.enqueue(Mail("a"), priority=99)
    assert not notes.said


async def test_a_layer_hears_of_a_cancellation(notes: Notes) -> None:
    """At once: not when the abandoned operation is collected."""
    driver = memory.MemoryDriver()
    client = Client(driver, enqueuing=[notes.layer("only")])
    with anyio.CancelScope() as scope:
        scope.cancel()
        await client.enqueue(Mail("a"))
    assert len(notes.said) == 2
    assert "Cancel" in notes.said[1]


class Follow(Args, kind="follow"):
    pass


async def test_follow_ups_are_wrapped_by_the_pools_layers(notes: Notes) -> None:
    driver, jobs = memory.MemoryDriver(), Registry()
    client = Client(driver)

    @jobs.worker
    async def mail(job: Job[Mail]) -> None:
        job.then(Follow())

    async with worker_pool(driver, jobs, enqueuing=[notes.layer("pool")]) as pool:
        await client.enqueue(Mail("a"))
        await pool.idle()
    assert notes.said == ["pool begins 1", "pool ends"]
    [row] = (await client.jobs(kinds=["follow"])).rows
    assert codec.decode_object(row.meta) == {"pool": True}


async def test_so_is_what_schedules_enqueue(notes: Notes) -> None:
    driver, clock, schedules = memory.MemoryDriver(), MockClock(), Schedules()
    schedules.add("hourly", Every(timedelta(hours=1)), Follow())
    async with worker_pool(
        driver, Registry(), clock=clock, schedules=schedules, enqueuing=[notes.layer("pool")]
    ) as pool:
        await clock.advance(3600)
        await pool.settled()
    assert notes.said == ["pool begins 1", "pool ends"]
