"""Claims jobs: as many as there are free slots, as soon as there are some and work is due."""

from __future__ import annotations

import logging
import random
from typing import Never

from goncordia.driver import Driver
from goncordia.errors import SessionLost, Unavailable
from goncordia.ids import uuid7
from goncordia.jobs import ClaimedJob
from goncordia.pool.ahead import Ahead
from goncordia.pool.backoff import Backoff
from goncordia.pool.lease import Lease
from goncordia.pool.settings import Settings
from goncordia.pool.shares import Shares
from goncordia.pool.slots import Slots
from goncordia.sessions import Claim, Claims

log = logging.getLogger("goncordia.pool")

SHORTEST = 0.001
"""Seconds between two looks, if a store should say that a job is due and give none."""


class Fetcher:
    """The only one that claims."""

    def __init__(
        self, driver: Driver[Never], settings: Settings, slots: Slots, lease: Lease
    ) -> None:
        """Nothing claimed."""
        self.rounds = 0
        """Claims begun."""
        self.dry_round = 0
        """Since this one began every queue was asked, and nothing due was left behind;"""
        self.calm_round = 0
        """since this one there was nothing to do at all."""
        self._driver = driver
        self._settings = settings
        self._slots = slots
        self._lease = lease
        self._shares = Shares(settings.weights)
        self._backoff = Backoff()
        self._contended = Backoff()
        self._in_flight: Claim | None = None
        # limits count what is claimed: it would be put off though there will be room for it
        wanted = driver.habits.ahead and not slots.limits.needed
        self._ahead = Ahead(settings.clock, settings.concurrency if wanted else 0)
        self._next_due_in: float | None = None
        self._sweep, self._calm = 1, True
        """The claim with which the asking of all queues began; whether nothing came up since."""

    @property
    def stalled(self) -> bool:
        """Whether it can't claim before some time has passed."""
        return self._backoff.resting or self._contended.resting or not self._lease.fit

    async def run(self) -> None:
        """Claim until the pool closes."""
        slots, most, ahead = self._slots, self._settings.concurrency, self._ahead
        while not slots.closing.is_set():
            room = min(slots.room(ahead.jobs), most)
            if not room:
                await slots.freed.wait()
            elif await self._round(room):
                await slots.wake.wait(self._patience())
            if slots.room(ahead.jobs) < most:
                await slots.lull()

    def _patience(self) -> float:
        """Seconds until an idle pool looks by itself: hints may be missed."""
        poll = self._settings.poll * random.uniform(0.75, 1.25)
        due, self._next_due_in = self._next_due_in, None
        return poll if due is None else min(poll, max(due, SHORTEST))

    async def _round(self, room: int) -> bool:
        """Claim once; whether to wait before the next claim."""
        session = self._lease.session
        if session is None or not self._lease.fit:
            self._slots.changed()
            return True
        limits = self._slots.limits
        self._calm = self._calm and not (self._slots.busy or limits.putting_off)
        self.rounds += 1
        wants = self._shares.split(room, limits.room)
        claims = await self._claim(Claim(uuid7(), session, wants))
        if claims is None:
            self._slots.changed()
            return True
        dry = self._shares.learn(wants, claims.jobs) and not claims.more
        self._note(claims, dry)
        self._slots.changed()
        if not claims.jobs and claims.more:  # others were faster
            await self._contended.rest(self._settings.clock, self._slots.closing)
        else:
            self._contended.worked()
        return dry

    def _note(self, claims: Claims, dry: bool) -> None:
        """What this claim says beside its jobs."""
        if claims.next_due_in is not None:
            sooner = self._next_due_in is None or claims.next_due_in < self._next_due_in
            self._next_due_in = claims.next_due_in if sooner else self._next_due_in
        self._calm = self._calm and not claims.jobs
        if dry:
            self.dry_round = self._sweep
            if self._calm:
                self.calm_round = self._sweep
            self._sweep, self._calm = self.rounds + 1, True

    async def _claim(self, claim: Claim) -> Claims | None:
        """The claim's jobs, on the board; None where the session was lost."""
        slots, clock, backoff = self._slots, self._settings.clock, self._backoff
        self._ahead.claiming(slots.turns)
        slots.claiming(claim.token, ahead=self._ahead.jobs > 0)
        self._in_flight = claim
        while True:
            try:
                claims = await self._driver.claim(claim, now=clock.told())
            except Unavailable as error:
                log.warning("no jobs can be claimed: %s", error)
                claim = Claim(claim.token, claim.session, claim.wants, resend=True)
                slots.changed()
                await backoff.rest(clock, slots.closing)
                if slots.closing.is_set():
                    return None  # what it may hold is given back by `give_back`
            except SessionLost:
                self._landed(claim, [])
                if claim.session == self._lease.session:
                    self._lease.lost()
                    slots.beat.set()
                slots.changed()
                await backoff.rest(clock, slots.closing)
                return None
            else:
                backoff.worked()
                self._landed(claim, claims.jobs)
                return claims

    def _landed(self, claim: Claim, jobs: list[ClaimedJob]) -> None:
        self._in_flight = None
        self._ahead.claimed()
        self._slots.claimed(claim.token, jobs)
        if claim.session != self._lease.session:  # it took so long that others may have them
            self._slots.give_back()

    async def give_back(self) -> None:
        """Release what an interrupted claim took, as its reply never came; once it is closed."""
        claim = self._in_flight
        if claim is None:
            return
        asked = Claim(claim.token, claim.session, {}, resend=True)
        try:
            claims = await self._driver.claim(asked, now=self._settings.clock.told())
        except SessionLost:
            claims = Claims([])
        self._landed(claim, claims.jobs)
