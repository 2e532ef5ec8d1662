"""Plans made into what a driver is given."""

from __future__ import annotations

from collections.abc import Sequence

from goncordia.args import Args
from goncordia.clock import due
from goncordia.jobs import AttemptError, ClaimedJob, NewJob, Outcome, UniqueKey, cut
from goncordia.lifecycle import Event
from goncordia.unique import Unique

from goncordia_conformance.invariants import FOLLOW_UP
from goncordia_conformance.lockstep.plans import JobPlan, Key, OutcomePlan
from goncordia_conformance.lockstep.world import World, pick


class _Same(Args, kind="conformance"):
    """What unique keys are made of."""


def make_jobs(world: World, plans: Sequence[JobPlan]) -> list[NewJob]:
    """New jobs, and known ones to be sent again; no id twice."""
    found: dict[object, NewJob] = {}
    for plan in plans:
        if plan.again is not None and world.jobs:
            job = pick(world.jobs, plan.again)
        else:
            job = make_job(world, plan, plan.kind)
        found.setdefault(job.id, job)
    return list(found.values())


def make_job(world: World, plan: JobPlan, kind: str) -> NewJob:
    """A new job, known from now on."""
    when = None if plan.run_at is None else plan.run_at.when(world.now)
    job = NewJob(
        world.job_id(kind, plan.queue, plan.age),
        kind,
        plan.args,
        plan.version,
        plan.queue,
        plan.priority,
        when,
        plan.max_attempts,
        _unique(world, plan, plan.unique),
        plan.tags,
        plan.meta,
    )
    world.jobs.append(job)
    return job


def make_outcomes(world: World, plans: Sequence[OutcomePlan]) -> list[Outcome]:
    """One outcome a job, of those ever claimed; at most one has follow-ups with keys, the last.

    The order within a batch is the store's: it would show where one ends what holds another's key.
    """
    found: dict[object, Outcome] = {}
    for plan in plans:
        job = pick(world.claimed, plan.job)
        if job.id not in found:
            found[job.id] = _outcome(world, job, plan)
    keyed = [outcome for outcome in found.values() if _is_keyed(outcome)]
    return [outcome for outcome in found.values() if not _is_keyed(outcome)] + keyed[:1]


def _is_keyed(outcome: Outcome) -> bool:
    return any(job.unique is not None for job in outcome.follow_ups)


def _unique(world: World, plan: JobPlan, key: Key | None) -> UniqueKey | None:
    if key is None or not world.promised.unique:
        return None
    when = plan.run_at.when(world.now) if plan.run_at is not None else world.now
    rule = Unique(key=key.name, period=key.period, hold=key.hold, on_conflict=key.on_conflict)
    made = rule.of(_Same(), plan.queue, due(when, world.now))
    world.keys.add(made.key)
    return made


def _outcome(world: World, job: ClaimedJob, plan: OutcomePlan) -> Outcome:
    token = job.token
    if plan.whose == "unknown":
        token = world.id("c")
    elif plan.whose == "foreign":
        token = pick(world.claimed, plan.job + 1).token
    fails = plan.event is Event.FAIL
    final, cancel = fails and plan.final, fails and plan.cancel and not plan.final
    error = AttemptError(job.attempt, world.now, "ValueError", cut(plan.message, 2000), "line 1")
    again = plan.event is Event.SNOOZE or (fails and not final and not cancel)
    follow_ups = ()
    if plan.follow_up is not None and world.promised.follow_up and plan.event is Event.COMPLETE:
        follow_ups = (make_job(world, plan.follow_up, FOLLOW_UP),)
    return Outcome(
        job.id,
        token,
        plan.event,
        when=plan.when.when(world.now) if again else None,
        error=error if fails else None,
        final=final,
        cancel=cancel,
        result=plan.result if plan.event is Event.COMPLETE else None,
        follow_ups=follow_ups,
    )
