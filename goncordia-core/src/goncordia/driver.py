"""The contract between goncordia and a store.

Every operation is batched, may be sent again, and is answered per job. How each is meant:

* A reply may be lost after the write. `insert` of known ids answers existing; `claim` with
  `resend=True` gives back what that token already holds and takes no more than is wanted beyond it;
  `finish` answers done if *this* token recorded *this* outcome, now or before. Only `finish` writes
  that mark, and an operator's retry clears it.
* A driver never resends by itself: it raises `Unavailable`, and client or pool send again. A batch
  may be half-written then; resending completes it.
* `now` is for tests and simulation; without it the store's clock rules, where it has one.
* Nobody waits on a caller's lock: `finish`, `rescue`, `act` and `prune` pass over a row that
  somebody's open transaction has locked, and answer busy. A store with a single writer can't see
  past one: it waits for its turn, not for ever, and then raises `Unavailable`. So may `insert`,
  which has to know whether an id or a unique key in an open transaction will be.
* The law of states is `goncordia.lifecycle`; `Capabilities` says what the store can't do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol, Self, TypeVar
from uuid import UUID

from goncordia.actions import Acted, Action
from goncordia.answers import (
    Cas,
    Count,
    Filter,
    Finished,
    Inserted,
    Page,
    Progress,
    Queue,
    QueueChange,
    Step,
)
from goncordia.capabilities import Capabilities, Habits
from goncordia.jobs import JobRow, NewJob, Outcome
from goncordia.sessions import Beat, Claim, Claims, Session, Wakeups, WorkerInfo

Tx_contra = TypeVar("Tx_contra", contravariant=True)


class Driver(Protocol[Tx_contra]):
    """A store, for code on an event loop. `Tx` is the caller's own kind of transaction."""

    @property
    def name(self) -> str:
        """What messages and telemetry call the store: `sqlite`, `postgresql`."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What the store promises."""
        ...

    @property
    def habits(self) -> Habits:
        """How it likes to be called."""
        ...

    @property
    def handles(self) -> tuple[type, ...]:
        """The types that `tx` may have; empty without transactions."""
        ...

    def new_id(
        self, kind: str, queue: str, *, at: datetime | None = None, seed: bytes | None = None
    ) -> UUID:
        """Mint a UUIDv7, before the insert; `at` and a seed make it the same each time."""
        ...

    async def insert(
        self,
        jobs: Sequence[NewJob],
        *,
        tx: Tx_contra | None = None,
        now: datetime | None = None,
    ) -> list[Inserted]:
        """Write jobs, in the caller's transaction where `tx` is given.

        A known id is answered `EXISTING` before anything else is looked at, its unique key too; of
        one that stands twice in a batch the first counts. A job that meets the holder of its key is
        `SKIPPED`, or takes the place of one that waits (`Conflict.REPLACE`).
        """
        ...

    async def join(
        self, worker: WorkerInfo, ttl: timedelta, *, now: datetime | None = None
    ) -> Session:
        """Begin a session; after `ttl` of silence it may be declared dead."""
        ...

    async def beat(
        self, session: UUID, tokens: Collection[UUID], *, now: datetime | None = None
    ) -> Beat:
        """Show that the session lives and works for these claims.

        What it holds under other tokens, claimed longer than `RESEND_WINDOW` ago, is released. A
        beat never revives a dead session.
        """
        ...

    async def leave(self, session: UUID, *, now: datetime | None = None) -> None:
        """Declare the own session dead at once; what it still holds waits for `rescue`."""
        ...

    async def sessions(self, *, now: datetime | None = None) -> list[Session]:
        """Sessions that live, or that died and still hold jobs."""
        ...

    async def claim(self, claim: Claim, *, now: datetime | None = None) -> Claims:
        """Take due jobs of queues that are not paused; perhaps fewer than wanted.

        A token that may hold jobs already has to say `resend`: without it a store need not look for
        them. With `order="strict"` a claim takes the first by priority, run_at and id; with
        `"window"` any of a bounded number of the first, so that a job may be overtaken, though not
        for ever; with `"none"` any. Where the clock steps back, a store may leave jobs alone that
        were due before, until it is there again. Raises `SessionLost` for a session that is dead or
        unknown.
        """
        ...

    async def finish(
        self,
        outcomes: Sequence[Outcome],
        *,
        tx: Tx_contra | None = None,
        now: datetime | None = None,
    ) -> list[Finished]:
        """Record outcomes, fenced by their tokens, each with its follow-up jobs.

        In an order of the store's own: whether a follow-up finds its unique key freed by another
        outcome of the same batch is left open.
        """
        ...

    async def rescue(
        self, limit: int, *, observed: timedelta | None = None, now: datetime | None = None
    ) -> Progress:
        """Declare silent sessions dead, and take back up to `limit` jobs that dead ones hold.

        That counts as a failed attempt, with `WorkerLost` as its error: the job is retryable after
        `retry.rescue_backoff`, or discarded where its attempts are spent.
        `observed` is for how long the caller's own beats have landed without a gap: no session is
        silent for longer than that, so that after an outage nobody is declared dead at once. None:
        the caller vouches for all silence.
        """
        ...

    async def prune(self, limit: int, *, now: datetime | None = None) -> Progress:
        """Remove up to `limit` ended jobs whose retention has passed."""
        ...

    async def act(
        self, ids: Sequence[UUID], action: Action, *, now: datetime | None = None
    ) -> list[Acted]:
        """Cancel, retry, amend or delete jobs, one after the other.

        A retry takes the job's unique key again, or answers `CONFLICT`; it clears result, expiry,
        cancel request and the mark of the outcome, keeps errors and attempts, and raises
        `max_attempts` where none would be left.
        """
        ...

    async def get(self, ids: Sequence[UUID], *, now: datetime | None = None) -> list[JobRow | None]:
        """The jobs with these ids, in this order; None where there is none."""
        ...

    async def list(
        self,
        where: Filter,
        *,
        cursor: str | None = None,
        limit: int = 100,
        now: datetime | None = None,
    ) -> Page:
        """A page of jobs, newest id first; pages neither repeat nor skip a job that stays."""
        ...

    async def stats(
        self, queues: Sequence[str] = (), *, now: datetime | None = None
    ) -> list[Count]:
        """Counts by queue and state, those above zero, and the oldest due; no queues means all."""
        ...

    async def kinds(self, limit: int = 100) -> list[str]:
        """Kinds among the waiting jobs, sorted, at most so many."""
        ...

    async def queues(
        self, change: QueueChange | None = None, *, now: datetime | None = None
    ) -> list[Queue]:
        """Apply the change, then all queues by name; a second pause keeps the first one's time."""
        ...

    async def compare_and_set(
        self,
        key: str,
        expected: bytes | None,
        value: bytes | None,
        *,
        ttl: timedelta | None = None,
        now: datetime | None = None,
    ) -> Cas:
        """Set a key if it holds `expected`; None: absent or expired. Leadership, cursors."""
        ...

    def listen(self, queues: Collection[str]) -> AbstractAsyncContextManager[Wakeups]:
        """Hear of jobs that fall due now in these queues, of resumed queues, and of cancels."""
        ...

    async def migrate(self) -> list[Step]:
        """Bring the schema up to date; the steps that this call applied."""
        ...

    async def close(self) -> None:
        """Let go of connections and threads."""
        ...

    async def __aenter__(self) -> Self:
        """Open: connect, start threads."""
        ...

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Close."""
        ...


class SyncDriver(Protocol[Tx_contra]):
    """What a client without an event loop needs of the same store, under the same names."""

    @property
    def name(self) -> str:
        """As in `Driver`."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """As in `Driver`."""
        ...

    @property
    def habits(self) -> Habits:
        """As in `Driver`."""
        ...

    @property
    def handles(self) -> tuple[type, ...]:
        """As in `Driver`."""
        ...

    def new_id(
        self, kind: str, queue: str, *, at: datetime | None = None, seed: bytes | None = None
    ) -> UUID:
        """As in `Driver`."""
        ...

    def insert(
        self,
        jobs: Sequence[NewJob],
        *,
        tx: Tx_contra | None = None,
        now: datetime | None = None,
    ) -> list[Inserted]:
        """As in `Driver`."""
        ...

    def finish(
        self,
        outcomes: Sequence[Outcome],
        *,
        tx: Tx_contra | None = None,
        now: datetime | None = None,
    ) -> list[Finished]:
        """As in `Driver`."""
        ...

    def act(
        self, ids: Sequence[UUID], action: Action, *, now: datetime | None = None
    ) -> list[Acted]:
        """As in `Driver`."""
        ...

    def get(self, ids: Sequence[UUID], *, now: datetime | None = None) -> list[JobRow | None]:
        """As in `Driver`."""
        ...

    def list(
        self,
        where: Filter,
        *,
        cursor: str | None = None,
        limit: int = 100,
        now: datetime | None = None,
    ) -> Page:
        """As in `Driver`."""
        ...

    def stats(self, queues: Sequence[str] = (), *, now: datetime | None = None) -> list[Count]:
        """As in `Driver`."""
        ...

    def sessions(self, *, now: datetime | None = None) -> list[Session]:
        """As in `Driver`."""
        ...

    def queues(
        self, change: QueueChange | None = None, *, now: datetime | None = None
    ) -> list[Queue]:
        """As in `Driver`."""
        ...

    def prune(self, limit: int, *, now: datetime | None = None) -> Progress:
        """As in `Driver`."""
        ...

    def migrate(self) -> list[Step]:
        """As in `Driver`."""
        ...

    def close(self) -> None:
        """As in `Driver`."""
        ...

    def __enter__(self) -> Self:
        """Open."""
        ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Close."""
        ...
