"""The memory reference as the model, and how it is told which legal choice a store made.

A store may choose: which due jobs a claim takes where it promises no order, which rows a limited
prune or rescue deals with, how long a rescued job waits, how long an ended one is kept. The model
makes the same choice: what the store left alone is locked in a transaction
that is then rolled back, and memory passes over what is locked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from goncordia.actions import Delete
from goncordia.answers import Filter, Progress, Queue, QueueChange
from goncordia.capabilities import Capabilities
from goncordia.clock import to_micros
from goncordia.jobs import AttemptError, JobRow
from goncordia.lifecycle import ENDED, State
from goncordia.memory import Store
from goncordia.memory.moment import Moment
from goncordia.memory.writes import Writes
from goncordia.sessions import Claim, Claims, Session

EVERYTHING = 1_000_000


class _Undo(Exception):
    """Rolls a transaction back."""


class Model:
    """A store with the same powers as the one judged, and none of its weaknesses."""

    def __init__(self, promised: Capabilities) -> None:
        self.store = Store(
            replace(promised, order="strict", claim_sees="immediate", counts="exact", wake="poll")
        )
        self.ids: dict[UUID, UUID] = {}
        """The model's sessions by the store's."""

    def rows(self, now: datetime, *states: State) -> dict[UUID, JobRow]:
        """All jobs in these states; a job's session is the store's."""
        names = {model: ours for ours, model in self.ids.items()}
        page = self.store.list(Filter(states=states), limit=EVERYTHING, now=now)
        for row in page.rows:
            row.session = None if row.session is None else names[row.session]
        return {row.id: row for row in page.rows}

    def sessions(self) -> dict[UUID, Session]:
        """As the store names them."""
        names = {model: ours for ours, model in self.ids.items()}
        shown = self.store.sessions()
        return {names[s.id]: msgspec.structs.replace(s, id=names[s.id]) for s in shown}

    def due(self, queue: str, now: datetime) -> list[JobRow]:
        """What a claim may take, first things first."""
        waiting = self.rows(now, State.AVAILABLE).values()
        due = [row for row in waiting if row.queue == queue]
        return sorted(due, key=lambda row: (-row.priority, row.run_at, row.id))

    def ahead(self, queues: Iterable[str], now: datetime) -> list[datetime]:
        """When the jobs of these queues that are not due yet will be."""
        waiting = self.rows(now, State.SCHEDULED, State.RETRYABLE).values()
        return sorted(row.run_at for row in waiting if row.queue in queues)

    def expired(self, now: datetime) -> dict[UUID, JobRow]:
        """What a prune may remove."""
        ended = self.rows(now, *ENDED)
        return {uid: row for uid, row in ended.items() if row.expire_at and row.expire_at <= now}

    def paused(self, now: datetime) -> dict[str, datetime]:
        """Since when each paused queue is."""
        return {q.name: q.paused_at for q in self.store.queues(now=now) if q.paused_at}

    def claim(
        self, claim: Claim, held: Iterable[UUID], chosen: Sequence[JobRow], now: datetime
    ) -> Claims:
        """Claim the jobs that the store chose beside those held, whatever order and pauses say."""
        taken = {row.id for row in chosen}
        rows = self.rows(now)
        counted = Counter(rows[uid].queue for uid in {*held, *taken})
        wants = {queue: counted[queue] for queue in claim.wants}
        ours = msgspec.structs.replace(claim, session=self.ids[claim.session], wants=wants)
        left = {row.id for queue in wants for row in self.due(queue, now)} - taken
        with self.hiding(left, now), self._resumed({row.queue for row in chosen}, now):
            return self.store.claim(ours, now=now)

    def rescue(
        self, limit: int, observed: timedelta | None, chosen: set[UUID], now: datetime
    ) -> Progress:
        """Take back the jobs that the store chose."""
        left = set(self.rows(now, State.RUNNING)) - chosen
        with self.hiding(left, now):
            return self.store.rescue(limit, observed=observed, now=now)

    def prune(self, chosen: set[UUID], now: datetime) -> None:
        """Remove the ended jobs that the store chose: for the others it is like a delete."""
        self.store.act(sorted(chosen), Delete(), now=now)

    @contextmanager
    def hiding(self, ids: Iterable[UUID], now: datetime) -> Generator[None]:
        """Lock these jobs for a while."""
        hidden = sorted(ids)
        if not hidden:
            yield
            return
        with suppress(_Undo), self._writing(now) as writes:
            for uid in hidden:
                record = writes.find(uid.int)
                if record is not None:
                    writes.change(record)
            yield
            raise _Undo

    def adopt(
        self,
        uid: UUID,
        now: datetime,
        *,
        run_at: datetime | None = None,
        error: AttemptError | None = None,
        expire_at: datetime | None = None,
    ) -> None:
        """Put what the store chose in the place of what the model chose."""
        with self._writing(now) as writes:
            record = writes.find(uid.int)
            if record is None:
                return
            new = writes.change(record)
            if run_at is not None:
                new.run_at, new.at = run_at, to_micros(run_at)
            if error is not None:
                new.errors = (*new.errors[:-1], error)
            if expire_at is not None:
                new.expire_at = expire_at

    def queues(self, change: QueueChange | None, now: datetime) -> list[Queue]:
        """As in `Driver`."""
        return self.store.queues(change, now)

    @contextmanager
    def _writing(self, now: datetime) -> Generator[Writes]:
        """The rows themselves, in a transaction of this instant."""
        with self.store.begin() as tx:
            table = tx.writes.table
            tx.use(table, Moment(now, table.retention))
            yield tx.writes

    @contextmanager
    def _resumed(self, queues: set[str], now: datetime) -> Generator[None]:
        """A store without a promise on pauses may claim a little from a paused queue."""
        since = {name: at for name, at in self.paused(now).items() if name in queues}
        for name in since:
            self.store.queues(QueueChange(name, paused=False), now)
        yield
        for name, at in since.items():
            self.store.queues(QueueChange(name, paused=True), at)
