"""What the producer of a kind decides: where it queues, how urgent, how often it may be tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from goncordia.errors import InvalidArgument
from goncordia.jobs import MAX_ATTEMPTS, PRIORITIES, QUEUE_NAME

if TYPE_CHECKING:
    from goncordia.unique import Unique


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the jobs of a kind are enqueued unless the call says otherwise.

    They live on the args class, since that is what a producer imports; `@jobs.worker(queue=...)`
    writes them there too.
    """

    queue: str = "default"
    priority: int = 0
    max_attempts: int = 25
    unique: Unique | None = None

    def __post_init__(self) -> None:
        """Refuse what no store takes."""
        check_queue(self.queue)
        check_priority(self.priority)
        check_max_attempts(self.max_attempts)


def check_queue(name: str) -> str:
    """The name, or `InvalidArgument`."""
    if not QUEUE_NAME.fullmatch(name):
        raise InvalidArgument(f"queue={name!r}: use 1 to 128 letters, digits and _ . : / -")
    return name


def check_priority(priority: int) -> int:
    """The priority, or `InvalidArgument`."""
    if priority not in PRIORITIES:
        raise InvalidArgument(
            f"priority={priority!r}: use {PRIORITIES.start} (last) to {PRIORITIES.stop - 1} (first)"
        )
    return priority


def check_max_attempts(number: int) -> int:
    """The number, or `InvalidArgument`."""
    if not 1 <= number <= MAX_ATTEMPTS:
        raise InvalidArgument(f"max_attempts={number!r}: use 1 to {MAX_ATTEMPTS}")
    return number
