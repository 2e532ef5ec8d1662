"""One run of the driver beside its model: the time, the names, what is known, what is compared."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from datetime import datetime, timedelta
from typing import Never, TypeVar
from uuid import UUID

import msgspec
from goncordia.driver import Driver
from goncordia.errors import CapabilityMissing, GoncordiaError
from goncordia.ids import uuid7_of
from goncordia.jobs import ClaimedJob, NewJob, Outcome
from goncordia.sessions import Claim

from goncordia_conformance.invariants import Ledger
from goncordia_conformance.model import Model
from goncordia_conformance.observe import NOTHING, Seen, counted, look, oldest
from goncordia_conformance.story import START, Broken, Story
from goncordia_conformance.subject import Subject

R = TypeVar("R")
S = TypeVar("S", bound=msgspec.Struct)

TTL = timedelta(seconds=60, microseconds=7)
"""No sum of the story's time steps meets it, so that no step asks what happens exactly then."""


class World:
    """What the steps share."""

    def __init__(self, driver: Driver[Never], subject: Subject) -> None:
        self.driver = driver
        self.subject = subject
        self.promised = driver.capabilities
        self.model = Model(self.promised)
        self.story = Story()
        self.ledger = Ledger()
        self.now: datetime = START
        self.seen: Seen = NOTHING
        """The store as it was after the last step."""
        self.jobs: list[NewJob] = []
        self.sessions: list[UUID] = []
        self.claims: list[Claim] = []
        self.claimed: list[ClaimedJob] = []
        self.outcomes: list[Outcome] = []
        self.keys: set[bytes] = set()
        """Unique keys that were ever used."""
        self.hunger: dict[str, int] = {}
        """How many claims in a row gave nothing of a queue that had due jobs."""
        self.pages: Pages | None = None
        self._minted = 0

    def id(self, letter: str) -> UUID:
        """A token or an id that is the same in each replay."""
        self._minted += 1
        uid = uuid7_of(START, b"%d" % self._minted)
        self.story.name(uid, letter)
        return uid

    def job_id(self, kind: str, queue: str, age: int) -> UUID:
        """The driver's id of a job, the same in each replay, some milliseconds apart."""
        self._minted += 1
        at = START + timedelta(milliseconds=age)
        uid = self.driver.new_id(kind, queue, at=at, seed=b"%d" % self._minted)
        self.story.name(uid, "j")
        return uid

    def tell(self, text: str) -> None:
        """Begin a step."""
        self.story.tell(self.now, text)

    def show(self, value: object) -> str:
        """A value as the story tells it."""
        return self.story.show(value)

    def broken(self, subject: str, *findings: str) -> Broken:
        """What a step raises when the store broke a promise."""
        return self.story.broken(subject, *findings)

    async def ask(self, what: str, call: Awaitable[R]) -> R | GoncordiaError:
        """The store's answer, or the error that it raised on purpose."""
        try:
            answer = await call
        except GoncordiaError as error:
            self.story.add(f"raised {self.show(error)}")
            return error
        except AssertionError as error:
            raise self.broken(what, str(error)) from error
        except Exception as error:
            raise self.broken(what, f"the store raised {error!r}") from error
        self.story.add(self.show(answer))
        return answer

    def expect(self, call: Callable[[], R]) -> R | GoncordiaError:
        """The model's answer."""
        try:
            return call()
        except GoncordiaError as error:
            return error

    def agree(self, what: str, expected: R | GoncordiaError, said: R | GoncordiaError) -> R | None:
        """The answer that both gave; None where both refused."""
        if isinstance(expected, GoncordiaError) or isinstance(said, GoncordiaError):
            if _kind(expected) != _kind(said):
                raise self.broken(
                    what,
                    f"the model answers {self.show(expected)}, the store {self.show(said)}",
                )
            return None
        if found := list(self.story.differences(what, expected, said)):
            raise self.broken(what, *found)
        return said

    async def see(self, what: str) -> Seen:
        """Look at the store."""
        try:
            return await look(self.driver, self.now)
        except AssertionError as error:
            raise self.broken(what, str(error)) from error
        except Exception as error:
            raise self.broken(what, f"looking at the store raised {error!r}") from error

    async def compare(self, what: str, seen: Seen | None = None) -> None:
        """Compare everything with the model, and check what always holds."""
        seen = seen or await self.see(what)
        for row in seen.rows.values():
            self.story.name(row.id, "j")
        self._adopt_retention(seen)
        found = [
            *self.story.differences(f"{what}: job", self.model.rows(self.now), seen.rows),
            *self._differences(what, seen),
        ]
        rules = list(self.ledger.check(seen, self.now))
        if found or rules:
            raise self.broken(what, *found, *rules)
        await self._check_get(what, seen)
        self.seen = seen

    def _differences(self, what: str, seen: Seen) -> list[str]:
        store, differ = self.model.store, self.story.differences
        order = sorted(seen.order, reverse=True)
        found = [*differ(f"{what}: order of the list", order, list(seen.order))]
        found += differ(f"{what}: sessions", self.model.sessions(), seen.sessions)
        found += differ(f"{what}: queues", store.queues(now=self.now), seen.queues)
        found += differ(f"{what}: kinds", store.kinds(), seen.kinds)
        if seen.counts is not None:
            expected = store.stats(now=self.now)
            found += differ(f"{what}: stats", counted(expected), seen.counts)
            found += differ(f"{what}: stats, the oldest due", oldest(expected), seen.oldest)
        return found

    def _adopt_retention(self, seen: Seen) -> None:
        """How long an ended job is kept is the driver's setting."""
        for uid, row in self.model.rows(self.now).items():
            said = seen.rows.get(uid)
            if said is None or row.expire_at is None or said.expire_at is None:
                continue
            if said.expire_at != row.expire_at:
                self.model.adopt(uid, self.now, expire_at=said.expire_at)

    async def _check_get(self, what: str, seen: Seen) -> None:
        ids = [job.id for job in self.jobs]
        rows = await self.driver.get(ids, now=self.now)
        expected = [seen.rows.get(uid) for uid in ids]
        if rows != expected:
            found = self.story.differences(
                f"{what}: get, against list",
                dict(zip(ids, expected, strict=True)),
                dict(zip(ids, rows, strict=False)),
            )
            raise self.broken(what, *found)


def copies(items: Sequence[S]) -> list[S]:
    """What the store gets: a driver that writes on its arguments does not write on the model's."""
    return [copy(item) for item in items]


class Pages(msgspec.Struct):
    """A list that is read page by page while the store changes."""

    cursor: str
    shown: list[UUID]
    stayed: set[UUID]
    """What was there at the first page and still is."""


def pick(items: Sequence[R], number: int) -> R:
    """One of them, 0 the latest: a draw that does not depend on what the store answered."""
    return items[-1 - number % len(items)]


def _kind(answer: object) -> object:
    if isinstance(answer, CapabilityMissing):
        return type(answer), answer.capability
    return type(answer) if isinstance(answer, GoncordiaError) else None
