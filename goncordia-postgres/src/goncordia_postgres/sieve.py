"""Outcomes whose follow-ups may wait for a unique key are written so that one costs no other.

Whoever holds a key in an open transaction makes the insert of it wait, and the statement fails when
that takes too long. So what may wait is written apart from the rest, for a moment only, and where a
key is in the way in halves, until the outcome is found that has to come back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Generator, Sequence
from uuid import UUID

from goncordia.answers import Finished
from goncordia.errors import Unavailable
from goncordia.jobs import Outcome
from psycopg.errors import LockNotAvailable

MOST = 4
"""Outcomes to find one by one in a batch; then the lock is more than a key, and the rest wait."""

Group = Sequence[Outcome]
Sifting = Generator[Group, list[Finished], list[Finished]]


def may_wait(outcomes: Group) -> bool:
    """Whether one of them inserts a unique job."""
    return any(job.unique is not None for told in outcomes for job in told.follow_ups)


async def sifted(
    outcomes: Group, write: Callable[[Group], Awaitable[list[Finished]]]
) -> list[Finished]:
    """Write them group by group; those that meet a key which somebody holds are busy."""
    sifting = _sift(outcomes)
    try:
        group = next(sifting)
        while True:
            try:
                told = await write(group)
            except Unavailable as error:
                group = sifting.throw(error)
            else:
                group = sifting.send(told)
    except StopIteration as stop:
        return stop.value


def sifted_here(outcomes: Group, write: Callable[[Group], list[Finished]]) -> list[Finished]:
    """The same, without an event loop."""
    sifting = _sift(outcomes)
    try:
        group = next(sifting)
        while True:
            try:
                told = write(group)
            except Unavailable as error:
                group = sifting.throw(error)
            else:
                group = sifting.send(told)
    except StopIteration as stop:
        return stop.value


def _sift(outcomes: Group) -> Sifting:
    """Ask for groups to be written."""
    answers: dict[UUID, Finished] = {}
    plain = [outcome for outcome in outcomes if not may_wait([outcome])]
    if plain:
        _note(answers, plain, (yield plain))
    groups = deque([[outcome for outcome in outcomes if may_wait([outcome])]])
    found = 0
    while groups:
        group = groups.popleft()
        try:
            _note(answers, group, (yield group))
        except Unavailable as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            if len(group) == 1 or found == MOST:
                _note(answers, group, [Finished.BUSY] * len(group))
                found += len(group) == 1
            else:
                half = len(group) // 2
                groups.extendleft((group[half:], group[:half]))
    return [answers[outcome.id] for outcome in outcomes]


def _note(answers: dict[UUID, Finished], group: Group, told: Sequence[Finished]) -> None:
    answers.update(zip((outcome.id for outcome in group), told, strict=True))
