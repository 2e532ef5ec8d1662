"""Judging a driver by program: what the shelf of broken drivers goes through.

The seam for others, kept stable: `judge(open_driver, begin, ...) -> Verdict`. It stops at the first
broken promise. `cases=False` leaves the directed cases out, so that the state machine, the races
and the faults stand alone; the same seed gives the same steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from goncordia_conformance.case import Case
from goncordia_conformance.catalogue import catalogue
from goncordia_conformance.search import PROFILES, Profile, search
from goncordia_conformance.subject import D, Opening, Subject
from goncordia_conformance.trial import try_case


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the suite caught a driver, and how."""

    caught: bool
    by: str = ""
    """The test that did: `test_machine[asyncio]`, `test_claim_...[trio]`."""
    steps: int = 0
    """How many steps the state machine needed, after shrinking; 0 for a case."""
    message: str = ""
    """What was told."""
    seed: int = 0


def judge(
    open_driver: Callable[[], Opening[D]],
    begin: Callable[[D], Opening[object]] | None = None,
    *,
    url: Callable[[D], str] | None = None,
    profile: Profile | str = "quick",
    seed: int = 1,
    cases: bool = True,
    machine: bool = True,
    races: bool = True,
    shrink: bool = True,
    loops: Sequence[str] = ("asyncio",),
) -> Verdict:
    """Put a driver through the suite: the machine first, then races and faults, then cases.

    A profile named is spent whatever time it takes, so that a verdict depends on the seed alone.
    """
    subject = Subject(open_driver, begin, url)
    hard = profile
    if isinstance(hard, str):
        hard = replace(PROFILES[hard], seconds=math.inf)
    parts = [*(["race", "fault"] if races else []), *(["case"] if cases else [])]
    wanted = [case for part in parts for case in catalogue().values() if case.part == part]
    for loop in loops:
        for verdict in _verdicts(subject, loop, hard, seed, machine, shrink, wanted):
            if verdict.caught:
                return verdict
    return Verdict(caught=False, seed=seed)


def _verdicts(
    subject: Subject,
    loop: str,
    profile: Profile,
    seed: int,
    machine: bool,
    shrink: bool,
    cases: Sequence[Case],
) -> Iterator[Verdict]:
    if machine:
        found = search(subject, loop, profile, seed, shrink=shrink)
        wrong = found.broken or found.trouble
        steps = 0 if found.broken is None else len(found.broken.steps)
        name = f"test_machine[{loop}]"
        yield Verdict(wrong is not None, name, steps, _told(wrong), found.seed)
    for case in cases:
        error = try_case(case, subject, loop).error
        told = f"{case.guarantee}\n{_told(error)}"
        yield Verdict(error is not None, f"{case.test}[{loop}]", 0, told, seed)


def _told(error: BaseException | None) -> str:
    return "" if error is None else str(error) or repr(error)
