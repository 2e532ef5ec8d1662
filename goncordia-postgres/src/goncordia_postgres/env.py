"""What an operation knows of its surroundings: the instant, the retention, and whom to tell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from goncordia.clock import When, as_utc
from goncordia.lifecycle import State
from goncordia.retention import Retention
from goncordia.statements import Statement

from goncordia_postgres import statements as sql

MICROSECOND = timedelta(microseconds=1)
SOON = timedelta(seconds=6)
"""Jobs due within it are worth a hint, since an idle pool's poll may come later."""
CANCELS = "!"
"""What a note says of cancels; the names of queues are parted by commas."""
LATE = "~"
"""Before a queue's name: its job may come in below those that were claimed last."""
ANYTHING = "*"
"""What stands for more names than a note takes."""
LONGEST_NOTE = 7_900


class Env:
    """One operation's surroundings; `now` is None where the server's clock rules."""

    __slots__ = ("_kept", "_queues", "cancels", "channel", "late", "now")

    def __init__(
        self, now: datetime | None, kept: Mapping[State, timedelta], channel: str | None
    ) -> None:
        self.now = None if now is None else as_utc(now, "now")
        self.channel = channel
        """Where hints go; None: nowhere."""
        self.cancels = False
        """Whether a running job was asked to stop."""
        self.late = False
        """Whether this is heard only when the caller commits."""
        self._queues: set[str] = set()
        self._kept = kept

    def kept(self, state: State) -> timedelta:
        """For how long a job that ends in that state is kept."""
        return self._kept[state]

    def tell(self, queue: str) -> None:
        """A job of the queue can be claimed, or soon."""
        self._queues.add(queue)

    def tell_late(self, queue: str) -> None:
        """Jobs of the queue come in below those that were claimed last."""
        self._queues.add(LATE + queue)

    def tell_due(self, queue: str, run_at: datetime, now: datetime) -> None:
        """A job of the queue waits for that time: a hint, if it is near."""
        if run_at < now:
            self.tell_late(queue)
        elif run_at <= now + SOON:
            self._queues.add(queue)

    def take_notes(self) -> list[Statement]:
        """The hints that have gathered, as at most one statement."""
        if self.channel is None or not (self._queues or self.cancels):
            return []
        names = sorted(
            {LATE + name.lstrip(LATE) for name in self._queues} if self.late else self._queues
        )
        if self.cancels:
            names.append(CANCELS)
        text = ",".join(names)
        if len(text) > LONGEST_NOTE:
            text = f"{ANYTHING},{CANCELS}"
        self._queues.clear()
        self.cancels = False
        return [Statement(sql.NOTIFY, (self.channel, text))]


def instant(when: When, now: datetime, name: str) -> datetime:
    """The instant meant; raises `InvalidArgument` for a naive datetime."""
    return now + when if isinstance(when, timedelta) else as_utc(when, name)


def kept(retention: Retention) -> Mapping[State, timedelta]:
    """For how long jobs that ended in a state are kept."""
    ended = (State.COMPLETED, State.DISCARDED, State.CANCELLED)
    return {state: retention.of(state) for state in ended}
