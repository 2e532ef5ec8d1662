"""What tests of code that uses goncordia need."""

from goncordia.testing.clock import MockClock
from goncordia.testing.drain import Drained
from goncordia.testing.enqueued import EnqueuedJob
from goncordia.testing.faults import Fault, FaultyDriver, held, lost, refused, reply_held
from goncordia.testing.plan import (
    FaultKind,
    FaultPlan,
    PlannedDriver,
    cancelled,
    delayed,
    doubled,
)
from goncordia.testing.tracker import SyncTracker, Tracker
from goncordia.testing.work import Worked, work, work_sync

__all__ = [
    "Drained",
    "EnqueuedJob",
    "Fault",
    "FaultKind",
    "FaultPlan",
    "FaultyDriver",
    "MockClock",
    "PlannedDriver",
    "SyncTracker",
    "Tracker",
    "Worked",
    "cancelled",
    "delayed",
    "doubled",
    "held",
    "lost",
    "refused",
    "reply_held",
    "work",
    "work_sync",
]
