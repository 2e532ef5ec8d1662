"""What an operator or client may do to jobs by their ids."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from goncordia.clock import When, as_utc
from goncordia.lifecycle import Event
from goncordia.options import check_priority


class Cancel(msgspec.Struct, frozen=True):
    """End waiting jobs; ask the holders of running ones to stop."""


class Retry(msgspec.Struct, frozen=True):
    """Run again, at least one attempt more; None: now."""

    run_at: When | None = None


class Amend(msgspec.Struct, frozen=True):
    """Change when and how urgently waiting jobs run; None leaves a part as it is."""

    run_at: When | None = None
    priority: int | None = None


class Delete(msgspec.Struct, frozen=True):
    """Remove jobs that are not running."""


Action = Cancel | Retry | Amend | Delete

EVENTS: Mapping[type[Action], Event] = {
    Cancel: Event.CANCEL,
    Retry: Event.RETRY,
    Amend: Event.AMEND,
    Delete: Event.DELETE,
}
"""What each asks of the lifecycle."""


def check_action(action: Action) -> None:
    """Refuse what no job takes; raises `InvalidArgument`."""
    if isinstance(action, Amend) and action.priority is not None:
        check_priority(action.priority)
    if isinstance(action, Retry | Amend) and isinstance(action.run_at, datetime):
        as_utc(action.run_at, "run_at")


class Acted(StrEnum):
    """What an action did to one job."""

    CHANGED = "changed"
    REQUESTED = "requested"
    """A running job's holder was asked to stop."""
    CONFLICT = "conflict"
    """Another job holds the unique key that a retried one would take again."""
    RUNNING = "running"
    """Refused, because it runs."""
    WRONG_STATE = "wrong state"
    MISSING = "missing"
    BUSY = "busy"
    """Somebody's open transaction holds the row; come back."""
