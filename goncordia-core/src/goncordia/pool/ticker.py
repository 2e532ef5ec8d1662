"""Enqueues the jobs of the application's schedules when their ticks come."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Never

from goncordia.driver import Driver
from goncordia.errors import Unavailable
from goncordia.pool.backoff import Backoff
from goncordia.pool.settings import Settings
from goncordia.scheduler import Scheduler

log = logging.getLogger("goncordia.pool")

NAP = 60.0
"""Seconds between two looks at the wall clock, which may be set meanwhile; no I/O."""


class Ticker:
    """Sleeps from tick to tick."""

    def __init__(
        self, driver: Driver[Never], settings: Settings, leads: Callable[[], bool]
    ) -> None:
        """Not running; `leads` tells whether this pool goes first."""
        self._clock = settings.clock
        self._scheduler = Scheduler(
            driver,
            settings.schedules,
            self._clock,
            leads=leads,
            limit=settings.payload_limit,
            layers=settings.enqueuing,
        )

    async def run(self) -> None:
        """A turn at every tick, for ever."""
        backoff = Backoff()
        while True:
            try:
                seconds = await self._scheduler.turn()
            except Unavailable as error:
                log.warning("schedules wait for the store: %s", error)
                await backoff.rest(self._clock)
            else:
                backoff.worked()
                await self._clock.sleep(min(seconds, NAP))
