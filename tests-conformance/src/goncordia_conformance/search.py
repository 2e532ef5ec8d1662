"""Running the machine: how long, from which seed, and what the search found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from goncordia_conformance.machine import Enough, Machine, Run
from goncordia_conformance.story import Broken
from goncordia_conformance.subject import Subject


@dataclass(frozen=True, slots=True)
class Profile:
    """How hard to look: rounds of examples of steps, from seed to seed, within a time."""

    name: str
    rounds: int
    examples: int
    steps: int
    seconds: float
    """A run that found nothing ends then, whatever is left to do."""


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("quick", 1, 60, 40, 12.0),
        Profile("thorough", 10, 200, 50, 180.0),
        Profile("soak", 1_000_000, 200, 60, 1800.0),
    )
}
"""Each is spent once on either event loop: quick makes half a minute, soak an hour."""


@dataclass(slots=True)
class Found:
    """What a search came to."""

    seed: int
    """The one that failed, or the last."""
    examples: int = 0
    steps: int = 0
    broken: Broken | None = None
    trouble: BaseException | None = field(default=None, repr=False)
    """What went wrong outside the steps: opening or closing the driver, say."""


def search(
    subject: Subject, loop: str, profile: Profile, first: int, *, shrink: bool = True
) -> Found:
    """Look for a broken promise; stops at the first."""
    found = Found(first)
    ends = time.monotonic() + profile.seconds
    for number in _rounds(profile, first, ends):
        found.seed = number
        run = Run(subject, loop, ends)
        found.trouble = _search(run, profile, number, shrink)
        found.examples += run.examples
        found.steps += run.steps
        found.broken = run.smallest
        if found.broken is not None or found.trouble is not None:
            break
    return found


def _rounds(profile: Profile, first: int, ends: float) -> Iterator[int]:
    for number in range(first, first + profile.rounds):
        if number > first and time.monotonic() > ends:
            return
        yield number


def _search(run: Run, profile: Profile, number: int, shrink: bool) -> BaseException | None:
    machine = seed(number)(type("Example", (Machine,), {"shared": run}))
    try:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=profile.examples,
                stateful_step_count=profile.steps,
                deadline=None,
                database=None,
                print_blob=False,
                verbosity=Verbosity.quiet,
                report_multiple_bugs=False,
                phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
                suppress_health_check=tuple(HealthCheck),  # pyright: ignore[reportArgumentType] - its metaclass
            ),
        )
    except (Enough, Broken):
        return None
    except Exception as error:
        # a run cut short, or a failure that a store did not repeat, is no trouble of its own
        return run.trouble or (None if run.over or run.smallest is not None else error)
    return None
