"""How much waits in the store, and for how long the oldest has: gauges."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Never

from goncordia.answers import Count
from goncordia.client import Client
from goncordia.clock import Clock
from goncordia.driver import Driver
from goncordia.errors import GoncordiaError
from goncordia.lifecycle import LIVE, State
from goncordia.system_clock import SystemClock
from goncordia.telemetry import names
from goncordia.telemetry.alongside import alongside
from goncordia.telemetry.api import CallbackOptions, Meter, Observation

log = logging.getLogger("goncordia.telemetry")


class Depths:
    """Counts by queue and state, and the age of the oldest due job, as last looked up.

    Both are as exact as the store's `stats`; of a store that counts nothing there are none.
    """

    def __init__(
        self,
        driver: Driver[Never],
        meter: Meter,
        *,
        queues: Sequence[str] = (),
        clock: Clock | None = None,
    ) -> None:
        """Nothing is looked up yet; no queues means all."""
        self._clock = clock or SystemClock()
        self._client = Client(driver, clock=self._clock)
        self._queues = queues
        self._counts = driver.capabilities.counts != "absent"
        self._depths: list[Observation] = []
        self._ages: list[Observation] = []
        meter.create_observable_gauge(
            "goncordia.queue.depth",
            [self._read_depths],
            unit="{job}",
            description="Jobs in the store that have not ended, by queue and state.",
        )
        meter.create_observable_gauge(
            "goncordia.queue.oldest_age",
            [self._read_ages],
            unit="s",
            description="For how long the oldest due job of a queue has been due.",
        )

    async def refresh(self) -> None:
        """Look it up; if the store does not answer there is nothing to tell."""
        try:
            await self._look()
        except GoncordiaError as error:
            self._depths, self._ages = [], []
            log.warning("the depth of queues is not known: %s", error)

    @asynccontextmanager
    async def watched(self, every: float = 15.0) -> AsyncGenerator[None]:
        """Look it up again and again while the block runs, after so many seconds each."""
        async with alongside(partial(self._watch, every), "goncordia depths"):
            yield

    async def _watch(self, every: float) -> None:
        while True:
            await self.refresh()
            await self._clock.sleep(every)

    async def _look(self) -> None:
        if not self._counts:
            return
        counts, now = await self._client.stats(self._queues), self._clock.now()
        self._depths = self._count(counts)
        known = [queue.name for queue in await self._client.queues()]
        meant = [name for name in known if not self._queues or name in self._queues]
        self._ages = list(_ages(meant, counts, now))

    def _count(self, counts: Sequence[Count]) -> list[Observation]:
        """Each live state of each queue that has jobs, zeros as well."""
        found = {(count.queue, count.state): count.n for count in counts}
        return [
            Observation(
                found.get((queue, state), 0), {names.QUEUE: queue, names.STATE: state.value}
            )
            for queue in sorted({queue for queue, _ in found})
            for state in sorted(LIVE)
        ]

    def _read_depths(self, options: CallbackOptions) -> Iterable[Observation]:
        return self._depths

    def _read_ages(self, options: CallbackOptions) -> Iterable[Observation]:
        return self._ages


def _ages(queues: Iterable[str], counts: Sequence[Count], now: datetime) -> Iterator[Observation]:
    """Zero where nothing is due, none where the store does not say."""
    due = {count.queue: count.oldest for count in counts if count.state is State.AVAILABLE}
    for queue in queues:
        oldest = due.get(queue, now)
        if oldest is not None:
            age = max(0.0, (now - oldest).total_seconds())
            yield Observation(age, {names.QUEUE: queue})
