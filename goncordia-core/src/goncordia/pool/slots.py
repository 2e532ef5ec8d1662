"""The board that the pool's tasks share: what is claimed, what runs, what has ended.

No method awaits: every decision is made and written down between two awaits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import anyio
from anyio.lowlevel import checkpoint

from goncordia.clock import Clock
from goncordia.handler import CancelReason
from goncordia.jobs import ClaimedJob, Outcome, released, snoozed
from goncordia.pool.limits import Limits
from goncordia.pool.signal import Signal

HOLD = 0.05
"""The most seconds for which a write waits for a claim."""
LULLS = 8
"""The most pairs of turns for which a claim or a write waits for more handlers to end."""


class Stoppable(Protocol):
    """A running job, as others than its runner see it."""

    @property
    def claim(self) -> ClaimedJob:
        """What was claimed."""
        ...

    def cancel(self, reason: CancelReason) -> None:
        """Ask it to stop."""
        ...


class Slots:
    """As many slots as jobs may run at once; a job has one from its claim to its handler's end.

    Those that are claimed ahead wait until one is free.
    """

    def __init__(self, clock: Clock, concurrency: int, backlog: int, limits: Limits) -> None:
        """All free; `backlog` unwritten outcomes stop the fetching of more work."""
        self.free = concurrency
        """Less than none where jobs were claimed ahead."""
        self.turns = 0
        """Jobs that had a slot and gave it back."""
        self.closing = anyio.Event()
        """No job is begun any more."""
        self.running: set[Stoppable] = set()
        """Not by id: a thread that outlived its lease and the job's next attempt may meet here."""
        self.outcomes: list[Outcome] = []
        self.unwritten = 0
        """Outcomes that wait or are on their way."""
        self.doubtful: set[UUID] = set()
        """Jobs that their handlers completed in transactions of their own, committed or not."""
        self.freed = Signal(clock)
        """For the fetcher: a slot is free, or an outcome was written."""
        self.wake = Signal(clock)
        """For the fetcher: there may be work."""
        self.ended = Signal(clock)
        """For the finisher: there are outcomes."""
        self.beat = Signal(clock)
        """For the keeper: somebody asked for a cancel."""
        self.limits = limits
        self._backlog = backlog
        self._work: deque[ClaimedJob] = deque()
        self._idle: list[anyio.Event] = []
        self._tokens: dict[UUID, int] = {}
        self._watchers: list[anyio.Event] = []
        self._landing: anyio.Event | None = None
        """Of the claim on its way, if it is one ahead."""
        self._clock = clock
        self._turns_seen = 0

    # The fetcher's side.

    def room(self, ahead: int = 0) -> int:
        """How many jobs may be claimed now, with so many that have no slot yet."""
        if self.unwritten >= self._backlog:
            return 0
        return int(max(min(self.free + ahead, self.limits.most), 0))

    def claiming(self, token: UUID, *, ahead: bool) -> None:
        """A claim is on its way under this token; whether handlers run meanwhile."""
        self._tokens[token] = 0
        self._landing = anyio.Event() if ahead else None

    def claimed(self, token: UUID, jobs: Sequence[ClaimedJob]) -> None:
        """Its jobs came in: each waits for a runner, or is over a limit."""
        self._landed()
        if not jobs:
            del self._tokens[token]
            return
        self._tokens[token] = len(jobs)
        for job in jobs:
            wait = self.limits.enter(job)
            if wait is None:
                self.free -= 1
                self._work.append(job)
            else:
                self._ended(snoozed(job, wait))
        if self.closing.is_set():
            self.give_back()
        else:
            self.rouse()

    # The runners' side.

    def take(self) -> ClaimedJob | None:
        """The next job to run."""
        return self._work.popleft() if self._work else None

    def rouse(self) -> None:
        """Wake two runners, if there is work; each of them wakes two more once its handler waits.

        So a hundred handlers start within seven turns of the event loop, while handlers that wait
        for nothing are run in a row by the two that were woken.
        """
        for _ in range(min(2, len(self._work), len(self._idle))):
            self._idle.pop().set()

    async def work(self) -> None:
        """Return when there may be work."""
        event = anyio.Event()
        self._idle.append(event)
        try:
            await event.wait()
        except BaseException:
            if event.is_set():
                self.rouse()  # this wake-up was for a job: hand it on
            else:
                self._idle.remove(event)
            raise

    def finished(self, job: ClaimedJob, outcome: Outcome) -> None:
        """A handler ended: its slot is free, its outcome is to be written."""
        self.free += 1
        self.turns += 1
        if self.limits.leave(job):
            self.wake.set()
        self._ended(outcome)
        self.freed.set()
        if self._watchers:
            self.changed()

    def _ended(self, outcome: Outcome) -> None:
        self.unwritten += 1
        self.outcomes.append(outcome)
        self.ended.set()

    async def lull(self) -> None:
        """Return once no handler has ended for two turns of the event loop, or after `LULLS` pairs.

        At once if none runs. Handlers that wait for nothing end in a row: one claim and one write
        for all of them cost less than one for each few. (Two turns, since trio runs the tasks of a
        turn in any order.)
        """
        for _ in range(LULLS):
            free = self.free
            if not (self.running or self._work):
                return
            await checkpoint()
            await checkpoint()
            if self.free == free:
                return

    def _landed(self) -> None:
        if self._landing is not None:
            self._landing.set()
            self._landing = None

    # The finisher's side.

    async def landing(self) -> None:
        """Return when no claim ahead is on its way: the next one can share a write's commit."""
        if self._landing is not None:
            await self._clock.wait(self._landing, HOLD)

    def batch(self, most: int) -> list[Outcome]:
        """The outcomes that ended first, at most so many."""
        taken, self.outcomes = self.outcomes[:most], self.outcomes[most:]
        return taken

    def written(self, outcome: Outcome) -> None:
        """The store has answered for it."""
        self.unwritten -= 1
        left = self._tokens[outcome.token] - 1
        if left:
            self._tokens[outcome.token] = left
        else:
            del self._tokens[outcome.token]

    # Everybody's.

    @property
    def tokens(self) -> tuple[UUID, ...]:
        """The claims that this pool works for."""
        return tuple(self._tokens)

    @property
    def busy(self) -> bool:
        """Whether any job is claimed and not yet written."""
        return bool(self._tokens)

    @property
    def waiting(self) -> int:
        """Jobs that have a slot and no runner yet."""
        return len(self._work) + min(self.free, 0)

    def stop(self, reason: CancelReason) -> None:
        """Ask every running job to stop."""
        for job in tuple(self.running):
            job.cancel(reason)

    def give_back(self) -> None:
        """Release the jobs that no runner has begun."""
        while self._work:
            self._release(self._work.popleft())

    def unstick(self) -> None:
        """Release what was claimed ahead, if no job has ended since this was asked the last time.

        Then those that run are no longer short, and others may have slots.
        """
        stuck, self._turns_seen = self.turns == self._turns_seen, self.turns
        while stuck and self.free < 0:
            self._release(self._work.pop())

    def _release(self, job: ClaimedJob) -> None:
        self.finished(job, released(job))

    def close(self) -> None:
        """Begin no more jobs: what has no runner yet is given back, what is on its way too."""
        self.closing.set()
        self._landed()
        self.freed.set()
        self.give_back()
        self.changed()

    def changed(self) -> None:
        """Let those go on who wait for the pool to come to rest."""
        watchers, self._watchers = self._watchers, []
        for event in watchers:
            event.set()

    async def change(self) -> None:
        """Return when the pool may have come to rest."""
        event = anyio.Event()
        self._watchers.append(event)
        await event.wait()
