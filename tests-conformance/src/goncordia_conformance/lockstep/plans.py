"""What a step is to do, drawn before anything is asked.

No draw depends on an answer of the store: a store that chooses at random can't derail a replay, and
shrinking stays quick. Numbers are places from the latest, taken modulo how many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from goncordia.actions import Action, Amend, Cancel, Delete, Retry
from goncordia.answers import Filter
from goncordia.jobs import Conflict, Hold
from goncordia.lifecycle import Event, State
from hypothesis import strategies as st

QUEUES = ("a", "ab")
KINDS = ("k", "K")
ZONES = tuple(timezone(timedelta(hours=hours)) for hours in (0, -8, 5.5))
TAGS: tuple[tuple[str, ...], ...] = ((), ("z", "a"), ("a,b", 'ü "q"', "z"))
SECONDS = (0.0, 0.000001, 0.4, 1.0, 5.25, 90.0, 3600.0, 3e6, -0.000001, -0.5, -7200.0)
STEPS = (0.5, 0.000001, 5.0, 59.0, 61.5, 3600.0, 90_000.0, 800_000.0, -3.0)


@dataclass(frozen=True, slots=True)
class Time:
    """An instant: so many seconds from now, in a zone; or as a span."""

    seconds: float
    zone: timezone | None

    def when(self, now: datetime) -> datetime | timedelta:
        """As the contract takes it."""
        span = timedelta(seconds=self.seconds)
        return span if self.zone is None else (now + span).astimezone(self.zone)


@dataclass(frozen=True, slots=True)
class Key:
    """A unique key: which, held how long, and what a conflict does."""

    name: str
    hold: Hold
    on_conflict: Conflict
    period: timedelta | None


@dataclass(frozen=True, slots=True)
class JobPlan:
    """A job to insert; `again` is a place among the known ones, to be sent once more."""

    again: int | None
    kind: str
    args: bytes
    queue: str
    priority: int
    run_at: Time | None
    max_attempts: int
    unique: Key | None
    tags: tuple[str, ...]
    meta: bytes
    version: int
    age: int


@dataclass(frozen=True, slots=True)
class OutcomePlan:
    """What a worker says of a job: of which, under whose token, and what became of it."""

    job: int
    whose: str
    """Under whose token."""
    event: Event
    final: bool
    cancel: bool
    when: Time
    message: str
    result: bytes | None
    follow_up: JobPlan | None


numbers = st.integers(0, 99)
few = st.sampled_from([0, 0, 0, 1, 2, 3, 5])
times = st.builds(Time, st.sampled_from(SECONDS), st.sampled_from([*ZONES, None]))
keys = st.builds(
    Key,
    st.sampled_from("xy"),
    st.sampled_from([Hold.LIVE, Hold.LIVE, Hold.KEPT, Hold.FOREVER]),
    st.sampled_from([Conflict.SKIP, Conflict.REPLACE, Conflict.RAISE]),
    st.sampled_from([None, None, timedelta(hours=1)]),
)
jobs = st.builds(
    JobPlan,
    again=st.sampled_from([None] * 9 + [0, 1, 4]),
    kind=st.sampled_from(KINDS),
    args=st.sampled_from([b"{}", b'{ "b": 1.0, "a":[1e3] }', '{"é":"\\u00e9\\n"}'.encode()]),
    queue=st.sampled_from(QUEUES),
    priority=st.sampled_from([0, 0, 1, -16, 15]),
    run_at=st.none() | times,
    max_attempts=st.sampled_from([25, 1, 2]),
    unique=st.none() | keys,
    tags=st.sampled_from(TAGS),
    meta=st.sampled_from([b"", b'{"trace": "1"}']),
    version=st.sampled_from([1, 3]),
    age=st.integers(0, 20),
)
outcomes = st.builds(
    OutcomePlan,
    job=few,
    whose=st.sampled_from(["own"] * 6 + ["foreign", "unknown"]),
    event=st.sampled_from(
        [Event.COMPLETE, Event.COMPLETE, Event.FAIL, Event.FAIL, Event.SNOOZE, Event.RELEASE]
    ),
    final=st.sampled_from([False, False, True]),
    cancel=st.sampled_from([False, False, True]),
    when=times,
    message=st.sampled_from(["no", "é" * 1000, "x'\"\n"]),
    result=st.sampled_from([None, b'{ "r":1 }']),
    follow_up=st.none() | st.none() | jobs,
)
ActionPlan = Action | tuple[str, Time | None, int | None]
actions: st.SearchStrategy[ActionPlan] = st.one_of(
    st.just(Cancel()),
    st.just(Cancel()),
    st.tuples(st.just("retry"), st.none() | times, st.none()),
    st.tuples(st.just("amend"), st.none() | times, st.sampled_from([None, -3, 0, 15])),
    st.just(Delete()),
)
filters = st.builds(
    Filter,
    states=st.lists(st.sampled_from(State), max_size=2, unique=True).map(tuple),
    kinds=st.sampled_from([(), ("k",), KINDS, ("none",)]),
    queues=st.sampled_from([(), ("a",), QUEUES, ("none",)]),
    tags=st.sampled_from([(), ("z",), ("z", 'ü "q"')]),
)


def action(plan: ActionPlan, now: datetime) -> Action:
    """The action at this instant."""
    if not isinstance(plan, tuple):
        return plan
    word, time, priority = plan
    when = None if time is None else time.when(now)
    return Retry(when) if word == "retry" else Amend(when, priority)
