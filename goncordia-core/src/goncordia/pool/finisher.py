"""Writes outcomes, in batches: whatever gathered while the last write was on its way."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Never

import anyio

from goncordia.answers import Finished
from goncordia.clock import Clock
from goncordia.driver import Driver
from goncordia.errors import Unavailable
from goncordia.jobs import Outcome
from goncordia.pool.backoff import Backoff
from goncordia.pool.settings import Settings
from goncordia.pool.slots import Slots

log = logging.getLogger("goncordia.pool")


class Finisher:
    """The only one that tells the store how jobs ended."""

    def __init__(self, driver: Driver[Never], settings: Settings, slots: Slots) -> None:
        """Nothing to write yet."""
        self._driver = driver
        self._settings = settings
        self._slots = slots
        self._batch: list[Outcome] = []
        """Sent, and not known to be written: sent again, also by a flush after a cancel."""
        self._busy: list[Outcome] = []
        self._backoff = Backoff()
        self._busy_backoff = Backoff()

    @property
    def stalled(self) -> bool:
        """Whether it can't write before some time has passed."""
        return self._backoff.resting

    async def run(self) -> None:
        """Write for ever."""
        clock, gather = self._settings.clock, self._driver.habits.gather
        while True:
            await self._slots.ended.wait(self._busy_backoff.failed() if self._busy else None)
            await self._slots.lull()
            if gather:
                await anyio.sleep(gather)  # real time: it is no wait that a mock clock skips
            await self.write(clock)

    async def write(self, clock: Clock) -> None:
        """Write until nothing is left but what somebody's open transaction has locked.

        Pauses are by that clock, which is not the pool's own once nobody moves that any more.
        """
        slots, most = self._slots, self._driver.habits.batch
        slots.outcomes[:0], self._busy = self._busy, []
        while self._batch or slots.outcomes:
            if not self._batch:
                await slots.landing()
            self._batch += slots.batch(most - len(self._batch))
            await self._send(clock)

    async def flush(self, clock: Clock) -> None:
        """Write everything; the caller bounds the time."""
        await self.write(clock)
        while self._busy:
            await self._busy_backoff.rest(clock)
            await self.write(clock)

    def unwritten(self) -> list[Outcome]:
        """What the store was not heard to have taken."""
        return [*self._batch, *self._busy, *self._slots.outcomes]

    async def _send(self, clock: Clock) -> None:
        try:
            answers = await self._driver.finish(self._batch, now=self._settings.clock.told())
        except Unavailable as error:
            log.warning("the outcomes of %d jobs wait for the store: %s", len(self._batch), error)
            self._slots.changed()
            await self._backoff.rest(clock)
            return
        self._backoff.worked()
        sent, self._batch = self._batch, []
        self._settle(zip(sent, answers, strict=True))

    def _settle(self, answered: Iterable[tuple[Outcome, Finished]]) -> None:
        slots = self._slots
        for outcome, answer in answered:
            if answer is Finished.BUSY:
                self._busy.append(outcome)
                continue
            slots.written(outcome)
            doubtful = slots.doubtful and outcome.id in slots.doubtful
            if answer is not Finished.DONE and not doubtful:
                log.warning(
                    "job %s: its %s came too late, the job is %s; it was rescued or deleted",
                    outcome.id,
                    outcome.event.value,
                    answer.value,
                )
            if doubtful:
                slots.doubtful.discard(outcome.id)
        if not self._busy:
            self._busy_backoff.worked()
        slots.freed.set()
        slots.changed()
