"""Looking into a store, written once for both kinds of client; also into an open transaction.

What a transaction inserted nobody else can see, and no driver can list. So a tracker notes what its
client inserts there, and asks the transaction which of that is still there: a `finish` with a token
that no claim ever had changes nothing, and answers `gone` for a job that is not there.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime

from goncordia.answers import Filter, Finished
from goncordia.clock import Clock, due, utc_now
from goncordia.ids import uuid7
from goncordia.jobs import JobRow, NewJob, Outcome
from goncordia.lifecycle import Event
from goncordia.requests import Op, Store, ask, insist

PAGE = 1000
"""Jobs of one look."""


class Notes:
    """What was inserted in transactions of the caller's."""

    def __init__(self) -> None:
        """Empty."""
        self._noted: list[tuple[object, NewJob]] = []

    @contextmanager
    def layer(self, jobs: Sequence[NewJob], tx: object) -> Generator[None]:
        """For `Client(enqueuing=...)`."""
        yield
        if tx is not None:
            self._noted += [(tx, job) for job in jobs]

    def within(self, tx: object) -> list[NewJob]:
        """Those of that transaction, or of earlier ones on the same connection."""
        return [job for noted, job in self._noted if noted is tx]

    def of(self, kind: str) -> list[NewJob]:
        """Those of a kind, in any transaction."""
        return [job for _, job in self._noted if job.kind == kind]


def look(
    where: Filter, noted: Sequence[NewJob], tx: object, clock: Clock, *, asks: bool
) -> Op[list[JobRow]]:
    """The jobs in the order of their ids, and those of `noted` that only the transaction shows.

    `asks` tells whether the store can be asked about an open transaction; where it can't, each
    noted job counts.
    """
    rows = yield from _committed(where, clock)
    there = {row.id for row in rows}
    open_ones = [job for job in noted if job.id not in there and _meant(job, where)]
    if open_ones and asks:
        probes = [Outcome(job.id, uuid7(), Event.RELEASE) for job in open_ones]
        answers = yield from ask(Store.finish, probes, tx=tx, now=clock.told())
        pairs = zip(open_ones, answers, strict=True)
        open_ones = [job for job, answer in pairs if answer is not Finished.GONE]
    now = clock.told() or utc_now()
    return [*rows, *(as_row(job, now) for job in open_ones)]


def _committed(where: Filter, clock: Clock) -> Op[list[JobRow]]:
    rows: list[JobRow] = []
    cursor: str | None = None
    while True:
        page = yield from insist(Store.list, where, cursor=cursor, limit=PAGE, now=clock.told())
        rows += page.rows
        cursor = page.cursor
        if cursor is None:
            return rows[::-1]


def _meant(job: NewJob, where: Filter) -> bool:
    return not where.kinds or job.kind in where.kinds


def as_row(job: NewJob, now: datetime) -> JobRow:
    """The job as it stands once it is inserted."""
    return JobRow.of(job, now if job.run_at is None else due(job.run_at, now), now)
