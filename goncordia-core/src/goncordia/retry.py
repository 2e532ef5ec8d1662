"""Retry policies: how long a failed job waits before its next attempt."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

RetryPolicy = Callable[[int, BaseException], timedelta | None]
"""(the attempt that just failed, counted from 1; its error) -> the wait, or None: discard."""

LONGEST = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Exponential:
    """`first * factor ** (attempt - 1)`, at most `longest`, spread by `jitter`.

    Jitter is the share of the wait that chance takes away, so that jobs that failed together don't
    come back together. The default waits 1, 2, 4, 8 ... seconds, at most a day.
    """

    first: timedelta = timedelta(seconds=1)
    factor: float = 2.0
    longest: timedelta = LONGEST
    jitter: float = 0.25

    def __call__(self, attempt: int, error: BaseException) -> timedelta | None:
        """The wait after that attempt."""
        ceiling = self.longest / self.first
        try:
            times = min(self.factor ** (attempt - 1), ceiling)
        except OverflowError:
            times = ceiling
        return self.first * times * (1 - self.jitter * random.random())


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same wait."""

    wait: timedelta

    def __call__(self, attempt: int, error: BaseException) -> timedelta | None:
        """The wait after that attempt."""
        return self.wait


def never(attempt: int, error: BaseException) -> timedelta | None:
    """No retry: the first failure discards the job."""
    return None


exponential = Exponential()

rescue_backoff = Exponential(first=timedelta(seconds=5), longest=timedelta(minutes=10))
"""What drivers wait with a rescued job: whatever killed its worker should not meet it at once."""
