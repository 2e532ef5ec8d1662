"""Read, decide, write if nothing changed in between; and again where something did."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar
from uuid import UUID

import msgspec
from goncordia.errors import Unavailable

from goncordia_dynamo.draft import Draft
from goncordia_dynamo.errors import CONDITION, CONFLICT, DUPLICATE, cancelled
from goncordia_dynamo.store import Store
from goncordia_dynamo.values import Reason
from goncordia_dynamo.write import Batched, Check, Level, Write

R = TypeVar("R")
T = TypeVar("T")

TRIES = 12
"""How often a decision is taken anew because something changed meanwhile."""
PAUSE = 0.01
"""Seconds before another try, on average, growing with each."""


class Plan(msgspec.Struct, Generic[R]):
    """A decision: the answer, and what has to be written for it to be true."""

    answer: R
    writes: Sequence[Write] = ()
    """One: as a statement of a batch. More: as one transaction."""
    after: Sequence[Batched] = ()
    """To tidy up: each holds only if nobody was quicker, and nothing depends on it."""


Decide = Callable[[Draft | None, T], Awaitable[Plan[R]]]


async def revise(store: Store, subjects: Sequence[tuple[UUID, T]], decide: Decide[T, R]) -> list[R]:
    """Decide on each job by itself, those of one job in their order; the answers in order."""
    answers: dict[int, R] = {}
    for places in _rounds([each for each, _ in subjects]):
        part = {place: subjects[place] for place in places}
        answers |= await _revise(store, part, decide)
    return [answers[place] for place in range(len(subjects))]


def _rounds(ids: Sequence[UUID]) -> Iterator[list[int]]:
    """Places such that no round has an id twice."""
    left: list[int] = list(range(len(ids)))
    while left:
        first = {ids[place]: place for place in reversed(left)}
        yield sorted(first.values())
        left = [place for place in left if first[ids[place]] != place]


async def _revise(
    store: Store, subjects: Mapping[int, tuple[UUID, T]], decide: Decide[T, R]
) -> dict[int, R]:
    answers: dict[int, R] = {}
    pending = dict(subjects)
    for attempt in range(TRIES):
        keys = [store.layout.job(each) for each, _ in pending.values()]
        items = await store.table.get_many(keys)
        plans: dict[int, Plan[R]] = {}
        for (place, (_, subject)), item in zip(pending.items(), items, strict=True):
            plans[place] = await decide(None if item is None else Draft(item), subject)
        done = await carry_out(store, plans)
        answers |= {place: plans[place].answer for place in done}
        pending = {place: pending[place] for place in pending if place not in done}
        if not pending:
            return answers
        await pause(store, attempt)
    raise contended(len(pending))


async def pause(store: Store, attempt: int) -> None:
    """Let others get on."""
    await store.table.caller.io.sleep(PAUSE * (attempt + 1) * (0.5 + random.random()))


def contended(n: int) -> Unavailable:
    """What is raised after the last try."""
    return Unavailable(f"{n} items changed each time they were read: send it again")


async def carry_out(store: Store, plans: Mapping[int, Plan[R]]) -> set[int]:
    """Write what the plans say; those that were written, or had nothing to write."""
    single = {place: plan for place, plan in plans.items() if _batched(plan)}
    several = [
        (place, plan) for place, plan in plans.items() if plan.writes and place not in single
    ]
    done = {place for place, plan in plans.items() if not plan.writes}
    outcomes = await store.table.apply([write for plan in single.values() for write in _all(plan)])
    done |= {place for place, outcome in zip(single, outcomes, strict=True) if outcome.done}

    for place, plan in several:  # in order: of two that want one key the first gets it
        reasons = await store.table.transact(plan.writes)
        if reasons is None:
            done.add(place)
        elif not raced(reasons):
            raise cancelled(reasons)
    tidying = [write for place in done for write in plans[place].after]
    await store.table.apply(tidying)
    return done


def _batched(plan: Plan[R]) -> bool:
    return len(plan.writes) == 1 and len(_all(plan)) == 1


def _all(plan: Plan[R]) -> list[Batched]:
    return [write for write in plan.writes if not isinstance(write, Check | Level)]


def raced(reasons: Sequence[Reason]) -> bool:
    """Whether a transaction was cancelled for what others did meanwhile."""
    told = {reason.code for reason in reasons} - {"", "None"}
    return bool(told) and told <= CONDITION | DUPLICATE | CONFLICT
