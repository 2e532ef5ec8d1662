"""What the store promises, and how it likes to be called: the same for both drivers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from goncordia.capabilities import Capabilities, Habits
from goncordia.clock import utc_now
from goncordia.ids import uuid7, uuid7_of

CAPABILITIES = Capabilities(
    tx_insert="immediate",
    tx_finish="immediate",
    tx_unique=True,
    follow_up=True,
    exclusive_claim="strict",
    unique=True,
    order="strict",
    claim_sees="immediate",  # but see `floors` for a database where a transaction is left open
    clock="store",
    wake="push",
    pause_lag=timedelta(0),
    counts="exact",
    atomic_insert=10_000,
)
HABITS = Habits(batch=5000, ahead=True, poll=4.0)
POLLING = replace(HABITS, poll=0.75)
"""Where nobody listens."""


class Promises:
    """The properties that both drivers have."""

    _capabilities = CAPABILITIES
    _habits = HABITS

    def _promise(self, *, listens: bool) -> None:
        if not listens:
            self._capabilities = replace(CAPABILITIES, wake="poll")
            self._habits = POLLING

    @property
    def name(self) -> str:
        """`postgresql`."""
        return "postgresql"

    @property
    def capabilities(self) -> Capabilities:
        """What PostgreSQL promises."""
        return self._capabilities

    @property
    def habits(self) -> Habits:
        """How it likes to be called."""
        return self._habits

    def new_id(
        self, kind: str, queue: str, *, at: datetime | None = None, seed: bytes | None = None
    ) -> UUID:
        """Mint an id; a seed makes it the same each time."""
        return uuid7() if seed is None else uuid7_of(at or utc_now(), seed)
