"""How long ended jobs are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from goncordia.errors import InvalidArgument
from goncordia.lifecycle import State

RESEND_WINDOW = timedelta(minutes=1)
"""For so long a caller may send the same call again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long ended jobs are kept, by the state in which they ended; at least a minute."""

    completed: timedelta = timedelta(days=1)
    cancelled: timedelta = timedelta(days=1)
    discarded: timedelta = timedelta(days=7)

    def __post_init__(self) -> None:
        """Refuse less than the resend window: a finish sent again has to find its job."""
        for name in ("completed", "cancelled", "discarded"):
            if getattr(self, name) < RESEND_WINDOW:
                raise InvalidArgument(
                    f"Retention({name}={getattr(self, name)}): at least {RESEND_WINDOW}"
                )

    def of(self, state: State) -> timedelta:
        """How long a job that ended in that state is kept."""
        if state is State.COMPLETED:
            return self.completed
        return self.cancelled if state is State.CANCELLED else self.discarded
