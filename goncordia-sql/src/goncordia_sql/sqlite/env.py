"""What an operation knows of its surroundings: the instant, the retention, and whom to tell."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta

from goncordia.clock import When, as_utc, from_micros, to_micros
from goncordia.lifecycle import State
from goncordia.retention import Retention

MICROSECOND = timedelta(microseconds=1)
SOON = 6_000_000
"""Microseconds: jobs due within them are worth a hint, since an idle pool's poll may come later."""


class News:
    """What one transaction has to tell listeners once it is committed."""

    __slots__ = ("cancels", "job", "queues")

    def __init__(self) -> None:
        self.queues: set[str] = set()
        self.cancels = False
        self.job: bytes | None = None
        """One of the new jobs: whoever sees it sees the transaction committed."""

    def __bool__(self) -> bool:
        return bool(self.queues) or self.cancels


class Env:
    """One operation's now, in microseconds, and what is reckoned from it."""

    __slots__ = ("_kept", "news", "now")

    def __init__(self, now: datetime | None, kept: Mapping[State, int], news: News) -> None:
        self.now = time.time_ns() // 1000 if now is None else to_micros(as_utc(now, "now"))
        self.news = news
        self._kept = kept

    @property
    def at(self) -> datetime:
        """Now, as a datetime."""
        return from_micros(self.now)

    def expiry(self, state: State) -> int:
        """Until when a job that ends now in that state is kept."""
        return self.now + self._kept[state]

    def instant(self, when: When, name: str) -> int:
        """The instant meant; raises `InvalidArgument` for a naive datetime."""
        if isinstance(when, timedelta):
            return self.now + when // MICROSECOND
        return to_micros(as_utc(when, name))

    def tell(self, queue: str, run_at: int) -> None:
        """A job of the queue waits for that time: a hint, if it is near."""
        if run_at <= self.now + SOON:
            self.news.queues.add(queue)


def kept(retention: Retention) -> Mapping[State, int]:
    """Microseconds for which jobs that ended in a state are kept."""
    ended = (State.COMPLETED, State.DISCARDED, State.CANCELLED)
    return {state: retention.of(state) // MICROSECOND for state in ended}
