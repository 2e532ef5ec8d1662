"""A set of writes that is decided first and applied at once: a call's own, or a transaction's.

It sees what is committed with its own changes laid over. A transaction's writes lock what they
touch until it ends; nobody waits for such a lock: others are told that the row is busy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from goncordia.jobs import Conflict, Hold, NewJob
from goncordia.lifecycle import State
from goncordia.memory.law import Move
from goncordia.memory.moment import Moment
from goncordia.memory.record import Record
from goncordia.memory.table import Held, Table

clone: Callable[[Record], Record] = Record.__copy__  # pyright: ignore - msgspec has it, its stubs don't


class Writes:
    """Private rows and keys over a table."""

    __slots__ = ("_keys", "_locking", "_rows", "table")

    def __init__(self, table: Table, *, locking: bool = False) -> None:
        self.table = table
        """What is committed."""
        self._locking = locking
        self._rows: dict[int, Record | None] = {}
        self._keys: dict[bytes, Held | None] = {}

    def find(self, num: int) -> Record | None:
        """The row, with the own changes."""
        if num in self._rows:
            return self._rows[num]
        return self.table.rows.get(num)

    def locked(self, num: int) -> bool:
        """Whether another transaction holds the row."""
        return self.table.locks.get(num, self) is not self

    def holder(self, key: bytes) -> Held | None:
        """Who holds the key, with the own changes."""
        if key in self._keys:
            return self._keys[key]
        return self.table.keys.get(key)

    def key_locked(self, key: bytes) -> bool:
        """Whether another transaction is about to take a key that nobody else holds."""
        return self.table.key_locks.get(key, self) is not self and self.holder(key) is None

    def blocked(self, jobs: Iterable[NewJob]) -> bool:
        """Whether another transaction has to end before these inserts can be answered."""
        return bool(self.table.locks) and any(map(self._blocked, jobs))

    def _blocked(self, job: NewJob) -> bool:
        if self.locked(job.id.int):
            return True
        if job.unique is None:
            return False
        held = self.holder(job.unique.key)
        if held is None:
            return self.key_locked(job.unique.key)
        return job.unique.on_conflict is Conflict.REPLACE and self.locked(held.id.int)

    def add(self, record: Record) -> None:
        """A new row."""
        num = record.id.int
        self._rows[num] = record
        if self._locking:
            self.table.locks[num] = self

    def change(self, record: Record) -> Record:
        """The row, private and free to be changed."""
        num = record.id.int
        if num in self._rows:
            return record
        self._rows[num] = copy = clone(record)
        if self._locking:
            self.table.locks[num] = self
        return copy

    def step(self, record: Record, move: Move, moment: Moment) -> Record:
        """The row after the move."""
        new = self.change(record)
        new.state = state = move.target
        new.attempt += move.attempt
        if state is not State.RUNNING:
            new.holding = None
        if move.ends:
            new.finished_at = moment.at
            new.expire_at = moment.expiry(state)
            if new.unique is not None and new.unique.hold is Hold.LIVE:
                self.let_go(new)
        return new

    def take_key(self, record: Record) -> None:
        """The job holds its key."""
        if record.unique is not None:
            self._set_key(record.unique.key, Held(record.id, record.unique.hold))

    def let_go(self, record: Record) -> None:
        """Free the job's key, if it is the one that holds it."""
        if record.unique is not None:
            held = self.holder(record.unique.key)
            if held is not None and held.id == record.id:
                self._set_key(record.unique.key, None)

    def remove(self, record: Record) -> None:
        """The row is gone, and its key free unless held for ever."""
        self._rows[record.id.int] = None
        if record.unique is not None and record.unique.hold is not Hold.FOREVER:
            self.let_go(record)

    def apply(self, moment: Moment) -> None:
        """Commit."""
        self._unlock()
        table = self.table
        rows, replace, now = table.rows, table.replace, moment.micros
        for num, new in self._rows.items():
            replace(rows.get(num), new, now)
        for key, held in self._keys.items():
            if held is None:
                table.keys.pop(key, None)
            else:
                table.keys[key] = held

    def drop(self, moment: Moment) -> None:
        """Roll back."""
        self._unlock()
        for num in self._rows:
            job = self.table.rows.get(num)
            if job is not None:
                self.table.relock(job, moment.micros)

    def _set_key(self, key: bytes, held: Held | None) -> None:
        self._keys[key] = held
        if self._locking:
            self.table.key_locks[key] = self

    def _unlock(self) -> None:
        if self._locking:
            for num in self._rows:
                del self.table.locks[num]
            for key in self._keys:
                del self.table.key_locks[key]
