"""What a pool is told when it is made."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from goncordia.clock import Clock
from goncordia.errors import InvalidArgument
from goncordia.middleware import Middleware
from goncordia.options import check_queue

Span = timedelta | float


def span(value: Span, name: str) -> float:
    """A span in seconds; raises `InvalidArgument` for a negative one."""
    number = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if not number >= 0:
        raise InvalidArgument(f"{name}={value!r}: must be 0 seconds or more")
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Checked, with spans in seconds."""

    name: str
    concurrency: int
    queues: tuple[str, ...]
    middleware: Sequence[Middleware]
    clock: Clock
    poll: float
    beat_every: float
    session_ttl: float
    shutdown_timeout: float
    flush_timeout: float
    payload_limit: int

    def __post_init__(self) -> None:
        """Refuse what can't work."""
        if self.concurrency < 1:
            raise InvalidArgument(f"concurrency={self.concurrency}: at least one job at once")
        if not self.queues:
            raise InvalidArgument("queues=(): name at least one queue to work on")
        for queue in self.queues:
            check_queue(queue)
        if self.poll <= 0 or self.beat_every <= 0:
            raise InvalidArgument(
                f"poll={self.poll}, beat_every={self.beat_every}: must be longer than 0 seconds"
            )
        if self.session_ttl < 4 * self.beat_every:
            raise InvalidArgument(
                f"session_ttl={self.session_ttl} and beat_every={self.beat_every}: a session must "
                "outlive at least four beats, or one slow beat costs all its jobs"
            )


def distinct(queues: Collection[str]) -> tuple[str, ...]:
    """The queues in their order, each once."""
    return tuple(dict.fromkeys(queues))
