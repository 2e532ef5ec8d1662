"""What the store promises, and how it likes to be called: the same for both drivers."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from uuid import UUID

from goncordia.capabilities import Capabilities, Habits
from goncordia.clock import utc_now
from goncordia.ids import uuid7, uuid7_of

from goncordia_sql.sqlite.post import SUPPORTED

CAPABILITIES = Capabilities(
    tx_insert="immediate",
    tx_finish="immediate",
    tx_unique=True,
    follow_up=True,
    exclusive_claim="strict",
    unique=True,
    order="strict",
    claim_sees="immediate",
    clock="store",  # the machine's, which all processes on one file share
    wake="push" if SUPPORTED else "poll",
    pause_lag=timedelta(0),
    counts="exact",
    atomic_insert=10_000,
)
HABITS = Habits(batch=1000, poll=4.0 if SUPPORTED else 0.5)


class Promises:
    """The properties that both drivers have."""

    @property
    def name(self) -> str:
        """`sqlite`."""
        return "sqlite"

    @property
    def capabilities(self) -> Capabilities:
        """What SQLite promises."""
        return CAPABILITIES

    @property
    def habits(self) -> Habits:
        """How it likes to be called."""
        return HABITS

    @property
    def handles(self) -> tuple[type, ...]:
        """The caller's own connection."""
        return (sqlite3.Connection,)

    def new_id(
        self, kind: str, queue: str, *, at: datetime | None = None, seed: bytes | None = None
    ) -> UUID:
        """Mint an id; a seed makes it the same each time."""
        return uuid7() if seed is None else uuid7_of(at or utc_now(), seed)
