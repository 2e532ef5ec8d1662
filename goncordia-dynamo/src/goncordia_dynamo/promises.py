"""What the store promises, and how it likes to be called."""

from __future__ import annotations

from datetime import timedelta

from goncordia.capabilities import Capabilities, Habits


def capabilities(shards: int, lag: timedelta) -> Capabilities:
    """Of a table with so many shards in a queue, whose queues are looked up so rarely."""
    return Capabilities(
        tx_insert="staged",
        tx_finish="staged",
        tx_unique=True,
        follow_up=True,
        exclusive_claim="strict",
        unique=True,
        order="strict" if shards == 1 else "window",
        claim_sees="eventual",  # the index lags behind the table
        clock="store",  # to a second, as DynamoDB tells it with each answer
        wake="poll",
        pause_lag=lag,
        counts="approximate",
        atomic_insert=1,
    )


def habits(shards: int) -> Habits:
    """Polls that cost an idle queue, with all else, at most one read unit a second."""
    return Habits(batch=500, poll=1.5 * shards, prunes_itself=True)
