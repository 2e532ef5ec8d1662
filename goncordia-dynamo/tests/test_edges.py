"""Around DynamoDB's numbers: 25 statements, 100 keys and entries, 1 KB a unit, 400 KB an item."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
from goncordia.actions import Retry
from goncordia.answers import Finished, Insertion
from goncordia.errors import PayloadTooLarge
from goncordia.ids import uuid7
from goncordia.jobs import AttemptError, NewJob, completed, discarded, failed
from goncordia.lifecycle import State
from goncordia.sessions import Claim, WorkerInfo
from goncordia_dynamo import DynamoDriver
from goncordia_dynamo.draft import INLINE
from goncordia_dynamo.finish import LARGEST_RESULT
from goncordia_dynamo.insert import LARGEST

pytestmark = [pytest.mark.anyio, pytest.mark.one_python]


def new(driver: DynamoDriver, args: bytes = b"{}", meta: bytes = b"") -> NewJob:
    return NewJob(driver.new_id("k", "q"), "k", args, queue="q", meta=meta)


async def join(driver: DynamoDriver):
    return (await driver.join(WorkerInfo("worker"), timedelta(seconds=60))).id


@pytest.mark.parametrize("n", [1, 24, 25, 26, 99, 100, 101])
async def test_batches_of_any_size(driver, n) -> None:
    jobs = [new(driver) for _ in range(n)]
    ids = [job.id for job in jobs]
    answers = await driver.insert(jobs)
    assert [(a.id, a.status) for a in answers] == [(each, Insertion.CREATED) for each in ids]
    rows = await driver.get(ids)
    assert [row and row.id for row in rows] == ids
    claims = await driver.claim(Claim(uuid7(), await join(driver), {"q": n}))
    assert sorted(job.id for job in claims.jobs) == sorted(ids)
    assert (claims.more, claims.next_due_in) == (False, None)
    assert await driver.finish([completed(job) for job in claims.jobs]) == [Finished.DONE] * n


@pytest.mark.parametrize("size", [INLINE, INLINE + 1, 100_000, LARGEST])
async def test_arguments_up_to_the_limit_come_back_whole(driver, size) -> None:
    args = b'"' + b"x" * (size - 12) + b'"'
    job = new(driver, args, b'{"m": 123}')
    assert len(job.args + job.meta) == size
    await driver.insert([job])
    assert (await driver.insert([job]))[0].status is Insertion.EXISTING
    session = await join(driver)
    for _ in range(2):
        [taken] = (await driver.claim(Claim(uuid7(), session, {"q": 1}))).jobs
        assert (taken.args, taken.meta) == (args, job.meta)
        error = AttemptError(1, taken.created_at, "E", "m", "t" * 8000)
        await driver.finish([failed(taken, error, timedelta(0))])
    [row] = await driver.get([job.id])
    assert (row.args, row.meta, len(row.errors)) == (args, job.meta, 2)


async def test_what_no_item_holds_is_refused_with_the_limit(driver) -> None:
    small, large = new(driver), new(driver, b"x" * LARGEST, b"{}")
    with pytest.raises(PayloadTooLarge, match=f"{LARGEST}") as raised:
        await driver.insert([small, large])
    assert (raised.value.size, raised.value.limit) == (LARGEST + 2, LARGEST)
    assert await driver.get([small.id, large.id]) == [None, None]


@pytest.mark.parametrize("size", [LARGEST_RESULT, LARGEST_RESULT + 1])
async def test_a_result_that_no_item_holds_is_left_out_with_an_error(driver, size) -> None:
    """Twenty errors that can't be compressed stand beside it."""
    await driver.insert([new(driver)])
    session = await join(driver)
    for _ in range(20):
        [job] = (await driver.claim(Claim(uuid7(), session, {"q": 1}))).jobs
        trace = secrets.token_urlsafe(6000)[:8000]
        error = AttemptError(job.attempt, job.created_at, "E", "m" * 2000, trace)
        await driver.finish([failed(job, error, timedelta(0))])
    [job] = (await driver.claim(Claim(uuid7(), session, {"q": 1}))).jobs
    assert await driver.finish([completed(job, b"1" * size)]) == [Finished.DONE]
    assert await driver.finish([completed(job, b"1" * size)]) == [Finished.DONE]
    [row] = await driver.get([job.id])
    assert row.state is State.COMPLETED
    assert row.result == (b"1" * size if size == LARGEST_RESULT else None)
    assert (row.errors[-1].type == "PayloadTooLarge") is (size > LARGEST_RESULT)


@pytest.mark.parametrize("n", [99, 100])
async def test_more_follow_ups_than_a_transaction_holds_end_the_job(driver, n) -> None:
    """A limit that the store has for good: said in the job's error, and not tried for ever."""
    await driver.insert([new(driver)])
    [job] = (await driver.claim(Claim(uuid7(), await join(driver), {"q": 1}))).jobs
    follow_ups = [new(driver) for _ in range(n)]
    for _ in range(2):
        said = await driver.finish([completed(job, follow_ups=follow_ups)])
        assert said == [Finished.DONE]
    [row, last] = await driver.get([job.id, follow_ups[-1].id])
    if n < 100:
        assert (row.state, last.state) == (State.COMPLETED, State.AVAILABLE)
    else:
        assert (row.state, last) == (State.DISCARDED, None)
        assert "at most 100" in row.errors[-1].message


async def test_an_ended_job_ages_with_all_that_belongs_to_it(driver) -> None:
    """DynamoDB removes by `ttl`: job and large part alike, and neither once it was retried."""
    job = new(driver, b'"%s"' % (b"x" * 5000))
    await driver.insert([job])
    [taken] = (await driver.claim(Claim(uuid7(), await join(driver), {"q": 1}))).jobs
    error = AttemptError(1, taken.created_at, "E", "m")
    await driver.finish([discarded(taken, error)])
    table, layout = driver._table, driver._table.layout
    items = await table.get_many([layout.job(job.id), layout.large(job.id)])
    assert [item and "ttl" in item for item in items] == [True, True]
    await driver.act([job.id], Retry())
    items = await table.get_many([layout.job(job.id), layout.large(job.id)])
    assert [item and "ttl" in item for item in items] == [False, False]
    assert (await driver.get([job.id]))[0].args == job.args
