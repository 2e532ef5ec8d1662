"""What a pool is told when it is made."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Never, TypedDict

from goncordia.clock import Clock
from goncordia.codec import PAYLOAD_LIMIT
from goncordia.driver import Driver
from goncordia.errors import InvalidArgument
from goncordia.middleware import Enqueuing, Middleware
from goncordia.options import check_queue
from goncordia.periodic import Schedules
from goncordia.pool.limits import rooms
from goncordia.registry import Registry
from goncordia.system_clock import SystemClock

Span = timedelta | float

ENDLESS = timedelta(days=365).total_seconds()
"""No wait of a pool is as long: a shield must have its end."""


def span(value: Span, name: str) -> float:
    """A span in seconds; raises `InvalidArgument` for a negative or endless one."""
    number = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if not 0 <= number < ENDLESS:
        raise InvalidArgument(f"{name}={value!r}: must be 0 seconds or more, and less than a year")
    return number


def numbers(said: Mapping[str, int], name: str, known: Collection[str]) -> dict[str, int]:
    """What is said of queues or kinds; raises `InvalidArgument` for others, and for less than 1."""
    for key, number in said.items():
        if key not in known:
            raise InvalidArgument(
                f"{name}: this pool has no {key!r}, it has {', '.join(known) or 'none'}"
            )
        if not (number >= 1 and number % 1 == 0):
            raise InvalidArgument(f"{name}={{{key!r}: {number!r}}}: use a whole number from 1")
    return dict(said)


class PoolOptions(TypedDict, total=False):
    """What `worker_pool` may be told; spans are seconds or timedeltas."""

    concurrency: int
    """How many jobs run at once; 10."""
    queues: Collection[str] | None
    """The queues to work on; those of the registry's kinds, and "default"."""
    weights: Mapping[str, int]
    """What part each queue gets of the jobs, where all have more than can run; 1 each."""
    queue_limits: Mapping[str, int]
    """How many jobs of a queue run at once in this pool; no limit but `concurrency`."""
    kind_limits: Mapping[str, int]
    """How many jobs of a kind run at once in this pool; no limit but `concurrency`."""
    name: str | None
    """What others see the worker as; host and process id."""
    middleware: Sequence[Middleware]
    """What wraps every handler, outermost first; nothing."""
    enqueuing: Sequence[Enqueuing]
    """What wraps each insert of follow-ups and of schedules, outermost first; nothing."""
    schedules: Schedules | None
    """The jobs that are enqueued again and again; none."""
    clock: Clock | None
    """Where time comes from; the system."""
    poll: Span | None
    """Between an idle pool's looks, should no hint reach it; as the driver likes."""
    beat_every: Span
    """Between two signs of life; 5 s."""
    session_ttl: Span
    """After so long a silence others may take the jobs back; 60 s."""
    shutdown_timeout: Span
    """For how long leaving waits for handlers before it cancels them; 30 s."""
    flush_timeout: Span
    """For how long the last write of outcomes may take; 5 s."""
    payload_limit: int
    """Bytes of a result, and of a follow-up's args or meta; 1 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Checked, with spans in seconds."""

    name: str
    concurrency: int
    queues: tuple[str, ...]
    weights: Mapping[str, int]
    rooms: Mapping[str, float]
    """How many jobs of each queue may run at once; `math.inf` for no limit."""
    kind_limits: Mapping[str, int]
    middleware: Sequence[Middleware]
    enqueuing: Sequence[Enqueuing]
    schedules: Schedules
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

    @staticmethod
    def of(driver: Driver[Never], registry: Registry, options: PoolOptions) -> Settings:
        """The options, with what they leave out; raises `InvalidArgument`."""
        queues, poll = options.get("queues"), options.get("poll")
        if queues is None:
            queues = [*registry.queues, "default"]
        if isinstance(queues, str):
            raise InvalidArgument(f"queues={queues!r}: use a list or tuple")
        queues = tuple(dict.fromkeys(queues))
        weights = numbers(options.get("weights", {}), "weights", queues)
        queue_limits = numbers(options.get("queue_limits", {}), "queue_limits", queues)
        kind_limits = numbers(options.get("kind_limits", {}), "kind_limits", registry.kinds)
        return Settings(
            name=options.get("name") or f"{socket.gethostname()}:{os.getpid()}",
            concurrency=options.get("concurrency", 10),
            queues=queues,
            weights=dict.fromkeys(queues, 1) | weights,
            rooms=rooms(queues, queue_limits, kind_limits, registry),
            kind_limits=kind_limits,
            middleware=tuple(options.get("middleware", ())),
            enqueuing=tuple(options.get("enqueuing", ())),
            schedules=options.get("schedules") or Schedules(),
            clock=options.get("clock") or SystemClock(),
            poll=span(driver.habits.poll if poll is None else poll, "poll"),
            beat_every=span(options.get("beat_every", 5.0), "beat_every"),
            session_ttl=span(options.get("session_ttl", 60.0), "session_ttl"),
            shutdown_timeout=span(options.get("shutdown_timeout", 30.0), "shutdown_timeout"),
            flush_timeout=span(options.get("flush_timeout", 5.0), "flush_timeout"),
            payload_limit=options.get("payload_limit", PAYLOAD_LIMIT),
        )
