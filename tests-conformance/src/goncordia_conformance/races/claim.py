"""Claims that meet each other, cancels, pauses and their own session's death."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from uuid import UUID

from goncordia.actions import Acted, Cancel
from goncordia.answers import Filter, Finished, QueueChange
from goncordia.errors import SessionLost
from goncordia.jobs import NewJob, completed
from goncordia.lifecycle import State

from goncordia_conformance.bench import Bench
from goncordia_conformance.case import case
from goncordia_conformance.races.crowd import (
    CROWD,
    SOME,
    acted,
    filled,
    ids_of,
    once,
    together,
)

MANY = 2000
"""Jobs of the race that is about speed as well."""
AT_ONCE = 100


@case("exclusive_claim=strict", part="race")
async def by_sixteen_shares_nothing(bench: Bench) -> None:
    """Sixteen claimants over two thousand jobs: no job is claimed twice, and none is left."""
    jobs = await filled(bench, MANY)
    claimed: list[UUID] = []
    answers = Counter[Finished]()
    empty = Counter[bool]()

    async def work() -> None:
        worker = await bench.worker()
        hungry = 0
        while hungry < 3:
            answer = await worker.claim(7)
            empty[not answer.jobs] += 1
            claimed.extend(ids_of(answer.jobs))
            hungry = 0 if answer.jobs or answer.more else hungry + 1
            if answer.jobs:
                answers.update(await bench.finish(*(completed(job) for job in answer.jobs)))

    began = time.perf_counter()
    await together([work] * CROWD)
    seconds = time.perf_counter() - began
    bench.figures["jobs a second, claimed by 16 and finished"] = MANY / seconds
    bench.figures["claims by 16 that gave nothing"] = empty[True]
    once("claim gave", claimed)
    assert answers == {Finished.DONE: MANY}, f"claim by 16, then finish: {dict(answers)}"
    left = {job.id for job in jobs} - set(claimed)
    assert not left, f"claim: {len(left)} of {MANY} jobs were left"


@case(part="race")
async def against_cancel_has_one_winner(bench: Bench) -> None:
    """A job that a cancel ended is claimed by nobody; one that was claimed is asked to stop."""
    jobs = await filled(bench, SOME)
    answers: dict[UUID, Acted] = {}
    claimed: set[UUID] = set()

    async def cancel(job: NewJob) -> None:
        answers[job.id] = await acted(bench, job.id, Cancel())

    async def work() -> None:
        worker = await bench.worker()
        for _ in range(SOME // 8):
            claimed.update(job.id for job in (await worker.claim(2)).jobs)

    calls = [lambda job=job: cancel(job) for job in jobs]
    await together([*calls[: SOME // 4], *[work] * 4, *calls[SOME // 4 :]])
    for row in await bench.driver.get([job.id for job in jobs], now=bench.told):
        assert row is not None, "cancel: a job is lost"
        wanted = "running" if row.id in claimed else "cancelled"
        assert row.state == wanted, (
            f"cancel answers {answers[row.id]}, claim "
            f"{'gave it' if row.id in claimed else 'did not give it'}, and the job is {row.state}"
        )
        asked = answers[row.id] is Acted.REQUESTED
        assert asked == row.cancel_requested == (row.id in claimed), (
            f"cancel answers {answers[row.id]} of a {row.state} job, "
            f"and cancel_requested is {row.cancel_requested}"
        )


@case(part="race")
async def after_death_holds_nothing(bench: Bench) -> None:
    """Claims that land while, or after, their session is declared dead leave no job behind."""
    await filled(bench, SOME)
    dying = await bench.worker()
    await dying.take(2)
    bench.wait(61)
    declared = False
    late: list[UUID] = []

    async def claim() -> None:
        for _ in range(4):
            after = declared
            with suppress(SessionLost):
                jobs = (await dying.claim(2)).jobs
                late.extend(ids_of(jobs) if after else [])

    async def lead() -> None:
        nonlocal declared
        for _ in range(4):
            await bench.driver.rescue(AT_ONCE, now=bench.told)
            declared = True

    await together([*[claim] * (CROWD // 2), lead, *[claim] * (CROWD // 2)])
    await bench.driver.rescue(AT_ONCE, now=bench.told)
    held = await bench.ids(Filter(states=(State.RUNNING,)))
    assert not held, f"claim: a session that was declared dead holds {len(held)} jobs for ever"
    assert not late, f"claim: a session that was declared dead before took {len(late)} jobs"


@case("pause_lag=0:00:00", part="race")
async def of_a_queue_paused_meanwhile_gives_nothing(bench: Bench) -> None:
    """A claim that begins after a pause was answered takes nothing; a resume loses nothing."""
    jobs = await filled(bench, 2 * SOME)
    claimed: list[UUID] = []
    paused = False
    late: list[UUID] = []

    async def work() -> None:
        worker = await bench.worker()
        for _ in range(6):
            after = paused
            answer = await worker.claim(1)
            claimed.extend(ids_of(answer.jobs))
            late.extend(ids_of(answer.jobs) if after else [])

    async def pause() -> None:
        nonlocal paused
        await bench.driver.queues(QueueChange("default", True), now=bench.told)
        paused = True

    await together([*[work] * (CROWD // 2), pause, *[work] * (CROWD // 2)])
    assert not late, f"claim: {len(late)} jobs were claimed from a queue that was paused before"
    await bench.driver.queues(QueueChange("default", False), now=bench.told)
    worker = await bench.worker()
    claimed.extend(ids_of(await worker.take(2 * SOME - len(claimed))))
    once("claim", claimed)
    assert len(claimed) == len(jobs), f"claim: of {len(jobs)} jobs {len(claimed)} came"
