"""Times that people write, and read."""

from __future__ import annotations

from datetime import datetime, timedelta

from goncordia.clock import When, as_utc
from goncordia.errors import InvalidArgument
from goncordia.reasons import spell


def when(run_at: datetime | None, wait: timedelta | None) -> When | None:
    """What `--run-at` or `--in` says; None: neither. Raises `InvalidArgument` for both."""
    if run_at is not None and wait is not None:
        raise InvalidArgument("say --run-at or --in, not both")
    return wait if run_at is None else as_utc(run_at, "--run-at")


def away(at: datetime, now: datetime) -> str:
    """Roughly how far off: `in 3 h`, `5 min ago`."""
    seconds = (at - now).total_seconds()
    if -1 < seconds < 1:
        return "now"
    return f"in {spell(seconds, 1)}" if seconds > 0 else f"{spell(-seconds, 1)} ago"
