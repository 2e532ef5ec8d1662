"""Outcomes that meet a rescue, or themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from uuid import UUID

from anyio.lowlevel import checkpoint
from goncordia.answers import Filter, Finished
from goncordia.jobs import ClaimedJob, completed

from goncordia_conformance.bench import Bench
from goncordia_conformance.case import case
from goncordia_conformance.races.crowd import (
    CROWD,
    SOME,
    TRIES,
    all_running,
    together,
)


@case(part="race")
async def against_rescue_has_one_winner(bench: Bench) -> None:
    """Either the worker's outcome stands or the rescue, never both and never neither."""
    _, jobs = await all_running(bench, SOME)
    bench.wait(61)
    answers: dict[UUID, Finished] = {}

    async def finish(job: ClaimedJob) -> None:
        async def send() -> Finished:
            return (await bench.finish(completed(job)))[0]

        answers[job.id] = await _resent(send)

    async def rescue() -> None:
        for _ in range(SOME):
            if not (await bench.driver.rescue(2, now=bench.told)).more:
                return

    calls = [lambda job=job: finish(job) for job in jobs]
    half = len(calls) // 2
    await together([*calls[:half], rescue, rescue, *calls[half:]])
    await rescue()
    for row in await bench.driver.get([job.id for job in jobs], now=bench.told):
        assert row is not None, "rescue: a job is lost"
        if answers[row.id] is Finished.DONE:
            assert row.state == "completed", f"finish answered done, and the job is {row.state}"
            assert not row.errors, "finish answered done, and the rescue's error is kept"
        else:
            assert answers[row.id] is Finished.LOST
            assert row.state == "retryable", f"finish answered lost, and the job is {row.state}"
            assert len(row.errors) == 1, f"one rescue left {len(row.errors)} errors"
    bench.figures["outcomes that came before the rescue"] = sum(
        answer is Finished.DONE for answer in answers.values()
    )


async def _resent(call: Callable[[], Awaitable[Finished]]) -> Finished:
    """Ask again while somebody else is at the row, as a pool does."""
    for _ in range(TRIES):
        answer = await call()
        if answer is not Finished.BUSY:
            return answer
        await checkpoint()
    raise AssertionError("finish: busy for ever, and nobody has a transaction open")


@case("follow_up", part="race")
async def sent_twice_at_once_is_done_once(bench: Bench) -> None:
    """An outcome and its resend together: both hear done, its follow-up jobs are there once."""
    _, jobs = await all_running(bench, CROWD)
    outcomes = [completed(job, follow_ups=[bench.new(kind="follow_up")]) for job in jobs]
    answers: list[Finished] = []

    async def finish() -> None:
        for outcome in outcomes:
            answers.extend(await bench.finish(outcome))

    await together([finish] * 3)
    assert Counter(answers) == {Finished.DONE: 3 * CROWD}, (
        f"finish sent three times at once answers {Counter(answers)}"
    )
    after = await bench.ids(Filter(kinds=("follow_up",)))
    assert sorted(after) == sorted(job.id for o in outcomes for job in o.follow_ups)
