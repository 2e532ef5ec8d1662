"""The store behind a faulty line: whatever the plan of faults, the work ends and adds up.

A producer and some workers do their work as clients and pools do: what was not answered is sent
again, with the same ids and tokens. Workers fail jobs, give them back, and die. At the end each job
was ended once, by one token, and its follow-up job is there once.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Never, TypeVar
from uuid import UUID

from anyio.lowlevel import checkpoint
from goncordia.answers import Filter, Finished, Inserted, Insertion
from goncordia.errors import SessionLost, Unavailable
from goncordia.ids import uuid7
from goncordia.jobs import (
    AttemptError,
    ClaimedJob,
    JobRow,
    NewJob,
    Outcome,
    completed,
    failed,
    released,
)
from goncordia.lifecycle import ENDED, Event, State
from goncordia.sessions import Claim, WorkerInfo
from goncordia.testing.plan import FaultKind, FaultPlan, PlannedDriver

from goncordia_conformance.bench import TTL, Bench
from goncordia_conformance.case import case
from goncordia_conformance.observe import listed
from goncordia_conformance.races.crowd import together

R = TypeVar("R")

SEEDS = range(3)
JOBS, BATCH = 40, 5
WORKERS = 3
RESENDS = 200
ROUNDS = 600
STEP = timedelta(seconds=5)
MOST = 1000
"""Attempts: more than any plan of faults spends."""
FOLLOW_UP = "follow_up"


class Work:
    """One piece of work through a faulty line, and what was heard of it."""

    def __init__(self, bench: Bench, seed: int, kinds: tuple[FaultKind, ...]) -> None:
        self.bench = bench
        plan = FaultPlan(seed, kinds=kinds)
        self.line: PlannedDriver[Never] = PlannedDriver(bench.driver, plan)
        self.chance = random.Random(seed)
        self.told = f"with faults {', '.join(kinds)} by seed {seed}"
        self.queue = f"faults{seed}"
        self.jobs = [self.new() for _ in range(JOBS)]
        self.follow_ups: dict[UUID, UUID] = {}
        """Follow-up jobs by the token's outcome that brings them, those that count."""
        self.done: Counter[UUID] = Counter()
        """How often somebody heard that a job was completed."""

    def new(self, kind: str = "k") -> NewJob:
        """A job of this work."""
        return self.bench.new(kind=kind, queue=self.queue, max_attempts=MOST)

    async def sent(self, call: Callable[[], Awaitable[R]]) -> R:
        """The answer, however often the call has to be sent."""
        for _ in range(RESENDS):
            try:
                return await call()
            except Unavailable:
                await checkpoint()
        raise AssertionError(f"{self.told}: a call was unavailable {RESENDS} times in a row")

    async def produce(self) -> None:
        """Insert the jobs in batches, some sent again although they were answered."""
        for start in range(0, JOBS, BATCH):
            batch = self.jobs[start : start + BATCH]
            answers = await self.sent(partial(self.insert, batch))
            ids = [answer.id for answer in answers]
            assert ids == [job.id for job in batch], f"{self.told}: insert answers by position"

    async def insert(self, batch: list[NewJob]) -> list[Inserted]:
        """One try."""
        answers = await self.line.insert(batch, now=self.bench.now)
        wrong = {a.status for a in answers} - {Insertion.CREATED, Insertion.EXISTING}
        assert not wrong, f"{self.told}: insert answers {wrong}"
        return answers

    async def work(self) -> None:
        """Join, work, perhaps die, and join anew, until all is done."""
        rounds = 0
        while not await self.over():
            await self.live()
            rounds += 1
            assert rounds < ROUNDS, f"{self.told}: the work does not end"

    async def over(self) -> bool:
        """Whether every job has ended."""
        rows = await self.rows()
        return len(rows) >= JOBS and all(row.state in ENDED for row in rows)

    async def rows(self) -> list[JobRow]:
        """The jobs, seen past the line."""
        where = Filter(queues=(self.queue,))
        return await listed(self.bench.driver, where, 100, self.bench.now)

    async def live(self) -> None:
        """One session: some rounds of work, each with a beat."""
        line, bench = self.line, self.bench
        session = await self.sent(lambda: line.join(WorkerInfo("worker"), TTL, now=bench.now))
        for _ in range(self.chance.randrange(1, 6)):
            claim = Claim(uuid7(), session.id, {self.queue: self.chance.randrange(1, 5)})
            try:
                jobs = await self.claim(claim)
            except SessionLost:
                return
            if self.chance.random() < 0.1:
                return  # dies with its jobs
            await self.end(jobs)
            bench.now += STEP
            await self.sent(lambda: line.rescue(100, now=bench.now))
            beat = await self.sent(lambda: line.beat(session.id, [], now=bench.now))
            if not beat.alive:
                return
        await self.sent(lambda: line.leave(session.id, now=bench.now))

    async def claim(self, claim: Claim) -> list[ClaimedJob]:
        """Jobs, each under the claim's token; sent again under the same one."""
        first = True

        async def call() -> list[ClaimedJob]:
            nonlocal first
            again = Claim(claim.token, claim.session, claim.wants, resend=not first)
            first = False
            return (await self.line.claim(again, now=self.bench.now)).jobs

        jobs = await self.sent(call)
        ids = [job.id for job in jobs]
        assert len(set(ids)) == len(ids), f"{self.told}: a claim gave a job twice"
        wanted = sum(claim.wants.values())
        assert len(ids) <= wanted, f"{self.told}: a claim of {wanted} gave {len(ids)} jobs"
        return jobs

    async def end(self, jobs: list[ClaimedJob]) -> None:
        """Say what became of the jobs."""
        left: list[Outcome] = [self.outcome(job) for job in jobs]
        for _ in range(RESENDS):
            if not left:
                return
            answers = await self.sent(partial(self.line.finish, left, now=self.bench.now))
            for outcome, answer in zip(left, answers, strict=True):
                self.heard(outcome, answer)
            left = [o for o, a in zip(left, answers, strict=True) if a is Finished.BUSY]
            await checkpoint()
        raise AssertionError(f"{self.told}: finish answers busy for ever")

    def outcome(self, job: ClaimedJob) -> Outcome:
        """Mostly done, perhaps failed or given back."""
        chance = self.chance.random()
        if chance < 0.15:
            error = AttemptError(job.attempt, self.bench.now, "ValueError", "no")
            return failed(job, error, timedelta(0))
        if chance < 0.3:
            return released(job)
        if self.bench.promised.follow_up and job.kind != FOLLOW_UP:
            return completed(
                job,
                follow_ups=[self.bench.new(kind=FOLLOW_UP, queue=self.queue, max_attempts=MOST)],
            )
        return completed(job)

    def heard(self, outcome: Outcome, answer: Finished) -> None:
        """Keep what was answered."""
        assert answer is not Finished.GONE, f"{self.told}: a job is gone"
        if outcome.event is Event.COMPLETE and answer is Finished.DONE:
            self.done[outcome.id] += 1
            for job in outcome.follow_ups:
                self.follow_ups[job.id] = outcome.id

    async def check(self) -> None:
        """What holds whatever went wrong."""
        rows = await self.rows()
        ids = [row.id for row in rows]
        assert len(set(ids)) == len(ids), f"{self.told}: a job is there twice"
        expected = {job.id for job in self.jobs} | set(self.follow_ups)
        missing, strange = expected - set(ids), set(ids) - expected
        assert not missing, f"{self.told}: {len(missing)} jobs are lost ({self._kinds(missing)})"
        assert not strange, f"{self.told}: {len(strange)} jobs are there that no outcome brought"
        twice = [one for one, n in self.done.items() if n > 1]
        assert not twice, f"{self.told}: finish recorded {len(twice)} jobs as completed twice"
        for row in rows:
            ended = row.state is State.COMPLETED
            assert ended == (row.id in self.done), (
                f"{self.told}: a job is {row.state}, and finish answered "
                f"{'done' if row.id in self.done else 'nothing of it'}"
            )
            assert row.attempt <= row.max_attempts, f"{self.told}: attempts beyond the limit"
        sessions = [s for s in await self.bench.driver.sessions(now=self.bench.now) if not s.alive]
        assert not sessions, f"{self.told}: dead sessions hold jobs still"

    def _kinds(self, ids: set[UUID]) -> str:
        return ", ".join(sorted({FOLLOW_UP if one in self.follow_ups else "job" for one in ids}))


async def endure(bench: Bench, *kinds: FaultKind) -> None:
    """Work under some plans of these kinds of fault, each in a queue of its own."""
    for seed in SEEDS:
        work = Work(bench, seed, kinds)
        await together([*[work.work] * WORKERS, work.produce])
        await bench.driver.rescue(100, now=bench.now)
        await work.check()


@case(part="fault")
async def that_refuse_calls_lose_nothing(bench: Bench) -> None:
    """Calls that never reach the store are sent again, and the work ends."""
    await endure(bench, FaultKind.REFUSED)


@case(part="fault")
async def that_lose_replies_do_nothing_twice(bench: Bench) -> None:
    """The store did as it was asked and nobody heard of it: what is sent again is known."""
    await endure(bench, FaultKind.LOST)


@case(part="fault")
async def that_halve_batches_are_completed_by_a_resend(bench: Bench) -> None:
    """Half of a batch is written: sent again, the other half is."""
    await endure(bench, FaultKind.HALVED)


@case(part="fault")
async def that_delay_calls_fence_the_late(bench: Bench) -> None:
    """Calls and replies that come late meet what others did meanwhile."""
    await endure(bench, FaultKind.DELAYED)


@case(part="fault")
async def that_double_calls_do_nothing_twice(bench: Bench) -> None:
    """A call reaches the store twice."""
    await endure(bench, FaultKind.DOUBLED)


@case(part="fault")
async def that_cancel_calls_leave_nothing_half_done(bench: Bench) -> None:
    """A call is cancelled at an await: it happened or it did not."""
    await endure(bench, FaultKind.CANCELLED)


@case(part="fault")
async def of_all_kinds_together_lose_nothing(bench: Bench) -> None:
    """Everything at once; where claims may see late, they see stale as well."""
    await endure(bench, *FaultKind)
