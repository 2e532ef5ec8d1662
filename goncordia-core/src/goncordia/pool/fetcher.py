"""Claims jobs: as many as there are free slots, as soon as there are some and work is due."""

from __future__ import annotations

import logging
import random
from typing import Never
from uuid import UUID

from goncordia.driver import Driver
from goncordia.errors import SessionLost, Unavailable
from goncordia.ids import uuid7
from goncordia.jobs import ClaimedJob, released
from goncordia.pool.backoff import Backoff
from goncordia.pool.lease import Lease
from goncordia.pool.settings import Settings
from goncordia.pool.shares import Shares
from goncordia.pool.signal import Signal
from goncordia.pool.slots import Slots
from goncordia.sessions import Claim, Claims

log = logging.getLogger("goncordia.pool")


class Fetcher:
    """The only one that claims."""

    def __init__(
        self, driver: Driver[Never], settings: Settings, slots: Slots, lease: Lease
    ) -> None:
        """Nothing claimed."""
        self.wake = Signal(settings.clock)
        """Somebody hints that there may be work."""
        self.rounds = 0
        """Claims begun."""
        self.dry_round = 0
        """The last of them that left nothing due behind,"""
        self.calm_round = 0
        """and the last that began and ended with nothing to do at all."""
        self._driver = driver
        self._settings = settings
        self._slots = slots
        self._lease = lease
        self._shares = Shares(settings.queues)
        self._backoff = Backoff()
        self._in_flight: Claim | None = None
        self._next_due_in: float | None = None

    async def run(self) -> None:
        """Claim until the pool closes."""
        slots = self._slots
        while not slots.closing:
            room = slots.room()
            if not room:
                await slots.freed.wait()
            elif await self._round(room):
                await self.wake.wait(self._patience())

    def _patience(self) -> float:
        """Seconds until an idle pool looks by itself: hints may be missed."""
        poll = self._settings.poll * random.uniform(0.75, 1.25)
        return poll if self._next_due_in is None else min(poll, max(self._next_due_in, 0.0))

    async def _round(self, room: int) -> bool:
        """Claim once; whether to wait before the next claim."""
        session = self._lease.session
        if session is None:
            return True
        calm = not self._slots.busy
        self.rounds += 1
        started = self.rounds
        wants = self._shares.split(room)
        claims = await self._claim(Claim(uuid7(), session, wants))
        if claims is None:
            return True
        self._next_due_in = claims.next_due_in
        dry = self._shares.learn(wants, claims.jobs) and not claims.more
        if dry:
            self.dry_round = started
            if calm and not claims.jobs:
                self.calm_round = started
        elif not claims.jobs and claims.more:  # others were faster
            await self._settings.clock.sleep(self._backoff.failed())
        else:
            self._backoff.worked()
        self._slots.changed()
        return dry

    async def _claim(self, claim: Claim) -> Claims | None:
        """The claim's jobs, on the board; None where the session was lost."""
        slots, clock = self._slots, self._settings.clock
        slots.claiming(claim.token)
        self._in_flight = claim
        while True:
            try:
                claims = await self._driver.claim(claim, now=clock.told())
            except Unavailable as error:
                log.warning("no jobs can be claimed: %s", error)
                claim = Claim(claim.token, claim.session, claim.wants, resend=True)
                await clock.sleep(self._backoff.failed())
                if slots.closing:
                    return None  # what it may hold is given back by `give_back`
            except SessionLost:
                self._landed(claim.token, [])
                self._lease.lost()
                slots.beat.set()
                await clock.sleep(self._backoff.failed())
                return None
            else:
                self._landed(claim.token, claims.jobs)
                return claims

    def _landed(self, token: UUID, jobs: list[ClaimedJob]) -> None:
        self._in_flight = None
        self._slots.claimed(token, jobs)

    async def give_back(self) -> None:
        """Release what an interrupted claim took, as its reply never came; the caller bounds it."""
        claim = self._in_flight
        if claim is None:
            return
        asked = Claim(claim.token, claim.session, {}, resend=True)
        try:
            claims = await self._driver.claim(asked, now=self._settings.clock.told())
        except SessionLost:
            claims = Claims([])
        self._landed(claim.token, claims.jobs)
        for job in self._slots.clear():
            self._slots.finished(released(job))
