"""Tasks that meet at one place of a store, and what they meet there."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

import anyio
from anyio.lowlevel import checkpoint
from goncordia.actions import Acted, Action
from goncordia.answers import Insertion
from goncordia.errors import Unavailable
from goncordia.jobs import ClaimedJob, NewJob, completed
from goncordia.lifecycle import State

from goncordia_conformance.bench import Bench, Worker

R = TypeVar("R")

CROWD = 16
"""How many tasks meet."""
SOME = 64
"""Jobs of most races."""
TRIES = 1000
"""How often a call is sent again while somebody else is at the row."""


async def together(calls: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Run them all at the same time; the first that fails ends the race."""
    failed: list[Exception] = []
    async with anyio.create_task_group() as tasks:

        async def run(call: Callable[[], Awaitable[None]], number: int) -> None:
            for _ in range(random.Random(number).randrange(3)):
                await checkpoint()
            try:
                await call()
            except Exception as error:
                failed.append(error)  # raised below, outside of the group
                tasks.cancel_scope.cancel()

        for number, call in enumerate(calls):
            tasks.start_soon(run, call, number)
    if failed:
        raise failed[0]


async def filled(bench: Bench, n: int, queue: str = "default") -> list[NewJob]:
    """So many jobs that wait."""
    jobs = [bench.new(queue=queue) for _ in range(n)]
    batch = min(bench.driver.habits.batch, 500)
    for start in range(0, n, batch):
        await bench.there(*jobs[start : start + batch])
    return jobs


async def all_running(bench: Bench, n: int) -> tuple[Worker, list[ClaimedJob]]:
    """A worker that runs so many jobs."""
    await filled(bench, n)
    worker = await bench.worker()
    jobs = await worker.take(n)
    assert len(jobs) == n, f"of {n} jobs {len(jobs)} could be claimed"
    return worker, jobs


async def states(bench: Bench, ids: Sequence[UUID]) -> dict[UUID, State | None]:
    """Each job's state; None: it is gone."""
    rows = await bench.driver.get(ids, now=bench.told)
    return {
        wanted: None if row is None else row.state for wanted, row in zip(ids, rows, strict=True)
    }


def once(what: str, ids: Iterable[UUID]) -> None:
    """No job comes twice."""
    twice = [one for one, n in Counter(ids).items() if n > 1]
    assert not twice, f"{what}: {len(twice)} jobs twice, {twice[0]} among them"


async def acted(bench: Bench, id: UUID, action: Action) -> Acted:
    """Act, and again while somebody else is at the row."""
    for _ in range(TRIES):
        [answer] = await bench.driver.act([id], action, now=bench.told)
        if answer is not Acted.BUSY:
            return answer
        await checkpoint()
    raise AssertionError("act: busy for ever, and nobody has a transaction open")


def ids_of(jobs: Iterable[ClaimedJob]) -> list[UUID]:
    """Their ids."""
    return [job.id for job in jobs]


async def expired(bench: Bench, n: int) -> list[ClaimedJob]:
    """So many ended jobs whose retention has passed."""
    _, jobs = await all_running(bench, n)
    await bench.finish(*(completed(job) for job in jobs))
    ended = await bench.row(jobs[-1])
    assert ended.expire_at is not None
    bench.now = ended.expire_at + timedelta(seconds=1)
    return jobs


async def sent(call: Callable[[], Awaitable[R]]) -> R:
    """The answer; what is unavailable is asked again."""
    for _ in range(TRIES):
        try:
            return await call()
        except Unavailable:
            await checkpoint()
    raise AssertionError("unavailable for ever, and nobody has a transaction open")


async def inserted(
    bench: Bench, jobs: Sequence[NewJob]
) -> dict[UUID, tuple[Insertion, UUID | None]]:
    """Insert each by itself, all at once: how each was answered."""
    answers: dict[UUID, tuple[Insertion, UUID | None]] = {}

    async def insert(job: NewJob) -> None:
        [answer] = await sent(lambda: bench.insert(job))
        answers[job.id] = answer.status, answer.other

    await together([partial(insert, job) for job in jobs])
    return answers
