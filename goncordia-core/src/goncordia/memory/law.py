"""The lifecycle table as the store asks it: a batch puts the same few questions again and again."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from goncordia.lifecycle import Event, Facts, State, born, decide

BORN_DUE = born(Facts())
BORN_AHEAD = born(Facts(ahead=True))


class Move(NamedTuple):
    """Where a rule leads a job that stays."""

    target: State
    attempt: int
    ends: bool


@cache
def move(
    event: Event,
    state: State,
    attempts_left: bool = True,
    cancel_requested: bool = False,
    final: bool = False,
    ahead: bool = False,
) -> Move | None:
    """What the event does to a job in that state; None: refused."""
    facts = Facts(attempts_left, cancel_requested, final, ahead)
    rule = decide(event, state, facts)
    if rule is None or rule.target is None:
        return None
    return Move(rule.target, rule.attempt, rule.ends)


@cache
def removes(event: Event, state: State, expired: bool = False) -> bool:
    """Whether the event removes a job in that state."""
    rule = decide(event, state, Facts(expired=expired))
    return rule is not None and rule.target is None


def must(event: Event, state: State) -> Move:
    """A move that the table has without a guard."""
    found = move(event, state)
    if found is None:
        raise LookupError(f"the lifecycle table has no {event} from {state}")
    return found
