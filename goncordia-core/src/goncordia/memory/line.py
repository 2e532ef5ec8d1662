"""The waiting line of one queue: who is due, in order, and who is due later.

Both are heaps of plain integers that end in the job's id. Entries are never searched for: one whose
job went elsewhere is stale, and dropped when it comes to the top, or when stale ones prevail. A
third heap has the due ones by `run_at`, from when somebody asks for the oldest one until stale
entries prevail.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, TypeGuard

from goncordia.jobs import PRIORITIES
from goncordia.lifecycle import DORMANT, WAITING, State

if TYPE_CHECKING:
    from goncordia.memory.record import Record

ID_BITS = 128
ID_MASK = (1 << ID_BITS) - 1
_RANK_SHIFT = ID_BITS + 64
_FIRST = PRIORITIES.stop - 1
_SECOND = 1_000_000
_SCRAMBLE = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835
"""Odd: multiplication by it permutes the ids."""
_SLACK = 64

Order = Callable[["Record"], int]
"""The place of a job among the due ones; its low bits are the id."""


def strict(job: Record) -> int:
    """By priority, then run_at, then id."""
    return ((_FIRST - job.priority) << _RANK_SHIFT) + (job.at << ID_BITS) + job.id.int


def window(job: Record) -> int:
    """By priority; jobs of the same second in any order."""
    mixed = (job.id.int * _SCRAMBLE & ID_MASK) >> 64
    second = ((_FIRST - job.priority) << 64) + job.at // _SECOND
    return (second << _RANK_SHIFT) + (mixed << ID_BITS) + job.id.int


def scrambled(job: Record) -> int:
    """In an order that means nothing, and is always the same."""
    return ((job.id.int * _SCRAMBLE & ID_MASK) << ID_BITS) + job.id.int


ORDERS: Mapping[str, Order] = {"strict": strict, "window": window, "none": scrambled}


class Line:
    """One queue: its waiting jobs in two heaps, its counts by state, its pause."""

    __slots__ = (
        "counts",
        "dues",
        "horizon",
        "kinds",
        "later",
        "name",
        "order",
        "paused_at",
        "ready",
        "used",
    )

    def __init__(self, name: str, order: Order) -> None:
        self.name = name
        self.order = order
        self.paused_at: datetime | None = None
        self.ready: list[int] = []
        self.later: list[int] = []
        self.dues: list[int] | None = None
        self.counts: dict[State, int] = dict.fromkeys(State, 0)
        self.kinds: dict[str, int] = {}
        """Waiting jobs by kind."""
        self.used = False
        """Whether it ever had a job or a pause: only then it is shown."""
        self.horizon = 0
        """The latest instant up to which jobs were moved on as due."""

    def place(self, job: Record, now: int) -> bool:
        """Line up a waiting job; whether it is due."""
        if job.state is not State.AVAILABLE:
            if job.at > now:
                job.seen = job.state
                job.key = 0
                heappush(self.later, _entry(job))
                return False
            self.horizon = max(self.horizon, now)
        job.seen = State.AVAILABLE
        job.key = key = self.order(job)
        heappush(self.ready, key)
        if self.dues is not None:
            self.note(job)
        return True

    def note(self, job: Record) -> None:
        """A job is due; whether claims see it yet or not."""
        if self.dues is not None:
            heappush(self.dues, _entry(job))
            if len(self.dues) > 2 * self.counts[State.AVAILABLE] + _SLACK:
                self.dues = None

    def advance(self, rows: Mapping[int, Record], now: int) -> None:
        """Move on what has fallen due."""
        later = self.later
        bound = (now + 1) << ID_BITS
        while later and later[0] < bound:
            entry = heappop(later)
            job = rows.get(entry & ID_MASK)
            if _awaits(job, entry):
                self.recount(job, now)
        self.horizon = max(self.horizon, now)

    def take(
        self, rows: Mapping[int, Record], locked: Container[int], now: int, n: int
    ) -> list[Record]:
        """Take up to `n` due jobs off the line, the first ones that no open transaction holds."""
        taken: list[Record] = []
        while len(taken) < n and (job := self.first(rows, locked, now)) is not None:
            heappop(self.ready)
            job.key = 0
            taken.append(job)
        return taken

    def first(self, rows: Mapping[int, Record], locked: Container[int], now: int) -> Record | None:
        """The first due job that no open transaction holds, still in line."""
        ready = self.ready
        while ready:
            key = ready[0]
            num = key & ID_MASK
            job = rows.get(num)
            if job is not None and job.key == key and num not in locked:
                if job.state is State.AVAILABLE or job.at <= now:
                    return job
                self.recount(job, now)
            heappop(ready)
        return None

    def next_at(self, rows: Mapping[int, Record], locked: Container[int]) -> int | None:
        """When the next job falls due, in microseconds."""
        later = self.later
        while later:
            num = later[0] & ID_MASK
            if _awaits(rows.get(num), later[0]) and num not in locked:
                return later[0] >> ID_BITS
            heappop(later)
        return None

    def oldest(self, rows: Mapping[int, Record], hidden: Iterable[int]) -> int | None:
        """The earliest `run_at` of a due job, in microseconds; `hidden` may be out of the line."""
        if self.dues is None:
            nums = {*(key & ID_MASK for key in self.ready), *hidden}
            jobs = [job for num in nums if (job := rows.get(num)) is not None and job.line is self]
            self.dues = [_entry(job) for job in jobs if job.seen is State.AVAILABLE]
            heapify(self.dues)
        dues = self.dues
        while dues and not _is_due(rows.get(dues[0] & ID_MASK), dues[0]):
            heappop(dues)
        return dues[0] >> ID_BITS if dues else None

    def left(self, rows: Mapping[int, Record]) -> None:
        """A waiting job left by another way than a claim: tidy up where stale entries prevail."""
        waiting = sum(self.counts[state] for state in WAITING)
        if len(self.ready) + len(self.later) > 2 * waiting + _SLACK:
            self.ready = [key for key in set(self.ready) if _stands(rows.get(key & ID_MASK), key)]
            self.later = [key for key in set(self.later) if _awaits(rows.get(key & ID_MASK), key)]
            heapify(self.ready)
            heapify(self.later)

    def recount(self, job: Record, now: int) -> None:
        """Line up once more a job that is counted here."""
        self.counts[job.seen] -= 1
        self.place(job, now)
        self.counts[job.seen] += 1


def _entry(job: Record) -> int:
    """Its place by `run_at`."""
    return (job.at << ID_BITS) + job.id.int


def _is_due(job: Record | None, entry: int) -> bool:
    return job is not None and job.seen is State.AVAILABLE and job.at == entry >> ID_BITS


def _stands(job: Record | None, key: int) -> bool:
    return job is not None and job.key == key


def _awaits(job: Record | None, entry: int) -> TypeGuard[Record]:
    return job is not None and job.seen in DORMANT and job.at == entry >> ID_BITS
