"""What an operator or client may do to jobs by their ids."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from goncordia.clock import When


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
