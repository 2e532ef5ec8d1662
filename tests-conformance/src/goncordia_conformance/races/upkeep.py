"""Upkeep by two, and beside operators and readers."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from goncordia.actions import Acted, Retry
from goncordia.answers import Filter, Page
from goncordia.jobs import ClaimedJob
from goncordia.lifecycle import State

from goncordia_conformance.bench import Bench, Worker
from goncordia_conformance.case import case
from goncordia_conformance.races.crowd import (
    SOME,
    TRIES,
    acted,
    expired,
    filled,
    ids_of,
    once,
    states,
    together,
)


@case(part="race")
async def rescue_by_two_leaders_does_no_harm(bench: Bench) -> None:
    """Two leaders do upkeep at once while a worker claims: each lost job is taken back once."""
    await filled(bench, SOME)
    dead = [await bench.worker() for _ in range(4)]
    assert len({worker.session for worker in dead}) == len(dead), "join: a session came twice"
    lost = [job.id for worker in dead for job in await worker.take(SOME // 4)]
    bench.wait(61)
    living = await bench.worker()
    later = Bench(bench.driver, bench.subject)
    later.now = bench.now + timedelta(minutes=15)
    taken: list[ClaimedJob] = []
    counted: list[int] = []

    async def lead() -> None:
        for _ in range(SOME):
            progress = await bench.driver.rescue(3, now=bench.told)
            counted.append(progress.n)
            if not progress.more:
                return

    async def work() -> None:
        worker = Worker(later, living.session)
        for _ in range(SOME):
            taken.extend((await worker.claim(3)).jobs)

    await together([lead, lead, work, lead])
    await lead()
    while claims := (await Worker(later, living.session).claim(SOME)).jobs:
        taken.extend(claims)
    once("rescue: a job was taken back from a worker that lives and claimed again", ids_of(taken))
    assert sorted(ids_of(taken)) == sorted(lost), "rescue: a job of the dead is lost"
    assert sum(counted) == len(lost), f"rescue counts {sum(counted)}, and {len(lost)} were lost"
    for row in await bench.driver.get(lost, now=later.now):
        assert row is not None
        assert (row.attempt, len(row.errors)) == (2, 1), (
            f"rescue by two leaders: attempt {row.attempt}, {len(row.errors)} errors"
        )


@case(part="race")
async def prune_against_retry_has_one_winner(bench: Bench) -> None:
    """A job is retried or pruned: what a retry changed is there, and runs again."""
    jobs = await expired(bench, SOME)
    answers: dict[UUID, Acted] = {}

    async def retry(job: ClaimedJob) -> None:
        answers[job.id] = await acted(bench, job.id, Retry())

    async def prune() -> None:
        for _ in range(SOME // 4):
            await bench.prune(4)

    calls = [lambda job=job: retry(job) for job in jobs]
    await together([*calls[: SOME // 2], prune, prune, *calls[SOME // 2 :]])
    for job, state in (await states(bench, ids_of(jobs))).items():
        wanted = State.AVAILABLE if answers[job] is Acted.CHANGED else None
        assert state == wanted, f"prune: a retry answered {answers[job]}, and the job is {state}"


@case(part="race")
async def prune_while_listing_hides_nothing(bench: Bench) -> None:
    """While ended jobs are pruned, the pages show each job that stays once."""
    staying = {job.id for job in await filled(bench, SOME // 2, "staying")}
    await expired(bench, SOME)
    staying |= {job.id for job in await filled(bench, SOME // 2, "staying")}
    shown: list[UUID] = []

    async def read() -> None:
        cursor: str | None = None
        for _ in range(TRIES):
            page: Page = await bench.driver.list(Filter(), cursor=cursor, limit=5, now=bench.told)
            shown.extend(row.id for row in page.rows)
            cursor = page.cursor
            if cursor is None:
                return

    async def prune() -> None:
        for _ in range(SOME // 4):
            await bench.prune(4)

    await together([read, prune])
    once("list: the pages show", shown)
    hidden = staying - set(shown)
    assert not hidden, f"list: the pages leave out {len(hidden)} jobs that stay"
