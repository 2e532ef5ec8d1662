"""What the store shows at an instant, and what two such looks say of the time between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Never
from uuid import UUID

import msgspec

from goncordia.cli.counts import Counts, counted, total
from goncordia.client import Client
from goncordia.clock import utc_now
from goncordia.explain import lives
from goncordia.jobs import JobRow
from goncordia.lifecycle import DORMANT, State
from goncordia.reasons import told

FAILURES = 5


class Failure(msgspec.Struct):
    """A discarded job."""

    id: UUID
    kind: str
    queue: str
    at: datetime | None
    error: str


class Line(msgspec.Struct):
    """A queue, as a frame tells it; rates are a second, and None in the first frame."""

    queue: str
    paused: bool
    due: int | None
    """None, as with the next two, from a store that does not count."""
    dormant: int | None
    running: int | None
    oldest: float | None
    """For how many seconds the oldest due job has waited; None: nothing is due, or the store does
    not say."""
    entered: float | None
    """Jobs enqueued, less those deleted and pruned."""
    completed: float | None
    failed: float | None
    """Jobs that were discarded."""


class Frame(msgspec.Struct):
    """One look, as `--json` tells it."""

    at: datetime
    queues: Sequence[Line]
    workers: int
    """Live ones."""
    slots: int
    """How many jobs they run at once."""
    failures: Sequence[Failure]
    """The newest jobs that are discarded."""


class Look:
    """Remembers the counts of the last look."""

    def __init__(self, client: Client[Never], queues: Sequence[str]) -> None:
        """No queues means all."""
        self._client = client
        self._queues = queues
        self._last: tuple[datetime, Counts | None] | None = None

    async def frame(self) -> Frame:
        """How things stand now."""
        client, at = self._client, utc_now()
        counts = await counted(client, self._queues)
        sessions = [session for session in await client.sessions() if lives(session, at)]
        queues = [q for q in await client.queues() if not self._queues or q.name in self._queues]
        lines = [
            self._line(queue.name, queue.paused_at is not None, counts, at) for queue in queues
        ]
        failed = await client.jobs(states=[State.DISCARDED], queues=self._queues, limit=FAILURES)
        self._last = at, counts
        slots, failures = sum(s.worker.concurrency for s in sessions), map(_failure, failed.rows)
        return Frame(at, lines, len(sessions), slots, list(failures))

    def _line(self, queue: str, paused: bool, counts: Counts | None, at: datetime) -> Line:
        return Line(
            queue,
            paused,
            total(counts, queue, State.AVAILABLE),
            total(counts, queue, *DORMANT),
            total(counts, queue, State.RUNNING),
            _oldest(counts, queue, at),
            self._rate(queue, State, counts, at),
            self._rate(queue, [State.COMPLETED], counts, at),
            self._rate(queue, [State.DISCARDED], counts, at),
        )

    def _rate(
        self, queue: str, states: Iterable[State], counts: Counts | None, at: datetime
    ) -> float | None:
        """How many a second have come into these states; what was pruned hides some."""
        if self._last is None:
            return None
        then, before = self._last
        states = tuple(states)
        now, earlier = total(counts, queue, *states), total(before, queue, *states)
        seconds = (at - then).total_seconds()
        if now is None or earlier is None or seconds <= 0:
            return None
        return max(now - earlier, 0) / seconds


def _oldest(counts: Counts | None, queue: str, at: datetime) -> float | None:
    due = None if counts is None else counts.get((queue, State.AVAILABLE))
    if due is None or due.oldest is None:
        return None
    return max(0.0, (at - due.oldest).total_seconds())


def _failure(row: JobRow) -> Failure:
    error = told(row.errors[-1]) if row.errors else ""
    return Failure(row.id, row.kind, row.queue, row.finished_at, error)
