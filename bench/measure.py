"""Measuring by turns: what is compared runs alternately in one process, so that noise hits both."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import median

OURS, RAW = "goncordia", "raw"
SHARE = "share"

Key = tuple[str, str]
"""A measure and a subject."""
Values = dict[Key, list[float]]
"""What each round gave; the n-th values of all keys are of the same round."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One subject's turn: it runs and tells its figure for each measure."""

    subject: str
    run: Callable[[], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Floor:
    """What a measure must reach, by itself or as a multiple of another one (`of`)."""

    measure: str
    at_least: float = -math.inf
    at_most: float = math.inf
    of: Key | None = None

    def value(self, values: Values) -> float:
        """The figure to judge."""
        ours = values[self.measure, OURS]
        return median(ours) if self.of is None else ratio(ours, values[self.of])

    def holds(self, values: Values) -> bool:
        """Whether it is reached."""
        return self.at_least <= self.value(values) <= self.at_most


@dataclass(frozen=True, slots=True)
class Group:
    """Subjects that are measured by turns, and what is asked of them."""

    units: Mapping[str, str]
    """Of each measure, in the order of the table."""
    turns: Sequence[Turn]
    floors: Sequence[Floor] = ()


def for_seconds(seconds: float) -> Iterator[int]:
    """Rounds until the time is spent, one at least."""
    until = time.perf_counter() + seconds
    for n in count():
        yield n
        if time.perf_counter() >= until:
            return


def by_turns(group: Group, rounds: Iterable[int]) -> Values:
    """Each round gives every subject its turn."""
    values: Values = {}
    for _ in rounds:
        for turn in group.turns:
            gc.collect()  # one's garbage is not another's pause
            for measure, value in turn.run().items():
                values.setdefault((measure, turn.subject), []).append(value)
    return values


def ratio(values: Sequence[float], others: Sequence[float]) -> float:
    """The median of the rounds' ratios: drift between rounds cancels out."""
    return median(a / b if b else math.inf for a, b in zip(values, others, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of them lies."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]
