"""Hears the store's hints and passes them on."""

from __future__ import annotations

import logging
from typing import Never

from goncordia.driver import Driver
from goncordia.errors import Unavailable
from goncordia.pool.backoff import Backoff
from goncordia.pool.settings import Settings
from goncordia.pool.signal import Signal
from goncordia.sessions import Wake

log = logging.getLogger("goncordia.pool")


class Listener:
    """Listens again whenever it was cut off, and then lets the others look for what it missed."""

    def __init__(
        self, driver: Driver[Never], settings: Settings, jobs: Signal, cancels: Signal
    ) -> None:
        """`jobs` and `cancels` are set at each hint of them."""
        self._driver = driver
        self._settings = settings
        self._signals = {Wake.JOBS: jobs, Wake.CANCELS: cancels}

    async def run(self) -> None:
        """Listen for ever."""
        backoff = Backoff()
        while True:
            try:
                async with self._driver.listen(self._settings.queues) as wakeups:
                    self._pass_on(Wake.JOBS | Wake.CANCELS)
                    while True:
                        self._pass_on(await wakeups.wait())
                        backoff.worked()
            except Unavailable as error:
                log.warning("wake-ups are cut off, polling goes on: %s", error)
                await self._settings.clock.sleep(backoff.failed())

    def _pass_on(self, wake: Wake) -> None:
        for kind, signal in self._signals.items():
            if kind in wake:
                signal.set()
