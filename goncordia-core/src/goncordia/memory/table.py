"""What is committed: rows, lines, unique keys, sessions, values; and who has a lock on what.

A row is written by `replace` alone, which keeps every index in step with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, NamedTuple, TypeGuard
from uuid import UUID

from goncordia.capabilities import Capabilities
from goncordia.clock import EPOCH, to_micros
from goncordia.jobs import Hold
from goncordia.lifecycle import WAITING, State
from goncordia.memory.line import ID_BITS, ID_MASK, ORDERS, Line
from goncordia.memory.listen import Listeners
from goncordia.memory.record import Record
from goncordia.memory.roll import Roll
from goncordia.memory.session import Lease
from goncordia.retention import Retention

if TYPE_CHECKING:
    from goncordia.memory.writes import Writes

_SLACK = 64


class Held(NamedTuple):
    """Who holds a unique key, and for how long."""

    id: UUID
    hold: Hold


class Value(NamedTuple):
    """A value of `compare_and_set`."""

    value: bytes
    expire_at: datetime | None


class Table:
    """The store's state. Whoever calls holds the store's lock."""

    def __init__(self, capabilities: Capabilities, retention: Retention, lag: int) -> None:
        self.retention = retention
        self.lag = lag if capabilities.claim_sees == "eventual" else 0
        """After so many claims an insert is seen; 0: at once."""
        self.rows: dict[int, Record] = {}
        self.roll = Roll()
        self.lines: dict[str, Line] = {}
        self.keys: dict[bytes, Held] = {}
        self.leases: dict[UUID, Lease] = {}
        self.values: dict[str, Value] = {}
        self.expiries: list[int] = []
        """A heap of ended jobs by `expire_at` and id; stale entries as in a line."""
        self.locks: dict[int, Writes] = {}
        self.key_locks: dict[bytes, Writes] = {}
        self.listeners = Listeners()
        self._last = EPOCH, 0
        self._order = ORDERS[capabilities.order]
        self._ended = 0
        self._unseen: deque[tuple[int, int]] = deque()
        self._claims = 0

    def line(self, name: str) -> Line:
        """The queue's line."""
        line = self.lines.get(name)
        if line is None:
            line = self.lines[name] = Line(name, self._order)
        return line

    def replace(self, old: Record | None, new: Record | None, now: int) -> None:
        """Put the new row in the old one's place; `now` in microseconds."""
        if old is not None:
            self._leave(old, new)
        if new is not None:
            self._enter(old, new, now)
        if old is not None and old.state in WAITING:
            old.line.left(self.rows)

    def relock(self, job: Record, now: int) -> None:
        """Line up again a waiting job that claims may have passed over while it was locked."""
        if job.state in WAITING:
            job.line.recount(job, now)

    def micros(self, at: datetime) -> int:
        """As `to_micros`, quick for the instant that a batch shares."""
        if at is not self._last[0]:
            self._last = at, to_micros(at)
        return self._last[1]

    def surface(self, now: int, *, settle: bool = False) -> None:
        """Count a claim, and line up the inserts that claims see from now on."""
        self._claims += 1
        unseen = self._unseen
        while unseen and (settle or unseen[0][0] <= self._claims):
            job = self.rows.get(unseen.popleft()[1])
            if job is not None and job.state in WAITING:
                job.line.recount(job, now)

    def hidden(self) -> Iterator[int]:
        """Jobs that claims pass over for now: locked, or not seen yet."""
        yield from self.locks
        for _, num in self._unseen:
            yield num

    def expired(self, now: int) -> Iterator[Record]:
        """Ended jobs whose retention has passed; each is taken off the heap as it comes."""
        expiries = self.expiries
        while expiries and expiries[0] >> ID_BITS <= now:
            entry = heappop(expiries)
            while expiries and expiries[0] == entry:
                heappop(expiries)  # it was retried, and ended again in time for the same expiry
            job = self.rows.get(entry & ID_MASK)
            if self._stands(job, entry):
                yield job

    def keep(self, job: Record) -> None:
        """Remember when an ended job may be pruned."""
        if job.expire_at is not None:
            heappush(self.expiries, (self.micros(job.expire_at) << ID_BITS) + job.id.int)

    def _leave(self, old: Record, new: Record | None) -> None:
        line = old.line
        line.counts[old.seen] -= 1
        if old.holding is not None:
            if new is None or new.holding is None:
                old.holding.drop(old.id.int)
        elif old.finished_at is None:
            line.kinds[old.kind] -= 1
        else:
            self._ended -= 1
            self._tidy()
        if new is None:
            del self.rows[old.id.int]
            self.roll.tidy(self.rows)

    def _enter(self, old: Record | None, new: Record, now: int) -> None:
        line = new.line
        num = new.id.int
        self.rows[num] = new
        if old is None:
            line.used = True
            self.roll.add(num)
        if new.finished_at is not None:
            new.seen, new.key = new.state, 0
            self._ended += 1
            self.keep(new)
        elif new.holding is None:
            line.kinds[new.kind] = line.kinds.get(new.kind, 0) + 1
            if old is None and self.lag and new.state is State.AVAILABLE:
                self._unseen.append((self._claims + self.lag, num))
                line.note(new)
                self._call(line)
            elif line.place(new, now) and self.listeners:
                self._call(line)
        elif new.cancel_requested:
            self.listeners.cancels(line.name)
        line.counts[new.seen] += 1

    def _call(self, line: Line) -> None:
        if line.paused_at is None:
            self.listeners.jobs(line.name)

    def _stands(self, job: Record | None, entry: int) -> TypeGuard[Record]:
        return (
            job is not None
            and job.expire_at is not None
            and self.micros(job.expire_at) == entry >> ID_BITS
        )

    def _tidy(self) -> None:
        if len(self.expiries) > 2 * self._ended + _SLACK:
            self.expiries = [
                entry
                for entry in set(self.expiries)
                if self._stands(self.rows.get(entry & ID_MASK), entry)
            ]
            heapify(self.expiries)
