"""What clients ask of a driver and what it answers, job by job."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

import msgspec

from goncordia.jobs import JobRow
from goncordia.lifecycle import State


class Insertion(StrEnum):
    """What an insert did with one job."""

    CREATED = "created"
    EXISTING = "existing"
    """The id is there already: a resent insert."""
    SKIPPED = "skipped"
    """Another job holds the unique key."""
    REPLACED = "replaced"
    """Created; the waiting job that held the unique key is cancelled."""
    STAGED = "staged"
    """Decided by the caller's commit."""


class Inserted(msgspec.Struct, frozen=True, gc=False):
    """The answer to one job of an insert; `other` is the holder or the replaced job."""

    id: UUID
    status: Insertion
    other: UUID | None = None


class Finished(StrEnum):
    """What became of one outcome."""

    DONE = "done"
    LOST = "lost"
    """The job is no longer held by that token, and that token did not record this outcome."""
    GONE = "gone"
    BUSY = "busy"
    """Somebody's open transaction holds the row; come back."""
    STAGED = "staged"


class Progress(msgspec.Struct, frozen=True):
    """How many a call of bounded work dealt with, and whether there is more."""

    n: int
    more: bool = False


class Filter(msgspec.Struct, frozen=True):
    """Which jobs; an empty part means any. States are as visible: due is available."""

    states: tuple[State, ...] = ()
    kinds: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    """Jobs that carry all of them."""


class Page(msgspec.Struct, frozen=True):
    """Rows, newest id first, and the cursor of the next page; None: that was all."""

    rows: list[JobRow]
    cursor: str | None = None


class Count(msgspec.Struct, frozen=True):
    """How many jobs of a queue are in a state, as visible."""

    queue: str
    state: State
    n: int
    how: Literal["exact", "approximate"] = "exact"
    oldest: datetime | None = None
    """Of available jobs: since when the one that has waited longest has been due, the earliest
    `run_at` that has come. As exact as `n`; None of other states, and from a store that counts
    approximately and would have to read more to find it."""


class Queue(msgspec.Struct, frozen=True):
    """A queue that was ever used or paused."""

    name: str
    paused_at: datetime | None = None


class QueueChange(msgspec.Struct, frozen=True):
    """Pause or resume a queue; a paused one takes jobs and gives none."""

    name: str
    paused: bool


class Cas(msgspec.Struct, frozen=True):
    """Whether the value was set, and what stands there now."""

    won: bool
    current: bytes | None


class Step(msgspec.Struct, frozen=True):
    """One migration that was applied."""

    version: int
    name: str
