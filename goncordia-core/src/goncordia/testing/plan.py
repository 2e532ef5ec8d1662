"""Faults by a seeded plan: which call of a driver fails, and how, is chance that repeats itself."""

from __future__ import annotations

import builtins
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import TypeVar, cast

import anyio
import msgspec
from anyio.lowlevel import checkpoint

from goncordia.answers import Finished, Inserted
from goncordia.driver import Driver
from goncordia.errors import Unavailable
from goncordia.jobs import NewJob, Outcome
from goncordia.sessions import Claim, Claims
from goncordia.testing.faults import Fault, FaultyDriver, Send, lost, refused

Tx_contra = TypeVar("Tx_contra", contravariant=True)
R = TypeVar("R")

TURNS = 6
"""Delays and cancellations come within so many turns of the event loop."""


class FaultKind(StrEnum):
    """What may become of a call."""

    REFUSED = "refused"
    """It never reaches the store."""
    LOST = "lost"
    """The store does as it was asked, and the reply is lost."""
    HALVED = "halved"
    """The store does the first half of a batch: where it does not promise all or nothing."""
    DELAYED = "delayed"
    """It arrives some turns of the event loop later, and so does its reply."""
    DOUBLED = "doubled"
    """It reaches the store twice, the second time as a call sent again."""
    CANCELLED = "cancelled"
    """It is cancelled at an await."""
    STALE = "stale"
    """A claim sees nothing: where the store declares `claim_sees="eventual"`."""


def delayed(turns: int) -> Fault:
    """The call arrives that many turns of the event loop later, and so does its reply."""

    async def fault(send: Send) -> object:
        await _turns(turns)
        answer = await send()
        await _turns(turns)
        return answer

    return fault


async def doubled(send: Send) -> object:
    """The call reaches the store twice; the second answer counts."""
    await send()
    return await send()


def cancelled(turns: int) -> Fault:
    """The call is cancelled after that many turns of the event loop, if it still is under way."""

    async def fault(send: Send) -> object:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_cancel, tasks.cancel_scope, turns)
            answer = await send()
            tasks.cancel_scope.cancel()
            return answer
        raise Unavailable("a fault was asked for: the call was cancelled")

    return fault


async def _cancel(scope: anyio.CancelScope, turns: int) -> None:
    await _turns(turns)
    scope.cancel()


async def _turns(n: int) -> None:
    for _ in range(n):
        await checkpoint()


class FaultPlan:
    """Which calls fail: a share of them, by a seed; the same seed gives the same faults."""

    def __init__(
        self, seed: int, *, share: float = 0.3, kinds: Collection[FaultKind] = tuple(FaultKind)
    ) -> None:
        """`share` of the calls meet one of these kinds of fault."""
        self._chance = random.Random(seed)
        self._share = share
        self._kinds = sorted(kinds)

    def draw(self, possible: Collection[FaultKind]) -> FaultKind | None:
        """What becomes of the next call; None: nothing, or what is not possible with it."""
        if self._chance.random() >= self._share:
            return None
        kind = self._chance.choice(self._kinds)
        return kind if kind in possible else None

    def turns(self) -> int:
        """For how long something is delayed."""
        return self._chance.randrange(TURNS)


PLAIN = frozenset({FaultKind.REFUSED, FaultKind.LOST, FaultKind.DELAYED, FaultKind.CANCELLED})
"""What may become of any call."""
SENT_TWICE = frozenset({"insert", "finish", "beat", "leave", "rescue", "prune"})
"""Operations whose second answer is as good as the first; a claim is doubled by its own rule."""


class PlannedDriver(FaultyDriver[Tx_contra]):
    """A driver whose calls fail by a plan, unless they are part of a caller's transaction.

    Whatever the plan: who sends a call again until it is answered, as clients and pools do, loses
    no job and ends none twice.
    """

    def __init__(self, driver: Driver[Tx_contra], plan: FaultPlan) -> None:
        """Round that driver; faults told by `at` and `always` are met besides."""
        super().__init__(driver)
        self._plan = plan

    async def _call(self, operation: str, send: Callable[[], Awaitable[R]]) -> R:
        possible = PLAIN | {FaultKind.DOUBLED} if operation in SENT_TWICE else PLAIN
        fault = self._fault(self._plan.draw(possible))
        planned = send if fault is None else partial(fault, send)
        return cast("R", await super()._call(operation, planned))

    def _fault(self, kind: FaultKind | None) -> Fault | None:
        match kind:
            case FaultKind.REFUSED:
                return refused()
            case FaultKind.LOST:
                return lost()
            case FaultKind.DELAYED:
                return delayed(self._plan.turns())
            case FaultKind.DOUBLED:
                return doubled
            case FaultKind.CANCELLED:
                return cancelled(self._plan.turns())
            case _:
                return None

    def _meets(self, kind: FaultKind) -> bool:
        return self._plan.draw({kind}) is kind

    async def insert(
        self,
        jobs: Sequence[NewJob],
        *,
        tx: Tx_contra | None = None,
        now: datetime | None = None,
    ) -> builtins.list[Inserted]:
        """As in `Driver`."""
        if tx is not None:
            return await self._driver.insert(jobs, tx=tx, now=now)
        if len(jobs) > self.capabilities.atomic_insert and self._meets(FaultKind.HALVED):
            await super().insert(jobs[: len(jobs) // 2], now=now)
            raise _half()
        return await super().insert(jobs, now=now)

    async def finish(
        self,
        outcomes: Sequence[Outcome],
        *,
        tx: Tx_contra | None = None,
        now: datetime | None = None,
    ) -> builtins.list[Finished]:
        """As in `Driver`."""
        if tx is not None:
            return await self._driver.finish(outcomes, tx=tx, now=now)
        if len(outcomes) > 1 and self._meets(FaultKind.HALVED):
            await super().finish(outcomes[: len(outcomes) // 2], now=now)
            raise _half()
        return await super().finish(outcomes, now=now)

    async def claim(self, claim: Claim, *, now: datetime | None = None) -> Claims:
        """As in `Driver`."""
        if self.capabilities.claim_sees == "eventual" and self._meets(FaultKind.STALE):
            return Claims([])
        answer = await super().claim(claim, now=now)
        if self._meets(FaultKind.DOUBLED):
            again = msgspec.structs.replace(claim, resend=True)
            return await super().claim(again, now=now)
        return answer


def _half() -> Unavailable:
    return Unavailable("a fault was asked for: the store did the first half of the batch")
