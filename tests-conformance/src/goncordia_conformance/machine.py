"""The state machine: any sequence of the contract's operations, against the model."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from goncordia.actions import Cancel, Retry
from goncordia.answers import Filter
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from goncordia_conformance.lockstep import jobs, plans, reading, ready, work
from goncordia_conformance.lockstep.plans import ActionPlan, JobPlan, OutcomePlan
from goncordia_conformance.lockstep.ready import Ready
from goncordia_conformance.lockstep.world import World
from goncordia_conformance.loops import Bridge
from goncordia_conformance.story import Broken
from goncordia_conformance.subject import Subject

few_jobs = st.lists(plans.jobs, min_size=1, max_size=4)
few_outcomes = st.lists(plans.outcomes, min_size=1, max_size=3)
wants = st.dictionaries(st.sampled_from(plans.QUEUES), st.integers(1, 4), min_size=1)
limits = st.sampled_from([100, 1, 2])
values = st.sampled_from([None, b"1", b"2"])
TERM = timedelta(seconds=30, microseconds=7)
TERMS = (10.0, 20.0, 29.0, 31.0)
TTLS = (None, TERM)
SHRINKING = 6.0
"""Seconds for which a story is made shorter."""
WATCHED = (None, None, timedelta(seconds=10), timedelta(seconds=61))


class Enough(BaseException):
    """The time is over: ends a run."""


class Run:
    """What the examples of one run share."""

    def __init__(self, subject: Subject, loop: str, ends: float) -> None:
        self.subject = subject
        self.loop = loop
        self.ends = ends
        """By the monotonic clock."""
        self.smallest: Broken | None = None
        self.trouble: Exception | None = None
        """What went wrong otherwise: in opening the driver, say."""
        self.over = False
        self.examples = 0
        self.steps = 0

    def begin(self) -> None:
        """One example more, unless the time is over."""
        if self.trouble is None and time.monotonic() > self.ends:
            self.over = True
            raise Enough
        self.examples += 1

    def broke(self, broken: Broken) -> None:
        """Keep the shortest story, and leave some time to make it shorter."""
        if self.smallest is None:
            self.ends = time.monotonic() + SHRINKING
        if self.smallest is None or len(broken.steps) <= len(self.smallest.steps):
            self.smallest = broken


class Machine(RuleBasedStateMachine):
    """Each rule is a step of `lockstep`, asked on the event loop of the example."""

    shared: Run

    @initialize()
    def open(self) -> None:
        """A fresh driver and a fresh model."""
        self.shared.begin()
        bridge = Bridge(self.shared.subject, self.shared.loop)
        try:
            self.bridge = bridge.__enter__()
        except Exception as error:
            self.shared.trouble = error
            raise
        self.world = World(self.bridge.driver, self.shared.subject)

    def teardown(self) -> None:
        """Close the driver."""
        if hasattr(self, "world"):
            self.bridge.__exit__(None, None, None)

    def after(self, before: Ready, call: Callable[[], Awaitable[None]]) -> None:
        """Do it once there is what it needs."""

        async def both() -> None:
            await before(self.world)
            await call()

        self.step(both)

    def step(self, call: Callable[[], Awaitable[None]]) -> None:
        """Do it; a promise that breaks is kept for the report."""
        self.shared.steps += 1
        try:
            self.bridge.run(call)
        except Broken as broken:
            self.shared.broke(broken)
            raise
        except TimeoutError as error:
            hangs = self.world.broken("hanging", "the store did not answer")
            self.shared.broke(hangs)
            raise hangs from error
        except Exception as error:
            self.shared.trouble = error
            raise

    @rule(new=few_jobs, bad=st.sampled_from([None] * 7 + [0, 3]))
    def insert(self, new: Sequence[JobPlan], bad: int | None) -> None:
        """A batch; one with a bad job in it is refused."""
        if bad is None:
            self.step(lambda: jobs.insert(self.world, new))
        else:
            self.step(lambda: jobs.insert_bad(self.world, new, bad))

    @rule(before=ready.for_inserts, new=plans.jobs)
    def insert_one(self, before: Ready, new: JobPlan) -> None:
        """One job."""
        self.after(before, lambda: jobs.insert(self.world, [new]))

    @rule(
        before=ready.for_outcomes,
        new=few_jobs,
        ended=few_outcomes,
        ending=st.sampled_from(["commit", "commit", "fail", "cancel"]),
    )
    def transaction(
        self, before: Ready, new: Sequence[JobPlan], ended: Sequence[OutcomePlan], ending: str
    ) -> None:
        """Work in the caller's transaction."""
        self.after(before, lambda: jobs.transaction(self.world, new, ended, ending))

    @rule()
    def join(self) -> None:
        """One worker more."""
        self.step(lambda: work.join(self.world))

    @rule(before=ready.for_claims, worker=plans.few, wants=wants)
    def claim(self, before: Ready, worker: int, wants: dict[str, int]) -> None:
        """A claim."""
        self.after(before, lambda: work.claim(self.world, worker, wants))

    @rule(before=ready.for_claims, worker=plans.few)
    def claim_much(self, before: Ready, worker: int) -> None:
        """A claim of more than there is, mostly."""
        self.after(before, lambda: work.claim(self.world, worker, dict.fromkeys(plans.QUEUES, 9)))

    @rule(before=ready.for_outcomes, place=plans.few)
    def claim_again(self, before: Ready, place: int) -> None:
        """A claim sent again."""
        self.after(before, lambda: work.claim_again(self.world, place))

    @rule(before=ready.for_outcomes, outcomes=few_outcomes)
    def finish(self, before: Ready, outcomes: Sequence[OutcomePlan]) -> None:
        """A batch of outcomes."""
        self.after(before, lambda: work.finish(self.world, outcomes))

    @rule(before=ready.for_outcomes, outcome=plans.outcomes)
    def finish_one(self, before: Ready, outcome: OutcomePlan) -> None:
        """One outcome."""
        self.after(before, lambda: work.finish(self.world, [outcome]))

    @rule(before=ready.for_outcomes, place=plans.few)
    def finish_again(self, before: Ready, place: int) -> None:
        """An outcome sent again."""
        self.after(before, lambda: work.finish_again(self.world, place))

    @rule(
        before=ready.for_beats,
        worker=plans.few,
        known=st.lists(st.booleans(), min_size=1, max_size=3),
    )
    def beat(self, before: Ready, worker: int, known: Sequence[bool]) -> None:
        """A sign of life."""
        self.after(before, lambda: work.beat(self.world, worker, known))

    @rule(
        before=ready.for_outcomes,
        worker=plans.few,
        silent=st.booleans(),
        rescued=st.booleans(),
        back=st.sampled_from(["beat", "claim", "complete", "release", "never"]),
    )
    def die(self, before: Ready, worker: int, silent: bool, rescued: bool, back: str) -> None:
        """A worker goes, or falls silent; and comes back as if nothing had happened."""
        self.after(before, lambda: work.die(self.world, worker, silent, rescued, back))

    @rule(before=ready.for_rescue, limit=limits, observed=st.sampled_from(WATCHED))
    def rescue(self, before: Ready, limit: int, observed: timedelta | None) -> None:
        """Upkeep: the dead."""
        self.after(before, lambda: work.rescue(self.world, limit, observed))

    @rule(before=ready.for_prune, limit=limits)
    def prune(self, before: Ready, limit: int) -> None:
        """Upkeep: the old."""
        self.after(before, lambda: jobs.prune(self.world, limit))

    @rule(
        before=ready.for_actions,
        places=st.lists(plans.numbers, min_size=1, max_size=3),
        plan=plans.actions,
        unknown=st.sampled_from([False, False, False, True]),
    )
    def act(
        self,
        before: Ready,
        places: Sequence[int],
        plan: ActionPlan,
        unknown: bool,
    ) -> None:
        """An operator's action."""
        self.after(before, lambda: jobs.act(self.world, places, plan, unknown))

    @rule(before=ready.for_cancels, place=plans.few)
    def cancel(self, before: Ready, place: int) -> None:
        """A cancel, mostly of a job that waits or runs."""
        self.after(before, lambda: jobs.act(self.world, [place], Cancel(), unknown=False))

    @rule(before=ready.for_retries, places=st.lists(plans.few, min_size=1, max_size=2))
    def retry(self, before: Ready, places: Sequence[int]) -> None:
        """A retry, mostly of a job that ended."""
        self.after(before, lambda: jobs.act(self.world, places, Retry(), unknown=False))

    @rule(queue=st.sampled_from(plans.QUEUES), paused=st.booleans())
    def pause(self, queue: str, paused: bool) -> None:
        """Pause or resume."""
        self.step(lambda: jobs.pause(self.world, queue, paused))

    @rule(
        key=st.sampled_from(["leader", "cursor/ü"]),
        old=values,
        new=values,
        ttl=st.sampled_from(TTLS),
    )
    def compare_and_set(
        self, key: str, old: bytes | None, new: bytes | None, ttl: timedelta | None
    ) -> None:
        """A value under a key."""
        self.step(lambda: reading.compare_and_set(self.world, key, old, new, ttl))

    @rule(key=st.sampled_from(["leader", "cursor/ü"]), new=values, seconds=st.sampled_from(TERMS))
    def hold_on(self, key: str, new: bytes | None, seconds: float) -> None:
        """A value that is held for a term, and asked for within it or after it."""
        self.step(lambda: reading.hold_on(self.world, key, new, TERM, seconds))

    @rule(where=plans.filters, limit=st.integers(1, 3), place=st.none() | plans.few)
    def look(self, where: Filter, limit: int, place: int | None) -> None:
        """A filtered list, or small questions."""
        if place is None:
            self.step(lambda: reading.pages(self.world, where, limit))
        else:
            self.step(lambda: reading.ask_around(self.world, place))

    @rule()
    def turn_page(self) -> None:
        """One page of a long look."""
        self.step(lambda: reading.turn_page(self.world))

    @rule(seconds=st.sampled_from(plans.STEPS))
    def time_passes(self, seconds: float) -> None:
        """Time is passed in, never slept; what fell due is seen."""
        self.world.now += timedelta(seconds=seconds)
        self.world.tell("time has passed")
        self.step(lambda: self.world.compare("time"))
