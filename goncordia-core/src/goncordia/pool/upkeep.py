"""What one pool does for all: takes back the jobs of dead workers, removes what has expired.

Leadership is thrift: every write here is fenced by itself, and two leaders do no harm.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Never

from goncordia.answers import Progress
from goncordia.driver import Driver
from goncordia.errors import Unavailable
from goncordia.pool.lease import Lease
from goncordia.pool.settings import Settings

log = logging.getLogger("goncordia.pool")

LEADER = "leader"
"""The key of leadership; its value is the leader's session id."""
LIMIT = 1000
"""Jobs in one call."""
PRUNE_EVERY = 12
"""Turns between two rounds of pruning."""


class Upkeep:
    """Tries to lead, and does the chores while it does."""

    def __init__(self, driver: Driver[Never], settings: Settings, lease: Lease) -> None:
        """Not leading."""
        self._driver = driver
        self._settings = settings
        self._lease = lease
        self._held: bytes | None = None
        self._turn = 0

    @property
    def leads(self) -> bool:
        """Whether this pool is the leader, as far as it knows."""
        session = self._lease.session
        return session is not None and self._held == session.bytes

    async def run(self) -> None:
        """A turn at every beat, for ever."""
        every = self._settings.beat_every
        while True:
            try:
                if await self._lead():
                    await self._chores()
            except Unavailable as error:
                log.warning("upkeep waits for the store: %s", error)
            await self._settings.clock.sleep(every * random.uniform(0.75, 1.25))

    async def resign(self) -> None:
        """Let another lead at once."""
        if self._held is not None:
            held, self._held = self._held, None
            await self._set(held, None)

    async def _lead(self) -> bool:
        session = self._lease.session
        if session is None:
            return False
        mine = session.bytes
        current = await self._set(self._held, mine)  # also from the session before this one
        self._held = mine if current == mine else None
        return self.leads

    async def _set(self, expected: bytes | None, value: bytes | None) -> bytes | None:
        ttl = timedelta(seconds=4 * self._settings.beat_every)
        now = self._settings.clock.told()
        cas = await self._driver.compare_and_set(LEADER, expected, value, ttl=ttl, now=now)
        return cas.current

    async def _chores(self) -> None:
        driver, now = self._driver, self._settings.clock.told
        observed = self._lease.observed
        await self._all("rescued", lambda: driver.rescue(LIMIT, observed=observed, now=now()))
        if self._turn % PRUNE_EVERY == 0 and not driver.habits.prunes_itself:
            await self._all("pruned", lambda: driver.prune(LIMIT, now=now()))
        self._turn += 1

    async def _all(self, done: str, step: Callable[[], Awaitable[Progress]]) -> None:
        total, more = 0, True
        while more:
            progress = await step()
            total += progress.n
            more = progress.more and progress.n > 0
        if total:
            log.info("%s %d jobs", done, total)
