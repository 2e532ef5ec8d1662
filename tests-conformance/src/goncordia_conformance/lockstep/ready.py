"""What a step needs to mean something, brought about by steps of its own.

Chance alone seldom has a job at hand that runs, ended, expired or lost its worker: most steps would
meet nothing. Each function below sees to it, and does nothing where it is so already.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from goncordia.actions import Cancel
from goncordia.jobs import Conflict, Hold
from goncordia.lifecycle import ENDED, LIVE, Event, State
from hypothesis import strategies as st

from goncordia_conformance.lockstep import jobs, work
from goncordia_conformance.lockstep.plans import QUEUES, JobPlan, Key, OutcomePlan, Time
from goncordia_conformance.lockstep.world import World

Ready = Callable[[World], Awaitable[None]]

PLAIN = [
    JobPlan(None, "k", b"{}", queue, 0, None, 2, None, (), b"", 1, 0) for queue in (*QUEUES, "a")
]
KEYED = replace(PLAIN[0], unique=Key("x", Hold.LIVE, Conflict.SKIP, None))
DONE = OutcomePlan(0, "own", Event.COMPLETE, False, False, Time(0, None), "", None, None)
ALL: Mapping[str, int] = dict.fromkeys(QUEUES, 2)


async def nothing(world: World) -> None:
    """Whatever is there will do."""


async def worker(world: World) -> None:
    """The latest worker lives."""
    sessions = world.model.sessions()
    latest = sessions.get(world.sessions[-1]) if world.sessions else None
    if latest is None or not latest.alive:
        await work.join(world)


async def due(world: World) -> None:
    """A worker lives, and there is a job that it may claim; a queue may be paused beside it."""
    await worker(world)
    paused = world.model.paused(world.now)
    if all(queue in paused for queue in QUEUES):
        await jobs.pause(world, QUEUES[-1], False)
        del paused[QUEUES[-1]]
    if not any(world.model.due(queue, world.now) for queue in QUEUES if queue not in paused):
        await jobs.insert(world, PLAIN)


async def running(world: World) -> None:
    """A job runs, and its worker lives."""
    living = {uid for uid, session in world.model.sessions().items() if session.alive}
    rows = world.model.rows(world.now, State.RUNNING).values()
    if not any(row.session in living for row in rows):
        await due(world)
        await work.claim(world, 0, ALL)


async def lost(world: World) -> None:
    """A job runs, and its worker has been silent for too long."""
    if not world.model.rows(world.now, State.RUNNING):
        await running(world)
    silent = world.now - timedelta(seconds=61)
    sessions = world.model.sessions().values()
    if all(session.alive and session.beat_at > silent for session in sessions):
        passes(world, 61.5)


async def ended(world: World) -> None:
    """A job has ended."""
    if not world.model.rows(world.now, *ENDED):
        await running(world)
        await work.finish(world, [DONE])


async def expired(world: World) -> None:
    """A job's retention has passed."""
    if not world.model.expired(world.now):
        await ended(world)
        rows = world.model.rows(world.now, *ENDED).values()
        kept = [row.expire_at for row in rows if row.expire_at is not None]
        if kept:
            passes(world, (min(kept) - world.now).total_seconds() + 1)


async def handed_on(world: World) -> None:
    """The unique key of a job that ended is held by a newer one."""
    if world.promised.unique:
        await jobs.insert(world, [KEYED])
        await jobs.act(world, [0], Cancel(), unknown=False)
        await jobs.insert(world, [KEYED])


async def handed_on_and_expired(world: World) -> None:
    """And the retention of the one that ended has passed."""
    await handed_on(world)
    await expired(world)


async def keyed_running(world: World) -> None:
    """A job that runs holds a unique key."""
    if world.promised.unique:
        await worker(world)
        await jobs.insert(world, [KEYED])
        await work.claim(world, 0, dict.fromkeys(QUEUES, 9))


async def living(world: World) -> None:
    """A job has not ended."""
    if not world.model.rows(world.now, *LIVE):
        await jobs.insert(world, PLAIN)


def passes(world: World, seconds: float) -> None:
    """Time passes."""
    world.now += timedelta(seconds=seconds)


def often(*what: Ready) -> st.SearchStrategy[Ready]:
    """One of these, mostly."""
    return st.sampled_from([nothing, *what, *what])


for_inserts = st.sampled_from([nothing, nothing, nothing, keyed_running])
for_claims = often(due)
for_outcomes = often(running)
for_beats = often(running, lost)
for_rescue = often(lost, lost, running)
for_prune = often(expired, handed_on_and_expired)
for_actions = often(living, running, ended, expired, handed_on)
for_cancels = often(living, running)
for_retries = often(ended, ended, expired, handed_on)
