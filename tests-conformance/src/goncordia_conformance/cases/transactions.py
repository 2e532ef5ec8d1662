"""Work in the caller's own transaction."""

from __future__ import annotations

from typing import cast

import anyio
import pytest
from goncordia.answers import Finished, Inserted, Insertion
from goncordia.errors import HandleMismatch, Unavailable
from goncordia.jobs import completed
from goncordia.lifecycle import State

from goncordia_conformance.bench import Bench, key
from goncordia_conformance.case import case
from goncordia_conformance.subject import Handle


@case("tx_insert")
async def that_commit_bring_their_jobs(bench: Bench) -> None:
    """A job is there, and can be claimed, after the commit; before it nobody sees it."""
    job, after = bench.new(), bench.new()
    worker = await bench.worker()
    async with bench.begin() as tx:
        [answer] = await bench.insert(job, tx=tx)
        staged = bench.promised.tx_insert == "staged"
        assert answer.status is (Insertion.STAGED if staged else Insertion.CREATED)
        assert await bench.state(job) is None
        assert await bench.ids() == []
        await bench.insert(after, tx=tx)
    assert {taken.id for taken in await worker.take(2)} == {job.id, after.id}


@case("tx_insert")
async def that_fail_leave_no_jobs(bench: Bench) -> None:
    """A job of a transaction that rolled back never was."""
    job = bench.new()
    async with bench.failing() as tx:
        await bench.insert(job, tx=tx)
    assert await bench.state(job) is None
    assert await (await bench.worker()).take() == []
    await bench.there(job)


@case("tx_insert")
async def that_are_cancelled_leave_no_jobs(bench: Bench) -> None:
    """A job of a transaction that was cancelled never was."""
    job = bench.new()
    with anyio.CancelScope() as scope:
        async with bench.begin() as tx:
            await bench.insert(job, tx=tx)
            scope.cancel()
            await anyio.sleep_forever()
    assert await bench.state(job) is None
    await bench.there(job)


@case("tx_insert")
async def sent_again_are_known(bench: Bench) -> None:
    """An insert whose transaction committed is answered existing when it is run again."""
    job = bench.new()
    answers: list[Inserted] = []
    for _ in range(2):
        async with bench.begin() as tx:
            answers += await bench.insert(job, tx=tx)
    assert answers[-1].status is Insertion.EXISTING


@case("tx_insert")
async def of_another_kind_are_refused(bench: Bench) -> None:
    """A `tx` that the driver can't write through is a clear error, and nothing is written."""
    with pytest.raises(HandleMismatch):
        await bench.insert(bench.new(), tx=cast("Handle", object()))
    assert await bench.ids() == []


@case("tx_finish")
async def that_commit_record_their_outcomes(bench: Bench) -> None:
    """A job completes with the transaction that completed it, and not before."""
    _, job = await bench.running()
    async with bench.begin() as tx:
        [answer] = await bench.finish(completed(job, b"1"), tx=tx)
        staged = bench.promised.tx_finish == "staged"
        assert answer is (Finished.STAGED if staged else Finished.DONE)
        assert await bench.state(job) is State.RUNNING
    row = await bench.row(job)
    assert (row.state, row.result) == (State.COMPLETED, b"1")
    assert await bench.finish(completed(job, b"1")) == [Finished.DONE]


@case("tx_finish")
async def that_fail_record_nothing(bench: Bench) -> None:
    """After a rollback the job runs on under its token."""
    _, job = await bench.running()
    async with bench.failing() as tx:
        await bench.finish(completed(job), tx=tx)
    assert await bench.state(job) is State.RUNNING
    assert await bench.finish(completed(job)) == [Finished.DONE]


@case("tx_finish=immediate")
async def make_nobody_wait(bench: Bench) -> None:
    """A row that an open transaction wrote is passed over or refused in bounded time."""
    _, job = await bench.running()
    async with bench.begin() as tx:
        await bench.finish(completed(job), tx=tx)
        with anyio.fail_after(30):
            try:
                answer = await bench.finish(completed(job))
            except Unavailable:
                answer = [Finished.BUSY]
        assert answer == [Finished.BUSY]
    assert await bench.state(job) is State.COMPLETED


@case("tx_insert", "tx_finish")
async def hold_both_together(bench: Bench) -> None:
    """What a transaction finishes and inserts happens together or not at all."""
    _, job = await bench.running()
    then = bench.new()
    async with bench.failing() as tx:
        await bench.finish(completed(job), tx=tx)
        await bench.insert(then, tx=tx)
    assert (await bench.state(job), await bench.state(then)) == (State.RUNNING, None)
    async with bench.begin() as tx:
        await bench.finish(completed(job), tx=tx)
        await bench.insert(then, tx=tx)
    assert (await bench.state(job), await bench.state(then)) == (
        State.COMPLETED,
        State.AVAILABLE,
    )


@case("tx_unique", "tx_insert")
async def keep_unique_keys(bench: Bench) -> None:
    """A key that is held skips the insert of a transaction, and the other way round."""
    first, second, third = (bench.new(unique=key("x")) for _ in range(3))
    async with bench.begin() as tx:
        await bench.insert(first, tx=tx)
    async with bench.begin() as tx:
        [answer] = await bench.insert(second, tx=tx)
        assert (answer.status, answer.other) == (Insertion.SKIPPED, first.id)
    [answer] = await bench.insert(third)
    assert (answer.status, answer.other) == (Insertion.SKIPPED, first.id)
    assert await bench.ids() == [first.id]


@case("tx_unique", "tx_insert")
async def that_fail_free_their_keys(bench: Bench) -> None:
    """A rolled back transaction holds no key."""
    async with bench.failing() as tx:
        await bench.insert(bench.new(unique=key("x")), tx=tx)
    await bench.there(bench.new(unique=key("x")))
