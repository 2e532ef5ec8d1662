"""Which jobs: what callers say, checked and made a `Filter`."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypedDict, TypeVar

from goncordia.answers import Filter
from goncordia.errors import InvalidArgument
from goncordia.lifecycle import State

T = TypeVar("T")


class Where(TypedDict, total=False):
    """Which jobs; what is left out means any. States are as visible: due is available."""

    states: Collection[State]
    kinds: Collection[str]
    queues: Collection[str]
    tags: Collection[str]
    """Jobs that carry all of them."""


def filter_of(where: Where, states: Collection[State] = ()) -> Filter:
    """What `where` says; `states` are those meant where it names none."""
    return Filter(
        listed("states", where.get("states", ()) or states),
        listed("kinds", where.get("kinds", ())),
        listed("queues", where.get("queues", ())),
        listed("tags", where.get("tags", ())),
    )


def listed(name: str, values: Collection[T]) -> tuple[T, ...]:
    """A lone string is a collection too, of its letters: never what was meant."""
    if isinstance(values, str):
        raise InvalidArgument(f"{name}={values!r}: use a list or tuple")
    return tuple(values)
