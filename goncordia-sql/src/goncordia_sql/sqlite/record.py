"""A job read, decided upon by the law, and written back: all that is not set-based does it so."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache
from typing import cast
from uuid import UUID

import msgspec
from goncordia.clock import from_micros
from goncordia.jobs import KEPT_ERRORS, AttemptError, Hold
from goncordia.lifecycle import WAITING, Event, Facts, Rule, State, decide, visible
from goncordia.statements import Op, Row, Statement, change, change_many

from goncordia_sql.sqlite import rows
from goncordia_sql.sqlite import statements as sql
from goncordia_sql.sqlite.env import Env

decided: Callable[[Event, State, Facts], Rule | None] = lru_cache(maxsize=None)(decide)
"""`decide`, remembered: a batch asks it the same few questions."""

_LIVE = sql.HOLDS.index(Hold.LIVE)


class Record(msgspec.Struct):
    """What may change of a job, and what decides it, as in the columns `RECORD`."""

    id: bytes
    queue: bytes
    priority: int
    state: int
    attempt: int
    max_attempts: int
    snoozes: int
    run_at: int
    session: bytes | None
    token: bytes | None
    cancel_requested: int
    finished_at: int | None
    expire_at: int | None
    mark_token: bytes | None
    mark: int | None
    errors: bytes | None
    result: bytes | None
    unique_key: bytes | None
    unique_hold: int | None
    holds: int | None

    def visible(self, env: Env) -> State:
        """The state as anyone sees it."""
        return visible(sql.STATES[self.state], from_micros(self.run_at), env.at)

    def step(self, rule: Rule, target: State, env: Env) -> None:
        """Go where the rule says."""
        self.state = sql.CODES[target]
        self.attempt += rule.attempt
        if target is not State.RUNNING:
            self.session = self.token = None
        if rule.ends:
            self.finished_at = env.now
            self.expire_at = env.expiry(target)
            if self.unique_hold == _LIVE:
                self.holds = None

    def tell(self, env: Env) -> None:
        """A hint, if the job is to run soon."""
        if sql.STATES[self.state] in WAITING:
            env.tell(self.queue.decode(), self.run_at)

    def blame(self, error: AttemptError | None) -> None:
        """Keep an error, and of those before it the last few."""
        if error is not None:
            self.errors = rows.encode((*rows.errors(self.errors), error)[-KEPT_ERRORS:])

    def values(self) -> tuple[int | bytes | None, ...]:
        """As `WRITE` wants it."""
        return (
            self.priority,
            self.state,
            self.attempt,
            self.max_attempts,
            self.snoozes,
            self.run_at,
            self.session,
            self.token,
            self.cancel_requested,
            self.finished_at,
            self.expire_at,
            self.mark_token,
            self.mark,
            self.errors,
            self.result,
            self.holds,
            self.id,
        )


def read(ids: Collection[UUID]) -> Op[dict[bytes, Record]]:
    """The jobs that there are, by id."""
    reply = yield Statement(sql.RECORD, (sql.pack(ids),))
    return {record.id: record for record in map(_record, reply.rows)}


def write(records: Collection[Record]) -> Op[None]:
    """Write them back."""
    if records:
        yield from change_many(sql.WRITE, [record.values() for record in records])


def remove(ids: Collection[UUID]) -> Op[None]:
    """Remove jobs; keys held for ever stay, and so do the names of their queues."""
    packed = (sql.pack(ids),)
    yield from change(sql.KEEP_KEYS, packed)
    yield from change(sql.KEEP_QUEUES, packed)
    yield from change(sql.REMOVE, packed)


def _record(row: Row) -> Record:
    return cast("Callable[..., Record]", Record)(*row)
