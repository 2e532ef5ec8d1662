"""What the store promises, and how it likes to be called."""

from __future__ import annotations

from datetime import timedelta

from goncordia.capabilities import Capabilities, Habits

CAPABILITIES = Capabilities(
    tx_insert="immediate",
    tx_finish="immediate",
    tx_unique=True,
    follow_up=True,
    exclusive_claim="strict",
    unique=True,
    order="strict",
    claim_sees="immediate",
    clock="store",  # the machine's, which all processes on one folder share
    wake="poll",
    pause_lag=timedelta(0),
    counts="exact",
    atomic_insert=10_000,
)
HABITS = Habits(batch=1000, poll=0.2)
