"""What tests of code that uses goncordia need."""

from goncordia.testing.clock import MockClock
from goncordia.testing.faults import Fault, FaultyDriver, held, lost, refused, reply_held

__all__ = ["Fault", "FaultyDriver", "MockClock", "held", "lost", "refused", "reply_held"]
