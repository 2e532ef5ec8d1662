"""Two deploys on one store: what the other one enqueued is read, or waits for who can."""

from __future__ import annotations

import pytest
from goncordia import Args, Client, Registry, State, worker_pool
from goncordia.pool import PoolOptions

pytestmark = pytest.mark.anyio


class Old(Args, kind="mail"):
    name: str


class New(Args, kind="mail", version=2, upcasters={1: lambda old: {"to": [old["name"]]}}):
    to: list[str]


class Forgetful(Args, kind="mail", version=2):
    to: list[str]


def deploy(args, read):
    """A registry with that version of the class; it notes what its handler got."""
    jobs = Registry()

    @jobs.worker(args=args)
    async def mail(job):
        read.append(job.args)

    return jobs


def pool(rig, args, read):
    """It polls seldom, since hours pass; what falls due wakes it."""
    slow = PoolOptions(poll=300, beat_every=300, session_ttl=3000, clock=rig.clock)
    return worker_pool(rig.driver, deploy(args, read), **slow)


async def test_a_new_worker_lifts_what_an_old_producer_stored(rig):
    read = []
    async with pool(rig, New, read) as workers:
        ref = (await rig.client.enqueue(Old("ada"))).id
        await rig.rest(workers)
    assert read == [New(["ada"])]
    row = await rig.row(ref)
    assert (row.state, row.version, row.args) == (State.COMPLETED, 1, b'{"name":"ada"}')


async def test_an_old_worker_leaves_what_a_new_producer_stored(rig):
    """For hours, and then the new worker finds the job as it was."""
    read = []
    ref = (await rig.client.enqueue(New(["ada"]), max_attempts=1)).id
    async with pool(rig, Old, read) as workers:
        await rig.after(7200, workers)
    row = await rig.row(ref)
    assert (row.state, row.attempt, row.errors) == (State.SCHEDULED, 0, ())
    assert row.snoozes < 25, "it is not looked at again and again"
    assert not read
    async with pool(rig, New, read) as workers:
        await rig.after(700, workers)
    assert read == [New(["ada"])]
    assert (await rig.row(ref)).attempt == 1


async def test_old_and_new_side_by_side_end_all_jobs_of_both(rig):
    old, new = [], []
    client = Client(rig.driver, clock=rig.clock)
    async with pool(rig, Old, old) as one, pool(rig, New, new) as two:
        for n in range(10):
            await client.enqueue(Old(f"old {n}"))
            await client.enqueue(New([f"new {n}"]))
        while len(old) + len(new) < 20:
            await rig.after(300, one)
            await rig.rest(two)
    rows = [row async for row in client.all_jobs()]
    assert {(row.state, row.attempt) for row in rows} == {(State.COMPLETED, 1)}
    names = [args.name for args in old] + [args.to[0] for args in new]
    assert sorted(names) == sorted(f"{age} {n}" for n in range(10) for age in ("old", "new"))


async def test_a_missing_upcaster_fails_the_job_and_says_so(rig):
    async with pool(rig, Forgetful, []) as workers:
        ref = (await rig.client.enqueue(Old("ada"))).id
        await rig.rest(workers)
        row = await rig.row(ref)
        assert (row.state, row.errors[0].type) == (State.RETRYABLE, "UpcasterMissing")
