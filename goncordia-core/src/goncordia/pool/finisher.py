"""Writes outcomes, in batches: whatever gathered while the last write was on its way."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Never

from goncordia.answers import Finished
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

    async def run(self) -> None:
        """Write for ever."""
        clock, gather = self._settings.clock, self._driver.habits.gather
        while True:
            await self._slots.ended.wait(self._busy_backoff.failed() if self._busy else None)
            if gather:
                await clock.sleep(gather)
            await self.write()

    async def write(self) -> None:
        """Write until nothing is left but what somebody's open transaction has locked."""
        slots, most = self._slots, self._driver.habits.batch
        self._batch, self._busy = self._batch + self._busy, []
        while self._batch or slots.outcomes:
            self._batch += slots.batch(most - len(self._batch))
            await self._send()

    async def flush(self) -> None:
        """Write everything; the caller bounds the time."""
        await self.write()
        while self._busy:
            await self._settings.clock.sleep(self._busy_backoff.failed())
            await self.write()

    def unwritten(self) -> list[Outcome]:
        """What the store was not heard to have taken."""
        return [*self._batch, *self._busy, *self._slots.outcomes]

    async def _send(self) -> None:
        clock = self._settings.clock
        try:
            answers = await self._driver.finish(self._batch, now=clock.told())
        except Unavailable as error:
            wait = self._backoff.failed()
            log.warning("the outcomes of %d jobs wait for the store: %s", len(self._batch), error)
            await clock.sleep(wait)
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
