"""Inserting."""

from __future__ import annotations

from datetime import timedelta

import anyio
import pytest
from goncordia.answers import Insertion
from goncordia.errors import InvalidArgument
from goncordia.lifecycle import State

from goncordia_conformance.bench import Bench
from goncordia_conformance.case import case


@case()
async def sent_again_answers_existing(bench: Bench) -> None:
    """An insert whose answer was lost may be sent again: no job is doubled."""
    jobs = [bench.new(), bench.new()]
    await bench.there(*jobs)
    assert [answer.status for answer in await bench.insert(*jobs)] == [Insertion.EXISTING] * 2
    assert sorted(await bench.ids()) == sorted(job.id for job in jobs)


@case()
async def sent_again_in_part_inserts_the_rest(bench: Bench) -> None:
    """Sending a half-written batch again completes it."""
    known, new = bench.new(), bench.new()
    await bench.there(known)
    answers = await bench.insert(new, known)
    assert [(a.id, a.status) for a in answers] == [
        (new.id, Insertion.CREATED),
        (known.id, Insertion.EXISTING),
    ]


@case()
async def sent_again_changes_nothing(bench: Bench) -> None:
    """An insert sent again leaves a job as it has become meanwhile."""
    job = bench.new()
    await bench.there(job)
    worker = await bench.worker()
    await worker.take()
    before = await bench.row(job)
    await bench.insert(job)
    assert await bench.row(job) == before


@case()
async def keeps_every_byte(bench: Bench) -> None:
    """Arguments, meta, tags and names come back byte for byte and in their order."""
    args = '{ "b": 1.50,"a":[1e3, "é\\u00e9\\n\\"]" ] }'.encode()
    tags = ("z", "a", "ü ,'\"", "A")
    job = bench.new(args=args, meta=b'{"m":\t"\xc3\xa9"}', tags=tags, kind="Kind.with/all:sorts-1")
    await bench.there(job)
    row = await bench.row(job)
    assert (row.args, row.meta, row.tags, row.kind) == (args, job.meta, tags, job.kind)
    worker = await bench.worker()
    [claimed] = await worker.take()
    assert (claimed.args, claimed.meta, claimed.tags, claimed.kind) == (
        args,
        job.meta,
        tags,
        job.kind,
    )


@case()
async def keeps_large_arguments(bench: Bench) -> None:
    """Arguments of a hundred thousand bytes come back whole."""
    job = bench.new(args=b'"' + "é".encode() * 50_000 + b'"')
    await bench.there(job)
    assert (await bench.row(job)).args == job.args


@case()
async def due_is_available_and_ahead_is_scheduled(bench: Bench) -> None:
    """A job that is due is available; one whose time is ahead is scheduled."""
    due, ahead = bench.new(), bench.new(run_at=timedelta(seconds=30))
    await bench.there(due, ahead)
    assert await bench.state(due) is State.AVAILABLE
    assert await bench.state(ahead) is State.SCHEDULED


@case()
async def takes_a_whole_batch(bench: Bench) -> None:
    """As many jobs as the driver calls a batch go in by one call, up to 500 tried."""
    jobs = [bench.new() for _ in range(min(500, bench.driver.habits.batch))]
    answers = await bench.insert(*jobs)
    assert [answer.id for answer in answers] == [job.id for job in jobs]
    assert {answer.status for answer in answers} == {Insertion.CREATED}
    assert set(await bench.ids()) == {job.id for job in jobs}


@case()
async def of_nothing_answers_nothing(bench: Bench) -> None:
    """An empty batch is no error."""
    assert await bench.insert() == []


@case()
async def with_a_bad_job_leaves_nothing(bench: Bench) -> None:
    """A batch with a job that can't be accepted is refused before anything is written."""
    bad = bench.new(run_at=bench.now.replace(tzinfo=None))
    with pytest.raises(InvalidArgument, match="time zone"):
        await bench.insert(bench.new(), bad, bench.new())
    assert await bench.ids() == []


@case()
async def ids_are_minted_before(bench: Bench) -> None:
    """`new_id` makes a UUIDv7: another each time, the same for the same instant and seed."""
    driver = bench.driver
    minted = [driver.new_id("k", "default") for _ in range(100)]
    assert len(set(minted)) == 100
    assert {(uid.version, uid.variant) for uid in minted} == {(7, "specified in RFC 4122")}
    one = driver.new_id("k", "default", at=bench.now, seed=b"tick 1")
    assert one == driver.new_id("k", "default", at=bench.now, seed=b"tick 1")
    assert one != driver.new_id("k", "default", at=bench.now, seed=b"tick 2")


@case("atomic_insert")
async def cancelled_is_all_or_nothing(bench: Bench) -> None:
    """An insert that is cancelled on its way leaves all of its jobs or none."""
    many = min(20, bench.promised.atomic_insert)
    for patience in range(6):
        jobs = [bench.new() for _ in range(many)]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bench.driver.insert, jobs)
            for _ in range(patience):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        await bench.insert(bench.new())  # whatever was on its way has come to its end
        rows = await bench.driver.get([job.id for job in jobs])
        assert sum(row is not None for row in rows) in (0, many)
