"""How jobs lie in the table: shards, counts, the schema and who may do what with it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import anyio
import pytest
from goncordia.actions import Cancel
from goncordia.answers import Filter, QueueChange
from goncordia.errors import SessionLost
from goncordia.ids import uuid7
from goncordia.jobs import (
    ClaimedJob,
    Hold,
    NewJob,
    UniqueKey,
    completed,
    released,
)
from goncordia.lifecycle import State
from goncordia.sessions import Claim, WorkerInfo
from goncordia_dynamo import DynamoDriver, counts, keys
from goncordia_dynamo.call import Caller
from goncordia_dynamo.log import log_of
from goncordia_dynamo.pages import pages_of
from goncordia_dynamo.values import Done, Item

pytestmark = pytest.mark.anyio
TTL = timedelta(seconds=60)


def new(driver: DynamoDriver, **options) -> NewJob:
    return NewJob(driver.new_id("k", "q"), "k", b"{}", queue="q", **options)


# Shards.


def preferred(session: UUID, at: datetime) -> int:
    return keys.Layout(4, 16).preferred(session, at)


async def test_a_worker_prefers_its_own_shard_and_wanders_when_it_is_empty(make) -> None:
    async with make(shards=4) as driver:
        await driver.migrate()
        await driver.insert([new(driver) for _ in range(80)])
        sessions = [await driver.join(WorkerInfo("worker"), TTL) for _ in range(4)]
        now = datetime.now(UTC)
        owns = [preferred(session.id, now) for session in sessions]
        assert sorted(owns) == [0, 1, 2, 3]
        for own, session in zip(owns, sessions, strict=True):
            jobs = (await driver.claim(Claim(uuid7(), session.id, {"q": 5}), now=now)).jobs
            assert {job.id.int % 4 for job in jobs} == {own}
        claims = await driver.claim(Claim(uuid7(), sessions[0].id, {"q": 80}), now=now)
        assert {job.id.int % 4 for job in claims.jobs} == {owns[0]}
        left = 60 - len(claims.jobs)
        while left:
            assert claims.more
            claims = await driver.claim(Claim(uuid7(), sessions[0].id, {"q": 80}), now=now)
            assert owns[0] not in {job.id.int % 4 for job in claims.jobs} != set()
            left -= len(claims.jobs)
        assert not claims.more


async def test_the_less_urgent_are_filled_up_from_ones_own_shard(make) -> None:
    """And what is urgent in others' shards comes before it."""
    async with make(shards=4) as driver:
        await driver.migrate()
        session = await driver.join(WorkerInfo("worker"), TTL)
        await driver.insert([new(driver, priority=int(n < 10)) for n in range(60)])
        now = datetime.now(UTC)
        claims = await driver.claim(Claim(uuid7(), session.id, {"q": 60}), now=now)
        assert [job.priority for job in claims.jobs][:10] == [1] * 10
        own = preferred(session.id, now)
        assert all(job.priority or job.id.int % 4 == own for job in claims.jobs)
        assert claims.more


async def test_no_shard_waits_for_ever_where_there_is_more_than_one_worker_can_do(make) -> None:
    """Its own shard is never empty, and yet each has its turn."""
    async with make(shards=4) as driver:
        await driver.migrate()
        await driver.insert([new(driver) for _ in range(200)])
        session = await driver.join(WorkerInfo("worker"), TTL)
        now, seen = datetime.now(UTC), list[int]()
        for _ in range(4):
            now += timedelta(seconds=keys.TURN)
            jobs = (await driver.claim(Claim(uuid7(), session.id, {"q": 5}), now=now)).jobs
            seen += {job.id.int % 4 for job in jobs}
        assert sorted(seen) == [0, 1, 2, 3]


async def test_workers_that_join_at_once_have_shards_of_their_own(make) -> None:
    async with make(shards=4) as driver:
        await driver.migrate()
        for n in (4, 8):
            async with anyio.create_task_group() as tasks:
                for _ in range(4):
                    tasks.start_soon(driver.join, WorkerInfo("worker"), TTL)
            shards = Counter(session.id.int % 4 for session in await driver.sessions())
            assert sorted(shards.values()) == [n // 4] * 4


async def test_urgent_jobs_of_all_shards_come_first(make) -> None:
    async with make(shards=4) as driver:
        await driver.migrate()
        await driver.insert([new(driver, priority=n % 2) for n in range(40)])
        session = await driver.join(WorkerInfo("worker"), TTL)
        jobs = (await driver.claim(Claim(uuid7(), session.id, {"q": 20}))).jobs
        assert {job.priority for job in jobs} == {1}


async def test_order_is_strict_with_one_shard_only(make) -> None:
    assert make(shards=1).capabilities.order == "strict"
    assert make(shards=2).capabilities.order == "window"


# Places.


async def test_a_claim_that_comes_late_takes_nothing(driver) -> None:
    """Released and waiting at the same time again, a job is at another place."""
    await driver.insert([new(driver)])
    session = await driver.join(WorkerInfo("worker"), TTL)
    table = driver._table
    [line] = [f"q|{15:02}|0"]
    seen = (await table.waiting(line)).items
    [job] = (await driver.claim(Claim(uuid7(), session.id, {"q": 1}))).jobs
    await driver.finish([released(job)])
    again = (await table.waiting(line)).items
    assert seen[0]["gs"] != again[0]["gs"]
    assert seen[0]["gs"].s[:50] == again[0]["gs"].s[:50]


async def test_the_log_of_a_session_stays_short(driver) -> None:
    """Entries of claims that are over go with the next claim, at no cost."""
    session = await driver.join(WorkerInfo("worker"), TTL)
    await driver.insert([new(driver) for _ in range(30)])
    for _ in range(10):
        jobs = (await driver.claim(Claim(uuid7(), session.id, {"q": 3}))).jobs
        await driver.finish([completed(job) for job in jobs])
    await driver.beat(session.id, [])
    [item] = await driver._table.query_all("W")
    assert item["log"].m == {}


async def crowded(driver: DynamoDriver) -> tuple[UUID, list[ClaimedJob]]:
    """A session of many slots, and its jobs, claimed one by one: they fill several pages."""
    session = await driver.join(WorkerInfo("worker", concurrency=40), TTL)
    await driver.insert([new(driver) for _ in range(60)])
    held: list[ClaimedJob] = []
    for _ in range(40):
        held += (await driver.claim(Claim(uuid7(), session.id, {"q": 1}))).jobs
    sizes = [len(log_of([page])) for page in await pages(driver, session.id)]
    assert len(held) == sum(sizes) == 40
    assert max(sizes[1:]) == 14
    return session.id, held


async def pages(driver: DynamoDriver, session: UUID) -> list[Item]:
    """The pages of a session's log."""
    item = await driver._table.get(keys.session(session))
    assert item is not None
    return await pages_of(driver._known, item)


async def test_a_log_of_many_claims_stays_short_too(driver) -> None:
    """A hundred times as many claims as slots need no more room, and no item above a unit."""
    session, held = await crowded(driver)
    for n in range(100):
        await driver.finish([completed(held.pop(n % 7))])
        if n % 15 == 0:
            await driver.insert([new(driver) for _ in range(20)])
        held += (await driver.claim(Claim(uuid7(), session, {"q": 1}))).jobs
        assert len(held) == 40
    assert {job.token for job in held} <= log_of(await pages(driver, session)).keys()
    for page in await pages(driver, session):
        assert len(log_of([page])) <= 14


async def test_what_a_worker_knows_not_of_is_given_back_from_all_pages(driver) -> None:
    session, held = await crowded(driver)
    tokens = [job.token for job in held[:-3]]
    await driver.beat(session, tokens)
    assert len(await running(driver)) == 40  # their answers may be on their way
    later = datetime.now(UTC) + timedelta(minutes=2)
    await driver.beat(session, tokens, now=later)
    assert sorted(await running(driver)) == sorted(job.id for job in held[:-3])
    requests = driver.usage.requests
    await driver.beat(session, tokens, now=later)
    assert driver.usage.requests == requests + 1  # it is done, and not looked for again


async def running(driver: DynamoDriver) -> list[UUID]:
    return [row.id for row in (await driver.list(Filter(states=(State.RUNNING,)))).rows]


async def test_a_dead_session_claims_on_no_page(driver, make) -> None:
    session, held = await crowded(driver)
    async with make(driver.table) as other:
        await other.leave(session)
        with pytest.raises(SessionLost):
            await driver.claim(Claim(uuid7(), session, {"q": 1}))
        assert len(await running(other)) == 40
        assert (await other.rescue(100)).n == len(held)
        with pytest.raises(SessionLost):
            await driver.claim(Claim(uuid7(), session, {"q": 1}))


async def test_a_session_declared_dead_as_it_began_is_not_used(driver, make, monkeypatch) -> None:
    """Whoever did so knew nothing of its pages yet, and would not look for jobs there."""
    call, died = Caller.call, []

    async def late(self, operation, request, answer):
        if ":pages" in request.get("ExpressionAttributeValues", ()) and not died:
            died.extend(await other.sessions())
            await other.leave(died[0].id)
            await other.rescue(10)
        return await call(self, operation, request, answer)

    async with make(driver.table) as other:
        monkeypatch.setattr(Caller, "call", late)
        session, _ = await crowded(driver)
        assert [each.id for each in await other.sessions()] == [session] != [died[0].id]


# What is known late.


@pytest.mark.parametrize("lag", [timedelta(0), timedelta(hours=1)])
async def test_a_pause_is_noticed_after_the_lag(driver, make, lag) -> None:
    async with make(driver.table, lag=lag) as other:
        assert other.capabilities.pause_lag == lag
        session = await other.join(WorkerInfo("worker"), TTL)
        await driver.insert([new(driver) for _ in range(2)])
        assert (await other.claim(Claim(uuid7(), session.id, {"q": 1}))).jobs
        await driver.queues(QueueChange("q", paused=True))
        jobs = (await other.claim(Claim(uuid7(), session.id, {"q": 1}))).jobs
        assert bool(jobs) is bool(lag)
        await other.queues(QueueChange("q", paused=True))  # one's own pause is known at once
        await driver.insert([new(driver)])
        assert not (await other.claim(Claim(uuid7(), session.id, {"q": 1}))).jobs


# Unique keys.


async def test_jobs_that_shared_a_key_are_pruned_together(driver) -> None:
    unique = UniqueKey(b"k" * 32)
    for _ in range(3):
        job = new(driver, unique=unique)
        await driver.insert([job])
        await driver.act([job.id], Cancel())
    later = datetime.now(UTC) + timedelta(days=2)
    assert (await driver.prune(10, now=later)).n == 3
    assert (await driver.insert([new(driver, unique=unique)]))[0].status == "created"


async def test_a_key_whose_job_dynamodb_removed_is_free(driver) -> None:
    """TTL takes the job and asks nobody."""
    kept = UniqueKey(b"k" * 32, Hold.KEPT)
    job = new(driver, unique=kept)
    await driver.insert([job])
    await driver.act([job.id], Cancel())
    assert (await driver.insert([new(driver, unique=kept)]))[0].other == job.id
    table = driver._table
    key = table.layout.job(job.id)
    await driver._caller.call("DeleteItem", {"TableName": driver.table, "Key": key}, Done)
    assert (await driver.insert([new(driver, unique=kept)]))[0].status == "created"


# Counts.


@pytest.mark.parametrize("enough", [500, 40])
async def test_ended_jobs_are_counted_or_estimated(make, monkeypatch, enough) -> None:
    monkeypatch.setattr(counts, "ENOUGH", enough)
    async with make(spread=4) as driver:
        await driver.migrate()
        jobs = [new(driver) for _ in range(200)]
        await driver.insert(jobs)
        await driver.act([job.id for job in jobs[:150]], Cancel())
        session = await driver.join(WorkerInfo("worker"), TTL)
        running = (await driver.claim(Claim(uuid7(), session.id, {"q": 20}))).jobs
        found = await driver.stats()
        waiting = await driver.list(Filter(states=(State.AVAILABLE,)))
        oldest = min(row.run_at for row in waiting.rows)
        assert {c.oldest for c in found} == {None, oldest}
        told = {(c.queue, c.state): c.n for c in found}
        assert told.pop(("q", State.RUNNING)) == len(running) == 20
        assert told.pop(("q", State.AVAILABLE)) == 30
        assert set(told) == {("q", State.CANCELLED)}
        estimate = told["q", State.CANCELLED]
        assert estimate == 150 if enough == 500 else 90 < estimate < 210
        assert {c.how for c in await driver.stats(["q"])} == {"approximate"}
        assert await driver.stats(["none"]) == []


async def test_a_list_walks_ages_and_partitions_newest_first(make) -> None:
    async with make(spread=3) as driver:
        await driver.migrate()
        start = datetime(2026, 1, 1, tzinfo=UTC)
        ids = [
            driver.new_id("k", "q", at=start + timedelta(days=n % 20, hours=n), seed=b"%d" % n)
            for n in range(60)
        ]
        await driver.insert([NewJob(each, "k", b"{}", queue="q") for each in ids])
        shown, cursor = [], None
        while True:
            page = await driver.list(Filter(), cursor=cursor, limit=7)
            shown += [row.id for row in page.rows]
            cursor = page.cursor
            if cursor is None:
                break
        assert shown == sorted(ids, reverse=True)
