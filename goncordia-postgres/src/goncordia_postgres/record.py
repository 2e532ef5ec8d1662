"""A job read, decided upon by the law, and written back: all that is not set-based does it so."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import cast
from uuid import UUID

import msgspec
from goncordia.jobs import KEPT_ERRORS, AttemptError, Hold
from goncordia.lifecycle import WAITING, Event, Facts, Rule, State, decide, visible
from goncordia.statements import Op, Row, Statement, Value, ask, change

from goncordia_postgres import rows
from goncordia_postgres import statements as sql
from goncordia_postgres.env import Env

decided: Callable[[Event, State, Facts], Rule | None] = lru_cache(maxsize=None)(decide)
"""`decide`, remembered: a batch asks it the same few questions."""

_LIVE = sql.HOLDS.index(Hold.LIVE)


class Record(msgspec.Struct):
    """What may change of a job, and what decides it, as in the columns `RECORD`."""

    id: UUID
    queue: str
    priority: int
    state: int
    attempt: int
    max_attempts: int
    snoozes: int
    run_at: datetime
    session: UUID | None
    token: UUID | None
    cancel_requested: int
    finished_at: datetime | None
    expire_at: datetime | None
    mark_token: UUID | None
    mark: int | None
    errors: bytes | None
    result: bytes | None
    unique_key: bytes | None
    unique_hold: int | None
    now: datetime
    """By the server's clock, or as told."""
    frees: bool = False
    """Whether it gives up its unique key."""
    gone: bool = False
    """Whether it was removed."""

    @property
    def seen(self) -> State:
        """The state as anyone sees it."""
        return visible(sql.STATES[self.state], self.run_at, self.now)

    def step(self, rule: Rule, target: State, env: Env) -> None:
        """Go where the rule says."""
        self.state = sql.CODES[target]
        self.attempt += rule.attempt
        if target is not State.RUNNING:
            self.session = self.token = None
        if rule.ends:
            self.finished_at = self.now
            self.expire_at = self.now + env.kept(target)
            self.frees = self.unique_hold == _LIVE

    def tell(self, env: Env) -> None:
        """A hint, if the job is to run soon."""
        if sql.STATES[self.state] in WAITING:
            env.tell_due(self.queue, self.run_at, self.now)

    def blame(self, error: AttemptError | None) -> None:
        """Keep an error, and of those before it the last few."""
        if error is not None:
            self.errors = rows.encode((*rows.errors(self.errors), error)[-KEPT_ERRORS:])


_COLUMNS = tuple(
    attrgetter(name)
    for name in (
        "id", "priority", "state", "attempt", "max_attempts", "snoozes", "run_at", "session",
        "token", "cancel_requested", "finished_at", "expire_at", "mark_token", "mark", "errors",
        "result",
    )
)  # fmt: skip
"""As `WRITE` wants them."""


def read(env: Env, ids: Collection[UUID], text: str = sql.RECORD) -> Op[dict[UUID, Record]]:
    """The jobs that there are and that nobody else has locked, by id."""
    reply = yield Statement(text, (list(ids), env.now))
    return {record.id: record for record in map(_record, reply.rows)}


def busy(ids: Collection[UUID], found: Collection[UUID]) -> Op[set[UUID]]:
    """Which of the jobs that were not found are there all the same: locked by somebody."""
    missed = [each for each in ids if each not in found]
    if not missed:
        return set()
    return set((yield from ask(sql.KNOWN, (missed,), rows.uuid)))


def write(records: Collection[Record]) -> Op[None]:
    """Write them back, and free the unique keys that they give up."""
    if not records:
        return
    columns: list[Value] = [list(map(column, records)) for column in _COLUMNS]
    yield from change(sql.WRITE, columns)
    freed = [record for record in records if record.frees]
    if freed:
        keys, jobs = [record.unique_key for record in freed], [record.id for record in freed]
        yield from change(sql.FREE_KEYS, (keys, jobs))


def name_queues(names: Sequence[str]) -> Op[None]:
    """Remember queues whose jobs may all be gone some day."""
    if names:
        yield from change(sql.NAME_QUEUES, (list(names),))


def _record(row: Row) -> Record:
    record = cast("Callable[..., Record]", Record)(*row)
    record.cancel_requested = int(record.cancel_requested)
    return record
