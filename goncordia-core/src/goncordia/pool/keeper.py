"""Keeps the pool's session alive, and stops the handlers that must stop."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import timedelta
from typing import Never
from uuid import UUID

from goncordia.driver import Driver
from goncordia.errors import Unavailable
from goncordia.handler import CancelReason
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
        """`joined` is set when jobs may be claimed again."""
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
        every, lease = self._settings.beat_every, self._lease
        wait = every
        while True:
            await self._slots.beat.wait(wait)
            self._slots.unstick()
            try:
                await self._live()
            except Unavailable as error:
                log.warning("no beat has landed, %.1f s are left: %s", lease.left, error)
                wait = min(self._backoff.failed(), self._patience)
            else:
                self._backoff.worked()
                wait = every
            if lease.session is not None and not lease.fit:
                self._stop("no beat has landed for so long that its jobs may belong to others")

    @property
    def _patience(self) -> float:
        """How long to wait for the store: till the next beat, or till the handlers must stop."""
        every, left = self._settings.beat_every, self._lease.left
        return min(every, left) if left > 0 else every

    async def _live(self) -> None:
        """Beat, or join where there is no session; `Unavailable` where no answer came in time."""
        patience = self._patience
        with self._settings.clock.scope(patience):
            session = self._lease.session
            if session is not None:
                beat = await self._beat(session)
                self._cancel(beat.cancels)
                if beat.alive:
                    return
                self._lease.lost()
            self._stop("its session was declared dead")
            await self.join()
            return
        raise Unavailable(f"no answer within {patience:.1f} s")

    async def _beat(self, session: UUID) -> Beat:
        clock, lease = self._settings.clock, self._lease
        sent = clock.monotonic()
        beat = await self._driver.beat(session, self._slots.tokens, now=clock.told())
        if beat.alive:
            was_fit = lease.fit
            lease.landed(sent)
            if not was_fit:
                self._joined.set()
        return beat

    def _cancel(self, jobs: Collection[UUID]) -> None:
        if jobs:
            for running in tuple(self._slots.running):
                if running.claim.id in jobs:
                    running.cancel(CancelReason.REQUESTED)

    def _stop(self, why: str) -> None:
        slots = self._slots
        if slots.running or slots.waiting:
            log.error("this worker stops its %d jobs: %s", len(slots.running), why)
        slots.stop(CancelReason.LEASE_LOST)
        slots.give_back()
