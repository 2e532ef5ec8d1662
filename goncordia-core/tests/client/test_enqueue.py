"""Enqueuing: what is in the store afterwards, and what the caller is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from goncordia import codec, memory
from goncordia.answers import Insertion
from goncordia.client import Client
from goncordia.enqueue import Enqueue
from goncordia.errors import (
    CapabilityMissing,
    HandleMismatch,
    InvalidArgument,
    PayloadTooLarge,
    TransactionConflict,
    TransactionsUnsupported,
    UniqueConflict,
)
from goncordia.jobs import Conflict, JobRow
from goncordia.lifecycle import State
from goncordia.testing.clock import MockClock
from goncordia.unique import Unique

from .conftest import Mail, Report, Rig

pytestmark = pytest.mark.anyio

MemoryClient = Client[memory.Tx]
Weak = Callable[..., MemoryClient]
ONCE = Unique()


async def row(client: MemoryClient, id: UUID) -> JobRow:
    found = await client.get(id)
    assert found is not None
    return found


async def names(client: MemoryClient) -> list[str]:
    """What is in the store, oldest first."""
    rows = [row async for row in client.all_jobs()]
    return [codec.decode(Mail, row.args).to for row in reversed(rows)]


async def test_a_job_is_there_with_all_that_was_said(client: MemoryClient) -> None:
    answer = await client.enqueue(
        Mail("ada"),
        queue="mails",
        priority=7,
        run_at=datetime(2100, 1, 1, tzinfo=UTC),
        max_attempts=3,
        tags=["a", "b"],
        meta={"trace": 1},
    )
    assert (answer.status, answer.created) == (Insertion.CREATED, True)
    job = await row(client, answer.id)
    assert (job.kind, job.args) == ("mail", b'{"to":"ada"}')
    assert (job.queue, job.priority, job.max_attempts) == ("mails", 7, 3)
    assert (job.state, job.run_at) == (State.SCHEDULED, datetime(2100, 1, 1, tzinfo=UTC))
    assert (job.tags, codec.decode_object(job.meta)) == (("a", "b"), {"trace": 1})


async def test_it_is_due_at_once_unless_something_else_is_said(client: MemoryClient) -> None:
    now = await client.enqueue(Mail("ada"))
    later = await client.enqueue(Mail("bob"), run_at=timedelta(hours=1))
    assert (await row(client, now.id)).state is State.AVAILABLE
    job = await row(client, later.id)
    assert job.state is State.SCHEDULED
    assert job.run_at - job.created_at == timedelta(hours=1)


async def test_a_mock_clock_is_what_the_store_goes_by(rig: Rig) -> None:
    clock = MockClock()
    client = rig.make(clock=clock)
    answer = await client.enqueue(Mail("ada"), run_at=timedelta(seconds=5))
    job = await client.get(answer.id)
    assert job is not None
    assert job.created_at == clock.now()
    assert job.state is State.SCHEDULED
    await clock.advance(5)
    assert (await row(client, answer.id)).state is State.AVAILABLE


async def test_a_period_goes_by_the_mock_clock_too(rig: Rig) -> None:
    clock = MockClock()
    client = rig.make(clock=clock)
    hourly = Unique(period=timedelta(hours=1))
    assert (await client.enqueue(Mail("ada"), unique=hourly)).created
    assert not (await client.enqueue(Mail("ada"), unique=hourly)).created
    await clock.advance(timedelta(hours=1))
    assert (await client.enqueue(Mail("ada"), unique=hourly)).created


# In the caller's transaction.


async def test_a_job_exists_if_and_only_if_its_transaction_commits(
    rig: Rig, client: MemoryClient
) -> None:
    async with rig.begin() as tx:
        kept = await client.enqueue(Mail("kept"), tx=tx)
        many = await client.enqueue_many([Mail(str(n)) for n in range(7)], tx=tx)
        assert await names(client) == []
    assert await names(client) == ["kept", *"0123456"]
    assert kept.created
    assert all(each.created for each in many)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012, the transaction is rolled back by it
        async with rig.begin() as tx:
            await client.enqueue(Mail("gone"), tx=tx)
            raise ZeroDivisionError
    assert "gone" not in await names(client)


@pytest.mark.parametrize("tx", ["connection", 7, memory.Tx, object()])
async def test_a_wrong_kind_of_transaction_is_a_type_error(
    client: MemoryClient, tx: memory.Tx
) -> None:
    for attempt in (client.enqueue(Mail("a"), tx=tx), client.enqueue_many([Mail("a")], tx=tx)):
        with pytest.raises(TypeError, match=r"tx is a .*; memory writes through .*\.Tx") as caught:
            await attempt
        assert isinstance(caught.value, HandleMismatch)
    assert await names(client) == []


async def test_an_ended_transaction_is_refused(rig: Rig, client: MemoryClient) -> None:
    async with rig.begin() as tx:
        pass
    with pytest.raises(HandleMismatch, match="ended"):
        await client.enqueue(Mail("a"), tx=tx)


async def test_a_store_without_transactions_takes_none(rig: Rig, weak: Weak) -> None:
    client = weak(tx_insert="none", tx_finish="none", tx_unique=False)
    async with rig.begin() as tx:
        with pytest.raises(TransactionsUnsupported, match="enqueue without tx") as caught:
            await client.enqueue(Mail("a"), tx=tx)
    assert caught.value.capability == "tx_insert"
    assert await names(client) == []


async def test_a_staged_job_is_decided_by_the_commit(kind: str) -> None:
    rig = Rig(kind, replace(memory.STRONG, tx_insert="staged"))
    async with rig.begin() as tx:
        answer = await rig.client.enqueue(Mail("ada"), tx=tx)
        assert answer.status is Insertion.STAGED
    assert await names(rig.client) == ["ada"]
    with pytest.raises(TransactionConflict):  # noqa: PT012, it comes from the commit
        async with rig.begin() as tx:
            await rig.client.enqueue(Mail("bob"), unique=ONCE, tx=tx)
            await rig.client.enqueue(Mail("bob"), unique=ONCE)
    assert await names(rig.client) == ["ada", "bob"]


# Unique jobs.


async def test_a_second_one_is_skipped_and_says_for_which(client: MemoryClient) -> None:
    first = await client.enqueue(Mail("ada"), unique=ONCE)
    second = await client.enqueue(Mail("ada"), unique=ONCE)
    assert (second.status, second.created) == (Insertion.SKIPPED, False)
    assert second.other == second.job_id == first.id
    assert await client.get(second.id) is None
    assert await names(client) == ["ada"]


async def test_or_takes_its_place(client: MemoryClient) -> None:
    rule = Unique(fields=("to",), on_conflict=Conflict.REPLACE)
    first = await client.enqueue(Mail("ada"), unique=rule)
    second = await client.enqueue(Mail("ada"), unique=rule)
    assert (second.status, second.created) == (Insertion.REPLACED, True)
    assert (second.other, second.job_id) == (first.id, second.id)
    assert (await row(client, first.id)).state is State.CANCELLED


async def test_or_is_an_error(client: MemoryClient) -> None:
    rule = Unique(on_conflict=Conflict.RAISE)
    first = await client.enqueue(Mail("ada"), unique=rule)
    with pytest.raises(UniqueConflict, match=f"job {first.id} holds") as caught:
        await client.enqueue(Mail("ada"), unique=rule)
    assert caught.value.holder == first.id
    assert await client.get(caught.value.id) is None


async def test_one_of_many_that_conflicts_is_raised_after_all_were_written(
    client: MemoryClient,
) -> None:
    rule = Unique(on_conflict=Conflict.RAISE)
    first = await client.enqueue(Mail("2"), unique=rule)
    with pytest.raises(UniqueConflict) as caught:
        await client.enqueue_many([Enqueue(Mail(str(n)), unique=rule) for n in range(7)])
    assert caught.value.holder == first.id
    assert await names(client) == list("2013456")


async def test_a_conflict_in_a_transaction_is_the_callers_to_roll_back(
    rig: Rig, client: MemoryClient
) -> None:
    rule = Unique(on_conflict=Conflict.RAISE)
    await client.enqueue(Mail("ada"), unique=rule)
    with pytest.raises(UniqueConflict):  # noqa: PT012, the transaction is rolled back by it
        async with rig.begin() as tx:
            await client.enqueue(Mail("bob"), tx=tx)
            await client.enqueue(Mail("ada"), unique=rule, tx=tx)
    assert await names(client) == ["ada"]


async def test_unique_jobs_are_refused_where_nothing_keeps_them_apart(rig: Rig, weak: Weak) -> None:
    client = weak(unique=False, tx_unique=False)
    with pytest.raises(CapabilityMissing, match="enqueue without unique") as caught:
        await client.enqueue(Mail("ada"), unique=ONCE)
    assert caught.value.capability == "unique"
    client = weak(tx_unique=False)
    async with rig.begin() as tx:
        with pytest.raises(CapabilityMissing, match="enqueue without unique") as caught:
            await client.enqueue(Mail("ada"), unique=ONCE, tx=tx)
    assert caught.value.capability == "tx_unique"
    assert (await client.enqueue(Mail("ada"), unique=ONCE)).created


# Many.


@pytest.mark.parametrize("n", [0, 1, 3, 4, 10])
async def test_many_are_answered_in_their_order(rig: Rig, client: MemoryClient, n: int) -> None:
    answers = await client.enqueue_many([Mail(str(i)) for i in range(n)])
    jobs = [await row(client, answer.id) for answer in answers]
    assert [codec.decode(Mail, job.args).to for job in jobs] == [str(i) for i in range(n)]
    assert [answer.id for answer in answers] == sorted(answer.id for answer in answers)
    sizes = [size for name, size in rig.flaky.calls if name == "insert"]
    assert sizes == [min(3, n - at) for at in range(0, n, 3)]


async def test_each_of_many_may_have_its_own_options(client: MemoryClient) -> None:
    requests = (Enqueue(Mail("a"), queue="x"), Report("r"), Enqueue(Mail("c"), priority=9))
    answers = await client.enqueue_many(each for each in requests)
    jobs = [await row(client, answer.id) for answer in answers]
    assert [job.kind for job in jobs] == ["mail", "report", "mail"]
    assert [job.queue for job in jobs] == ["x", "default", "default"]
    assert [job.priority for job in jobs] == [0, 0, 9]


async def test_duplicates_among_many_are_skipped(client: MemoryClient) -> None:
    answers = await client.enqueue_many([Enqueue(Mail("ada"), unique=ONCE)] * 5)
    assert [answer.created for answer in answers] == [True, False, False, False, False]
    assert {answer.job_id for answer in answers} == {answers[0].id}


@pytest.mark.parametrize("bad", [0, 5, 9])
async def test_nothing_is_written_if_one_of_many_is_bad(client: MemoryClient, bad: int) -> None:
    requests = [Enqueue(Mail(str(n))) for n in range(10)]
    requests[bad] = Enqueue(Mail("bad"), queue="no good")
    with pytest.raises(InvalidArgument, match="queue='no good'"):
        await client.enqueue_many(requests)
    assert await names(client) == []


async def test_a_payload_above_the_limit_is_refused(rig: Rig) -> None:
    client = rig.make(payload_limit=50)
    with pytest.raises(PayloadTooLarge, match="limit is 50"):
        await client.enqueue(Mail("x" * 50))
    assert await names(client) == []
