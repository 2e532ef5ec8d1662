"""Faults by a seeded plan."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from anyio.lowlevel import checkpoint
from goncordia.answers import Filter, Finished, Inserted, Insertion
from goncordia.errors import Unavailable
from goncordia.ids import uuid7
from goncordia.jobs import ClaimedJob, NewJob, completed
from goncordia.memory import STRONG, MemoryDriver, Tx
from goncordia.sessions import Claim, WorkerInfo
from goncordia.testing.plan import TURNS, FaultKind, FaultPlan, PlannedDriver, cancelled

pytestmark = pytest.mark.anyio


def behind(memory: MemoryDriver, *kinds: FaultKind, seed: int = 1) -> PlannedDriver[Tx]:
    return PlannedDriver(memory, FaultPlan(seed, share=1, kinds=kinds))


def new(n: int) -> list[NewJob]:
    return [NewJob(uuid7(), "k", b"{}") for _ in range(n)]


async def claimed(memory: MemoryDriver, n: int) -> tuple[Claim, list[ClaimedJob]]:
    await memory.insert(new(n))
    session = await memory.join(WorkerInfo("w"), timedelta(minutes=1))
    claim = Claim(uuid7(), session.id, {"default": n})
    return claim, (await memory.claim(claim)).jobs


async def there(memory: MemoryDriver) -> int:
    return len((await memory.list(Filter())).rows)


@pytest.mark.parametrize(
    ("kind", "left"),
    [(FaultKind.REFUSED, 0), (FaultKind.LOST, 3), (FaultKind.HALVED, 1)],
)
async def test_insert_fails_and_leaves(kind: FaultKind, left: int) -> None:
    memory = MemoryDriver(capabilities=replace(STRONG, atomic_insert=1))
    with pytest.raises(Unavailable):
        await behind(memory, kind).insert(new(3))
    assert await there(memory) == left


async def test_what_is_promised_whole_is_not_halved() -> None:
    memory = MemoryDriver()
    await behind(memory, FaultKind.HALVED).insert(new(3))
    assert await there(memory) == 3


async def test_half_of_the_outcomes_is_recorded() -> None:
    memory = MemoryDriver()
    _, jobs = await claimed(memory, 4)
    with pytest.raises(Unavailable):
        await behind(memory, FaultKind.HALVED).finish([completed(job) for job in jobs])
    rows = await memory.get([job.id for job in jobs])
    assert [row.state for row in rows if row] == ["completed", "completed", "running", "running"]
    assert await memory.finish([completed(job) for job in jobs]) == [Finished.DONE] * 4


async def test_doubled_insert_answers_the_second() -> None:
    memory = MemoryDriver()
    answers = await behind(memory, FaultKind.DOUBLED).insert(new(2))
    assert {answer.status for answer in answers} == {Insertion.EXISTING}
    assert await there(memory) == 2


async def test_doubled_claim_gives_what_the_first_took() -> None:
    memory = MemoryDriver()
    claim, jobs = await claimed(memory, 2)
    again = await behind(memory, FaultKind.DOUBLED).claim(claim)
    assert {job.id for job in again.jobs} == {job.id for job in jobs}


async def test_delayed_call_is_answered() -> None:
    memory = MemoryDriver()
    await behind(memory, FaultKind.DELAYED).insert(new(2))
    assert await there(memory) == 2


class Slow(MemoryDriver):
    """Takes its time after the write, so that a cancellation meets it on the way back."""

    async def insert(
        self, jobs: Sequence[NewJob], *, tx: Tx | None = None, now: datetime | None = None
    ) -> list[Inserted]:
        answers = self.store.insert(jobs, tx=tx, now=now)
        for _ in range(TURNS + 1):
            await checkpoint()
        return answers


@pytest.mark.parametrize("seed", range(5))
async def test_cancelled_call_is_unavailable(seed: int) -> None:
    memory = Slow()
    with pytest.raises(Unavailable, match="cancelled"):
        await behind(memory, FaultKind.CANCELLED, seed=seed).insert(new(3))
    assert await there(memory) == 3


async def test_call_that_is_quicker_than_its_cancellation_is_answered() -> None:
    async def send() -> str:
        return "done"

    assert await cancelled(TURNS)(send) == "done"


async def test_stale_claim_sees_nothing_where_that_may_be() -> None:
    late = MemoryDriver(capabilities=replace(STRONG, claim_sees="eventual"))
    claim, _ = await claimed(late, 1)
    late.store.settle()
    assert (await behind(late, FaultKind.STALE).claim(claim)).jobs == []
    prompt = MemoryDriver()
    claim, _ = await claimed(prompt, 1)
    assert len((await behind(prompt, FaultKind.STALE).claim(claim)).jobs) == 1


async def test_callers_transaction_is_left_alone() -> None:
    memory = MemoryDriver()
    _, [job] = await claimed(memory, 1)
    driver = behind(memory, *FaultKind)
    async with memory.begin() as tx:
        await driver.insert(new(3), tx=tx)
        assert await driver.finish([completed(job)], tx=tx) == [Finished.DONE]
    assert await there(memory) == 4


def drawn(seed: int, kinds: Collection[FaultKind] = tuple(FaultKind)) -> list[FaultKind | None]:
    plan = FaultPlan(seed, share=0.5, kinds=kinds)
    return [plan.draw(FaultKind) for _ in range(100)]


async def test_same_seed_gives_the_same_faults() -> None:
    assert drawn(3) == drawn(3) != drawn(4)
    assert set(drawn(3)) == {None, *FaultKind}
    assert set(drawn(3, [FaultKind.LOST])) == {None, FaultKind.LOST}
