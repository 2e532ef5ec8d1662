"""What tests of code that uses goncordia need."""

from goncordia.testing.clock import MockClock
from goncordia.testing.faults import Fault, FaultyDriver, held, lost, refused, reply_held
from goncordia.testing.plan import (
    FaultKind,
    FaultPlan,
    PlannedDriver,
    cancelled,
    delayed,
    doubled,
)

__all__ = [
    "Fault",
    "FaultKind",
    "FaultPlan",
    "FaultyDriver",
    "MockClock",
    "PlannedDriver",
    "cancelled",
    "delayed",
    "doubled",
    "held",
    "lost",
    "refused",
    "reply_held",
]
