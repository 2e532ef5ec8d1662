"""A store, a mock clock, and schedulers that stand for processes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from goncordia import Args, Client, JobRow, Schedules
from goncordia.memory import STRONG, MemoryDriver
from goncordia.scheduler import Scheduler
from goncordia.testing import FaultyDriver, MockClock

START = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Report(Args, kind="report"):
    day: str = ""


class Crash(Exception):
    """Ends a process."""


class Rig:
    def __init__(self, capabilities=STRONG) -> None:
        self.clock = MockClock(START)
        self.store = MemoryDriver(capabilities=capabilities)
        self.driver = FaultyDriver(self.store)
        self.client = Client(self.driver, clock=self.clock)

    def process(self, schedules: Schedules, leads: bool = True) -> Scheduler:
        """Another process, which knows nothing yet."""
        return Scheduler(self.driver, schedules, self.clock, leads=lambda: leads)

    def sound_process(self, schedules: Schedules) -> Scheduler:
        """Another one, which no fault reaches."""
        return Scheduler(self.store, schedules, self.clock)

    async def live(self, scheduler: Scheduler, span: timedelta) -> None:
        """Let a process do its turns for so long."""
        end = self.clock.now() + span
        while True:
            seconds = await scheduler.turn()
            left = (end - self.clock.now()).total_seconds()
            await self.clock.advance(min(seconds, left))
            if seconds > left:
                return

    async def jobs(self) -> list[JobRow]:
        """All jobs, by their ticks."""
        rows = [row async for row in self.client.all_jobs()]
        return sorted(rows, key=lambda row: row.run_at)

    async def ticks(self) -> list[datetime]:
        return [row.run_at for row in await self.jobs()]


def hours(*numbers: int) -> list[datetime]:
    """So many hours into the first day."""
    return [datetime(2026, 1, 1, tzinfo=UTC) + number * HOUR for number in numbers]
