"""What a directed case works with: the driver, a clock to set, and makers of what one says."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Never
from uuid import UUID

from goncordia.actions import Acted, Action
from goncordia.answers import Filter, Finished, Inserted, Insertion
from goncordia.capabilities import Capabilities
from goncordia.driver import Driver
from goncordia.ids import uuid7
from goncordia.jobs import (
    AttemptError,
    ClaimedJob,
    Conflict,
    Hold,
    JobRow,
    NewJob,
    Outcome,
    UniqueKey,
)
from goncordia.lifecycle import State
from goncordia.sessions import Claim, Claims, WorkerInfo

from goncordia_conformance.observe import listed
from goncordia_conformance.story import START
from goncordia_conformance.subject import Handle, Subject

TTL = timedelta(seconds=60)
MINUTE = timedelta(minutes=1)
PATIENT = 20
"""How often a store that sees late is asked again."""


class _Failed(Exception):
    """What goes wrong in a caller's transaction."""


class Bench:
    """A driver to try; `now` is passed to every operation, and moved by hand."""

    def __init__(self, driver: Driver[Never], subject: Subject) -> None:
        self.driver = driver
        self.subject = subject
        self.now: datetime = START
        self.tells_now = True
        """Whether operations are told the time; else the store's clock rules."""
        self.figures: dict[str, float] = {}
        """What a case measured, for the report."""

    @property
    def promised(self) -> Capabilities:
        """What the store declares."""
        return self.driver.capabilities

    @property
    def told(self) -> datetime | None:
        """What operations get as `now`."""
        return self.now if self.tells_now else None

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def begin(self) -> AbstractAsyncContextManager[Handle]:
        """A transaction of the caller's."""
        return self.subject.begin(self.driver)

    @asynccontextmanager
    async def failing(self) -> AsyncGenerator[Handle]:
        """A transaction in which something goes wrong at the end."""
        try:
            async with self.begin() as tx:
                yield tx
                raise _Failed
        except _Failed:
            return
        raise AssertionError("begin(driver) swallowed an exception: it has to roll back and raise")

    def new(
        self,
        *,
        queue: str = "default",
        kind: str = "k",
        args: bytes = b"{}",
        priority: int = 0,
        run_at: datetime | timedelta | None = None,
        max_attempts: int = 25,
        unique: UniqueKey | None = None,
        tags: tuple[str, ...] = (),
        meta: bytes = b"",
    ) -> NewJob:
        """A job to insert."""
        return NewJob(
            self.driver.new_id(kind, queue),
            kind,
            args,
            queue=queue,
            priority=priority,
            run_at=run_at,
            max_attempts=max_attempts,
            unique=unique,
            tags=tags,
            meta=meta,
        )

    async def insert(self, *jobs: NewJob, tx: Handle | None = None) -> list[Inserted]:
        """Insert them, now."""
        return await self.driver.insert(jobs, tx=tx, now=self.told)

    async def there(self, *jobs: NewJob) -> None:
        """Insert jobs that must be created."""
        for answer in await self.insert(*jobs):
            assert answer.status is Insertion.CREATED

    async def worker(self, ttl: timedelta = TTL) -> Worker:
        """Join."""
        session = await self.driver.join(WorkerInfo("worker"), ttl, now=self.told)
        return Worker(self, session.id)

    async def running(self, job: NewJob | None = None) -> tuple[Worker, ClaimedJob]:
        """A worker, and the one job that it runs."""
        await self.there(job or self.new())
        worker = await self.worker()
        [taken] = await worker.take()
        return worker, taken

    async def finish(self, *outcomes: Outcome, tx: Handle | None = None) -> list[Finished]:
        """Record outcomes, now."""
        return await self.driver.finish(outcomes, tx=tx, now=self.told)

    async def act(self, action: Action, *jobs: NewJob | ClaimedJob | UUID) -> list[Acted]:
        """Act on jobs, now."""
        return await self.driver.act([_id(job) for job in jobs], action, now=self.told)

    async def row(self, job: NewJob | ClaimedJob | UUID) -> JobRow:
        """A job that must be there."""
        [row] = await self.driver.get([_id(job)], now=self.told)
        assert row is not None, "the job is gone"
        return row

    async def state(self, job: NewJob | ClaimedJob | UUID) -> State | None:
        """A job's state; None: it is not there."""
        [row] = await self.driver.get([_id(job)], now=self.told)
        return None if row is None else row.state

    async def ids(self, where: Filter | None = None, limit: int = 100) -> list[UUID]:
        """The jobs that a list shows, in its order."""
        rows = await listed(self.driver, where or Filter(), limit, self.told)
        return [row.id for row in rows]

    async def rescue(self, limit: int = 100, observed: timedelta | None = None) -> int:
        """Take back what dead sessions hold; how many."""
        return (await self.driver.rescue(limit, observed=observed, now=self.told)).n

    async def prune(self, limit: int = 100) -> int:
        """Remove what expired; how many."""
        return (await self.driver.prune(limit, now=self.told)).n


class Worker:
    """A session and the claims that it makes."""

    def __init__(self, bench: Bench, session: UUID) -> None:
        self.bench = bench
        self.session = session

    async def claim(
        self, n: int = 1, queue: str = "default", *, token: UUID | None = None, resend: bool = False
    ) -> Claims:
        """One claim."""
        claim = Claim(token or uuid7(), self.session, {queue: n}, resend)
        return await self.bench.driver.claim(claim, now=self.bench.told)

    async def take(self, n: int = 1, queue: str = "default") -> list[ClaimedJob]:
        """Up to so many jobs; patient with a store that may give less than wanted, or see late."""
        jobs: list[ClaimedJob] = []
        tries = 1 if self.bench.promised.claim_sees == "immediate" else PATIENT
        while tries and len(jobs) < n:
            claims = await self.claim(n - len(jobs), queue)
            jobs += claims.jobs
            tries -= not claims.jobs
        return jobs

    async def alive(self, tokens: Sequence[UUID] = ()) -> bool:
        """Beat; whether the session lives."""
        return (await self.bench.driver.beat(self.session, tokens, now=self.bench.told)).alive

    async def leave(self) -> None:
        """Go."""
        await self.bench.driver.leave(self.session, now=self.bench.told)


def key(name: str, hold: Hold = Hold.LIVE, on_conflict: Conflict = Conflict.SKIP) -> UniqueKey:
    """A unique key."""
    return UniqueKey(sha256(name.encode()).digest(), hold, on_conflict)


def error(bench: Bench, message: str = "boom") -> AttemptError:
    """Why an attempt failed."""
    return AttemptError(1, bench.now, "ValueError", message, "line 1")


def _id(job: NewJob | ClaimedJob | UUID) -> UUID:
    return job if isinstance(job, UUID) else job.id
