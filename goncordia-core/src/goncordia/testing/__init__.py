"""What tests of code that uses goncordia need."""

from goncordia.testing.clock import MockClock

__all__ = ["MockClock"]
