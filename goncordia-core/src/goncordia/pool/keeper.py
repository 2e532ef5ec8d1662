"""Keeps the pool's session alive, and stops the handlers that must stop."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Never
from uuid import UUID

from goncordia.driver import Driver
from goncordia.errors import Unavailable
from goncordia.handler import CancelReason
from goncordia.jobs import released
from goncordia.pool.backoff import Backoff
from goncordia.pool.lease import Lease
from goncordia.pool.settings import Settings
from goncordia.pool.signal import Signal
from goncordia.pool.slots import Slots
from goncordia.sessions import Beat, WorkerInfo

log = logging.getLogger("goncordia.pool")


class Keeper:
    """One beat for all jobs of the pool."""

    def __init__(
        self,
        driver: Driver[Never],
        settings: Settings,
        slots: Slots,
        lease: Lease,
        worker: WorkerInfo,
        joined: Signal,
    ) -> None:
        """`joined` is set when a new session begins."""
        self._driver = driver
        self._settings = settings
        self._slots = slots
        self._lease = lease
        self._worker = worker
        self._joined = joined
        self._backoff = Backoff()

    async def join(self) -> None:
        """Begin a session."""
        clock, ttl = self._settings.clock, timedelta(seconds=self._settings.session_ttl)
        sent = clock.monotonic()
        session = await self._driver.join(self._worker, ttl, now=clock.told())
        self._lease.joined(session.id, sent)
        self._joined.set()

    async def run(self) -> None:
        """Beat for ever."""
        wait = self._settings.beat_every
        while True:
            await self._slots.beat.wait(wait)
            try:
                await self._live()
            except Unavailable as error:
                log.warning("no beat has landed, %.1f s are left: %s", self._lease.left, error)
                wait = min(self._backoff.failed(), self._settings.beat_every)
            else:
                self._backoff.worked()
                wait = self._settings.beat_every
            if self._lease.session is not None and self._lease.left <= 0:
                self._stop("no beat has landed for so long that its jobs may belong to others")

    async def _live(self) -> None:
        session = self._lease.session
        if session is None:
            self._stop("its session was declared dead")
            await self.join()
            return
        beat = await self._beat(session)
        if not beat.alive:
            self._lease.lost()
            self._stop("its session was declared dead")
            await self.join()
            return
        for job in beat.cancels:
            running = self._slots.running.get(job)
            if running is not None:
                running.cancel(CancelReason.REQUESTED)

    async def _beat(self, session: UUID) -> Beat:
        """Send one; `Unavailable` where no answer came before the next is due."""
        clock = self._settings.clock
        sent = clock.monotonic()
        with clock.scope(self._settings.beat_every):
            beat = await self._driver.beat(session, self._slots.tokens, now=clock.told())
            if beat.alive:
                self._lease.landed(sent)
            return beat
        raise Unavailable(f"no answer to a beat within {self._settings.beat_every} s")

    def _stop(self, why: str) -> None:
        slots = self._slots
        if slots.running or slots.waiting:
            log.error("this worker stops its %d jobs: %s", len(slots.running), why)
        slots.stop(CancelReason.LEASE_LOST)
        for job in slots.clear():
            slots.finished(released(job))
