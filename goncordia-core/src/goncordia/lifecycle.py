"""The life of a job.

A job waits (available, scheduled, retryable), runs, and ends (completed, discarded, cancelled).
`RULES` below is the whole law: for an event and a state, the first rule whose guard holds says
where the job goes and what becomes of its attempt count, its error and its unique key. What no rule
allows is refused. The memory driver executes the table, the worker pool asks it, the conformance
suite checks every store against it, and the diagram in docs/architecture.md is drawn from it.

Falling due is no event: a waiting job whose `run_at` has come *is* available (`visible`), whether
or not a store moved it. A claim's token fences what a worker says: `complete`, `fail`, `snooze` and
`release` reach the table only if the row still carries the token that the outcome names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Where a job is in its life."""

    AVAILABLE = "available"
    SCHEDULED = "scheduled"
    RETRYABLE = "retryable"
    RUNNING = "running"
    COMPLETED = "completed"
    DISCARDED = "discarded"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What can happen to a job that exists."""

    CLAIM = "claim"
    COMPLETE = "complete"
    FAIL = "fail"
    SNOOZE = "snooze"
    RELEASE = "release"
    RESCUE = "rescue"
    CANCEL = "cancel"
    AMEND = "amend"
    RETRY = "retry"
    DELETE = "delete"
    PRUNE = "prune"


WAITING = frozenset({State.AVAILABLE, State.SCHEDULED, State.RETRYABLE})
DORMANT = frozenset({State.SCHEDULED, State.RETRYABLE})
LIVE = WAITING | {State.RUNNING}
ENDED = frozenset({State.COMPLETED, State.DISCARDED, State.CANCELLED})


class Facts(NamedTuple):
    """What guards may ask about a job and the event that meets it."""

    attempts_left: bool = True
    """Whether another claim is within `max_attempts`."""
    cancel_requested: bool = False
    """On the row, or in the outcome."""
    final: bool = False
    """The error says that trying again is of no use."""
    ahead: bool = False
    """Whether the `run_at` in question is later than now."""
    expired: bool = False
    """Whether `expire_at` has passed."""


Guard = Callable[[Facts], bool]


def attempts_spent(facts: Facts) -> bool:
    """No claim is left within `max_attempts`."""
    return not facts.attempts_left


def hopeless(facts: Facts) -> bool:
    """The error is final, or the attempts are spent."""
    return facts.final or not facts.attempts_left


def cancel_requested(facts: Facts) -> bool:
    """Somebody asked for a cancel while the job ran."""
    return facts.cancel_requested


def ahead(facts: Facts) -> bool:
    """The time to run is still to come."""
    return facts.ahead


def expired(facts: Facts) -> bool:
    """The job's retention has passed."""
    return facts.expired


class Rule(NamedTuple):
    """One arrow of the diagram."""

    event: Event
    sources: frozenset[State]
    target: State | None
    """None: the job is gone."""
    guard: Guard | None = None
    attempt: int = 0
    """Added to the attempt count; -1 gives the attempt back."""
    note: str = ""

    @property
    def ends(self) -> bool:
        """Whether the job's life ends by it: retention starts, a live-held unique key is freed."""
        return self.target in ENDED


_RUNNING = frozenset({State.RUNNING})
_DUE = frozenset({State.AVAILABLE})

INSERT: tuple[tuple[State, Guard | None], ...] = (
    (State.SCHEDULED, ahead),
    (State.AVAILABLE, None),
)

RULES: tuple[Rule, ...] = (
    Rule(Event.CLAIM, _DUE, State.RUNNING, None, +1, "clears an old cancel request"),
    Rule(Event.COMPLETE, _RUNNING, State.COMPLETED, note="also with a cancel requested"),
    Rule(Event.FAIL, _RUNNING, State.CANCELLED, cancel_requested, note="keeps the error"),
    Rule(Event.FAIL, _RUNNING, State.DISCARDED, hopeless, note="keeps the error"),
    Rule(Event.FAIL, _RUNNING, State.RETRYABLE, note="keeps the error, at run_at"),
    Rule(Event.SNOOZE, _RUNNING, State.CANCELLED, cancel_requested),
    Rule(Event.SNOOZE, _RUNNING, State.SCHEDULED, None, -1, "at run_at, snoozes + 1"),
    Rule(Event.RELEASE, _RUNNING, State.CANCELLED, cancel_requested),
    Rule(Event.RELEASE, _RUNNING, State.AVAILABLE, None, -1),
    Rule(Event.RESCUE, _RUNNING, State.CANCELLED, cancel_requested, note="WorkerLost"),
    Rule(Event.RESCUE, _RUNNING, State.DISCARDED, attempts_spent, note="WorkerLost"),
    Rule(Event.RESCUE, _RUNNING, State.RETRYABLE, note="WorkerLost, backed off"),
    Rule(Event.CANCEL, WAITING, State.CANCELLED),
    Rule(Event.CANCEL, _RUNNING, State.RUNNING, note="cancel requested"),
    Rule(Event.AMEND, WAITING, State.SCHEDULED, ahead),
    Rule(Event.AMEND, WAITING, State.AVAILABLE),
    Rule(Event.RETRY, ENDED | DORMANT, State.SCHEDULED, ahead, 0, "at least one more attempt"),
    Rule(Event.RETRY, ENDED | DORMANT, State.AVAILABLE, None, 0, "at least one more attempt"),
    Rule(Event.DELETE, WAITING | ENDED, None),
    Rule(Event.PRUNE, ENDED, None, expired),
)


def _by_event() -> Mapping[Event, Mapping[State, tuple[Rule, ...]]]:
    return {
        event: {
            state: tuple(r for r in RULES if r.event is event and state in r.sources)
            for state in State
        }
        for event in Event
    }


_RULES = _by_event()


def decide(event: Event, state: State, facts: Facts) -> Rule | None:
    """The rule that the event meets in this state, or None where it is refused.

    `state` is the state as anyone sees it (`visible`).
    """
    for rule in _RULES[event][state]:
        if rule.guard is None or rule.guard(facts):
            return rule
    return None


def born(facts: Facts) -> State:
    """The state in which a job is inserted."""
    return next(state for state, guard in INSERT if guard is None or guard(facts))


def visible(state: State, run_at: datetime, now: datetime) -> State:
    """The state as anyone sees it: a dormant job whose time has come is available."""
    if state in DORMANT and run_at <= now:
        return State.AVAILABLE
    return state


def mermaid() -> str:
    """The diagram of the table, in Mermaid's stateDiagram notation."""
    labels: dict[tuple[str, str], list[str]] = {}
    for source, target, label in _arrows():
        labels.setdefault((source, target), []).append(label)
    lines = (f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in labels.items())
    return "\n".join(["stateDiagram-v2", *lines])


def _arrows() -> Iterator[tuple[str, str, str]]:
    for state, guard in INSERT:
        yield "[*]", state, f"insert{_if(guard)}"
    for source in State:
        if source in DORMANT:
            yield source, State.AVAILABLE, "falls due"
    for rule in RULES:
        for source in State:
            if source in rule.sources:
                yield source, rule.target or "[*]", f"{rule.event}{_if(rule.guard)}"


def markdown() -> str:
    """The table, in Markdown."""
    lines = ["| event | from | to | guard | attempt | note |", "|---|---|---|---|---|---|"]
    for state, guard in INSERT:
        lines.append(_row("insert", "", state, guard, 0, ""))
    for rule in RULES:
        sources = ", ".join(state for state in State if state in rule.sources)
        lines.append(_row(rule.event, sources, rule.target, rule.guard, rule.attempt, rule.note))
    return "\n".join(lines)


def _row(
    event: str, sources: str, target: State | None, guard: Guard | None, attempt: int, note: str
) -> str:
    change = f"{attempt:+}" if attempt else ""
    return f"| {event} | {sources} | {target or 'gone'} | {_name(guard)} | {change} | {note} |"


def _if(guard: Guard | None) -> str:
    return "" if guard is None else f" [{_name(guard)}]"


def _name(guard: Guard | None) -> str:
    return "" if guard is None else guard.__name__.replace("_", " ")
