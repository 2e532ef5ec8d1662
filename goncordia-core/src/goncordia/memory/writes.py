"""A set of writes that is decided first and applied at once: a call's own, or a transaction's.

It sees what is committed with its own changes laid over. A transaction's writes lock what they
touch until it ends; nobody waits for such a lock: others are told that the row is busy.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from goncordia.jobs import Conflict, Hold, NewJob
from goncordia.lifecycle import Event, Facts, Rule, State, decide
from goncordia.memory.moment import Moment
from goncordia.memory.record import Record
from goncordia.memory.table import Held, Table

decided: Callable[[Event, State, Facts], Rule | None] = lru_cache(maxsize=None)(decide)
"""`decide`, remembered: a batch asks it the same few questions."""


class Writes:
    """Private rows and keys over a table."""

    __slots__ = ("_keys", "_locking", "_rows", "_table")

    def __init__(self, table: Table, *, locking: bool = False) -> None:
        self._table = table
        self._locking = locking
        self._rows: dict[int, Record | None] = {}
        self._keys: dict[bytes, Held | None] = {}

    @property
    def table(self) -> Table:
        """What is committed."""
        return self._table

    def find(self, id: int) -> Record | None:
        """The row, with the own changes."""
        if id in self._rows:
            return self._rows[id]
        return self._table.rows.get(id)

    def locked(self, id: int) -> bool:
        """Whether another transaction holds the row."""
        locks = self._table.locks
        return bool(locks) and locks.get(id, self) is not self

    def holder(self, key: bytes) -> Held | None:
        """Who holds the key, with the own changes."""
        if key in self._keys:
            return self._keys[key]
        return self._table.keys.get(key)

    def key_locked(self, key: bytes) -> bool:
        """Whether another transaction is about to take a key that nobody else holds."""
        locks = self._table.key_locks
        return bool(locks) and locks.get(key, self) is not self and self.holder(key) is None

    def blocked(self, job: NewJob) -> bool:
        """Whether another transaction has to end before this insert can be answered."""
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
        self._rows[record.id.int] = record
        if self._locking:
            self._table.locks[record.id.int] = self

    def change(self, record: Record) -> Record:
        """The row, private and free to be changed."""
        num = record.id.int
        if num in self._rows:
            return record
        self._rows[num] = copy = record.copy()
        if self._locking:
            self._table.locks[num] = self
        return copy

    def step(self, record: Record, rule: Rule, state: State, moment: Moment) -> Record:
        """The row after the rule that leads to that state."""
        new = self.change(record)
        new.state = state
        new.attempt += rule.attempt
        if state is not State.RUNNING:
            new.holding = None
        if rule.ends:
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
        self.change(record)
        self._rows[record.id.int] = None
        if record.unique is not None and record.unique.hold is not Hold.FOREVER:
            self.let_go(record)

    def apply(self, moment: Moment) -> None:
        """Commit."""
        self._unlock()
        table = self._table
        for num, new in self._rows.items():
            table.replace(table.rows.get(num), new, moment.micros)
        for key, held in self._keys.items():
            if held is None:
                table.keys.pop(key, None)
            else:
                table.keys[key] = held

    def drop(self, moment: Moment) -> None:
        """Roll back."""
        self._unlock()
        for num in self._rows:
            job = self._table.rows.get(num)
            if job is not None:
                self._table.relock(job, moment.micros)

    def _set_key(self, key: bytes, held: Held | None) -> None:
        self._keys[key] = held
        if self._locking:
            self._table.key_locks[key] = self

    def _unlock(self) -> None:
        if self._locking:
            for num in self._rows:
                del self._table.locks[num]
            for key in self._keys:
                del self._table.key_locks[key]
