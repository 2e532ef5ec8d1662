"""Unique keys."""

from __future__ import annotations

from datetime import timedelta

import anyio
from goncordia.actions import Acted, Cancel, Delete
from goncordia.answers import Inserted, Insertion
from goncordia.jobs import Conflict, Hold, NewJob, completed, failed
from goncordia.lifecycle import State

from goncordia_conformance.bench import Bench, error, key
from goncordia_conformance.case import case

AGES = 100 * 86_400


async def _holds(bench: Bench, holder: NewJob, name: str = "x") -> bool:
    """Whether that job holds the key: another is skipped for it."""
    [answer] = await bench.insert(bench.new(unique=key(name)))
    return (answer.status, answer.other) == (Insertion.SKIPPED, holder.id)


@case("unique")
async def skip_the_second(bench: Bench) -> None:
    """The second job of a key is not inserted, and told of the first; another key is free."""
    first = bench.new(unique=key("x"))
    await bench.there(first)
    assert await _holds(bench, first)
    await bench.there(bench.new(unique=key("y")), bench.new())


@case("unique")
async def hold_within_a_batch(bench: Bench) -> None:
    """Also against a job of the same call."""
    first, second = bench.new(unique=key("x")), bench.new(unique=key("x"))
    answers = await bench.insert(first, second)
    assert answers == [
        Inserted(first.id, Insertion.CREATED),
        Inserted(second.id, Insertion.SKIPPED, first.id),
    ]


@case("unique")
async def survive_concurrent_inserts(bench: Bench) -> None:
    """Of many inserts of one key at the same time one is created, and the others are told."""
    jobs = [bench.new(unique=key("x")) for _ in range(12)]
    answers: list[Inserted] = []

    async def insert(job: NewJob) -> None:
        answers.extend(await bench.insert(job))

    async with anyio.create_task_group() as tasks:
        for job in jobs:
            tasks.start_soon(insert, job)
    created = [answer.id for answer in answers if answer.status is Insertion.CREATED]
    assert await bench.ids() == created
    assert {a.other for a in answers if a.status is Insertion.SKIPPED} == set(created)


@case("unique")
async def sent_again_are_existing(bench: Bench) -> None:
    """A job does not conflict with itself."""
    job = bench.new(unique=key("x"))
    await bench.there(job)
    assert (await bench.insert(job))[0].status is Insertion.EXISTING


@case("unique")
async def hold_while_the_job_lives(bench: Bench) -> None:
    """Waiting, running and retrying, and no longer."""
    job = bench.new(unique=key("x"))
    worker, taken = await bench.running(job)
    assert await _holds(bench, job)
    await bench.finish(failed(taken, error(bench), timedelta(seconds=5)))
    assert await _holds(bench, job)
    bench.wait(5)
    [taken] = await worker.take()
    await bench.finish(completed(taken))
    await bench.there(bench.new(unique=key("x")))


@case("unique")
async def are_freed_only_by_their_holder(bench: Bench) -> None:
    """Ending, pruning and deleting an old job leaves the key to the newer one that holds it."""
    old, newer = bench.new(unique=key("x")), bench.new(unique=key("x"))
    oldest = bench.new(unique=key("x"))
    for job in (oldest, old):
        await bench.there(job)
        await bench.act(Cancel(), job)
    await bench.there(newer)
    assert await bench.act(Delete(), oldest) == ["changed"]
    assert await _holds(bench, newer)
    bench.wait(AGES)
    assert await bench.prune() == 1
    assert await _holds(bench, newer)


@case("unique")
async def kept_hold_until_the_job_is_gone(bench: Bench) -> None:
    """A kept key is held by an ended job, until it is pruned."""
    job = bench.new(unique=key("x", Hold.KEPT))
    await bench.there(job)
    await bench.act(Cancel(), job)
    assert await _holds(bench, job)
    bench.wait(AGES)
    await bench.prune()
    await bench.there(bench.new(unique=key("x")))


@case("unique")
async def held_for_ever_outlive_the_job(bench: Bench) -> None:
    """A key held for ever is never taken again."""
    job = bench.new(unique=key("x", Hold.FOREVER))
    await bench.there(job)
    await bench.act(Cancel(), job)
    await bench.act(Delete(), job)
    assert await _holds(bench, job)


@case("unique")
async def replace_a_waiting_holder(bench: Bench) -> None:
    """The holder that waits is cancelled and hands its key over."""
    old = bench.new(unique=key("x"), run_at=timedelta(seconds=9))
    new = bench.new(unique=key("x", on_conflict=Conflict.REPLACE))
    await bench.there(old)
    assert await bench.insert(new) == [Inserted(new.id, Insertion.REPLACED, old.id)]
    assert await bench.state(old) is State.CANCELLED
    assert await _holds(bench, new)


@case("unique")
async def never_replace_a_running_holder(bench: Bench) -> None:
    """A holder that runs is not touched."""
    holder = bench.new(unique=key("x"))
    await bench.running(holder)
    new = bench.new(unique=key("x", on_conflict=Conflict.REPLACE))
    assert await bench.insert(new) == [Inserted(new.id, Insertion.SKIPPED, holder.id)]
    assert await bench.state(holder) is State.RUNNING


@case("unique")
async def are_shown(bench: Bench) -> None:
    """A row tells the key as it was given."""
    unique = key("x", Hold.KEPT, Conflict.REPLACE)
    job = bench.new(unique=unique)
    await bench.there(job)
    assert (await bench.row(job)).unique == unique


@case("unique", "follow_up")
async def hold_for_follow_ups(bench: Bench) -> None:
    """A follow-up whose key is held is skipped, and the outcome stands."""
    _, job = await bench.running()
    holder = bench.new(unique=key("x"), run_at=timedelta(seconds=9))
    await bench.there(holder)
    await bench.finish(completed(job, follow_ups=[bench.new(unique=key("x"))]))
    assert await bench.state(job) is State.COMPLETED
    assert set(await bench.ids()) == {job.id, holder.id}


@case("unique")
async def held_for_ever_outlive_their_job(bench: Bench) -> None:
    """A key that is held for ever is held when its job was pruned or deleted, too."""
    pruned, deleted = (bench.new(unique=key(name, Hold.FOREVER)) for name in "xy")
    _, taken = await bench.running(pruned)
    await bench.finish(completed(taken))
    await bench.there(deleted)
    assert await bench.act(Delete(), deleted) == [Acted.CHANGED]
    bench.wait((await _kept(bench, pruned)).total_seconds() + 1)
    assert await bench.prune() == 1
    for old, name in ((pruned, "x"), (deleted, "y")):
        new = bench.new(unique=key(name))
        assert await bench.insert(new) == [Inserted(new.id, Insertion.SKIPPED, old.id)]


async def _kept(bench: Bench, job: NewJob) -> timedelta:
    row = await bench.row(job)
    assert row.expire_at is not None
    return row.expire_at - bench.now
