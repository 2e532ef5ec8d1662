"""Steps: inserting, also in transactions; what operators do; pruning."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

import anyio
from goncordia.actions import Action, Delete
from goncordia.answers import Finished, Inserted, Progress, QueueChange
from goncordia.errors import GoncordiaError, InvalidArgument
from goncordia.jobs import NewJob, Outcome, UniqueKey
from goncordia.memory import Tx

from goncordia_conformance.lockstep import plans
from goncordia_conformance.lockstep.make import make_job, make_jobs, make_outcomes
from goncordia_conformance.lockstep.plans import ActionPlan, JobPlan, OutcomePlan
from goncordia_conformance.lockstep.world import World, copies, pick
from goncordia_conformance.observe import Seen
from goncordia_conformance.subject import Handle


async def insert(world: World, new: Sequence[JobPlan]) -> None:
    """A batch, committed at once."""
    jobs = make_jobs(world, new)
    world.tell(f"insert {world.show(jobs)}")
    said = await world.ask("insert", world.driver.insert(copies(jobs), now=world.now))
    expected = world.expect(lambda: world.model.store.insert(jobs, now=world.now))
    for answer in world.agree("insert", expected, said) or ():
        world.ledger.inserted(answer)
    await world.compare("insert")


async def insert_bad(world: World, new: Sequence[JobPlan], place: int) -> None:
    """A batch with a naive time in it is refused, and nothing of it is there."""
    jobs = make_jobs(world, new)
    bad = make_job(world, new[0], new[0].kind)
    bad.run_at = world.now.replace(tzinfo=None)
    world.jobs.remove(bad)
    jobs.insert(place % (len(jobs) + 1), bad)
    world.tell(f"insert {world.show(jobs)}, of which {world.show(bad.id)} has no time zone")
    said = await world.ask("insert", world.driver.insert(copies(jobs), now=world.now))
    if not isinstance(said, InvalidArgument):
        raise world.broken("insert", "a run_at without a time zone was not refused")
    await world.compare("insert")


class _Died(Exception):
    """What goes wrong in a transaction."""


async def transaction(
    world: World, new: Sequence[JobPlan], ended: Sequence[OutcomePlan], ending: str
) -> None:
    """Inserts and outcomes in the caller's transaction, which commits, fails or is cancelled."""
    jobs = make_jobs(world, new) if world.promised.tx_insert != "none" else []
    if not world.promised.tx_unique:
        jobs = [job for job in jobs if job.unique is None]
    outcomes: list[Outcome] = []
    if world.promised.tx_finish != "none" and world.claimed:
        outcomes = make_outcomes(world, ended)
    if not jobs and not outcomes:
        return
    world.tell(f"in a transaction insert {world.show(jobs)}, finish {world.show(outcomes)}")
    before = await world.see("transaction")
    said = await _theirs(world, jobs, outcomes, ending, before)
    expected = _ours(world, jobs, outcomes, ending)
    world.story.add({"commit": "committed", "fail": "rolled back"}.get(ending, "cancelled"))
    done = world.agree("transaction", expected, said)
    if done is not None and ending == "commit":
        for answer in done.inserted:
            world.ledger.inserted(answer)
        for outcome, answer in zip(outcomes, done.finished, strict=True):
            came = Finished.DONE if answer is Finished.STAGED else answer
            world.ledger.finished(outcome, came)
        world.outcomes += outcomes
    await world.compare("transaction")


class _Done:
    """What a transaction was answered; equal if all answers are."""

    def __init__(self, inserted: Sequence[Inserted], finished: Sequence[Finished]) -> None:
        self.inserted, self.finished = list(inserted), list(finished)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Done) and (self.inserted, self.finished) == (
            other.inserted,
            other.finished,
        )

    __hash__ = None  # pyright: ignore[reportAssignmentType] - equal by value, and never a key

    def __str__(self) -> str:
        return f"{self.inserted}, {self.finished}"


async def _theirs(
    world: World, jobs: Sequence[NewJob], outcomes: Sequence[Outcome], ending: str, before: Seen
) -> _Done | GoncordiaError:
    done: _Done | GoncordiaError | None = None
    try:
        with anyio.CancelScope() as scope:
            async with world.subject.begin(world.driver) as tx:
                done = await _in(world, tx, copies(jobs), copies(outcomes))
                world.story.add(world.show([*done.inserted, *done.finished]))
                if await world.see("transaction") != before:
                    raise world.broken("transaction", "what is not committed is to be seen")
                if ending == "fail":
                    raise _Died
                if ending == "cancel":
                    scope.cancel()
                    await anyio.lowlevel.checkpoint()
    except _Died:
        pass
    except GoncordiaError as error:
        return error
    except AssertionError:
        raise
    except Exception as error:
        raise world.broken("transaction", f"the store raised {error!r}") from error
    assert done is not None
    return done


async def _in(
    world: World, tx: Handle, jobs: Sequence[NewJob], outcomes: Sequence[Outcome]
) -> _Done:
    driver, now = world.driver, world.now
    return _Done(
        await driver.insert(jobs, tx=tx, now=now) if jobs else [],
        await driver.finish(outcomes, tx=tx, now=now) if outcomes else [],
    )


def _ours(
    world: World, jobs: Sequence[NewJob], outcomes: Sequence[Outcome], ending: str
) -> _Done | GoncordiaError:
    store = world.model.store
    done: _Done | None = None
    try:
        with store.begin() as tx:
            done = _model_in(world, tx, jobs, outcomes)
            if ending != "commit":
                raise _Died
    except _Died:
        pass
    except GoncordiaError as error:
        return error
    assert done is not None
    return done


def _model_in(world: World, tx: Tx, jobs: Sequence[NewJob], outcomes: Sequence[Outcome]) -> _Done:
    store = world.model.store
    return _Done(
        store.insert(jobs, tx=tx, now=world.now) if jobs else [],
        store.finish(outcomes, tx=tx, now=world.now) if outcomes else [],
    )


async def act(world: World, places: Sequence[int], plan: ActionPlan, unknown: bool) -> None:
    """An operator's action on a few jobs."""
    ids = list(dict.fromkeys(pick(world.jobs, n).id for n in places)) if world.jobs else []
    if unknown or not ids:
        ids.append(world.id("u"))
    await _act(world, ids, plans.action(plan, world.now))


async def _act(world: World, ids: Sequence[UUID], action: Action) -> None:
    world.tell(f"{world.show(action)} on {world.show(ids)}")
    said = await world.ask("act", world.driver.act(ids, action, now=world.now))
    expected = world.expect(lambda: world.model.store.act(ids, action, now=world.now))
    answers = world.agree("act", expected, said)
    for uid, answer in zip(ids, answers or (), strict=True):
        world.ledger.acted(uid, action, answer)
    await world.compare("act")
    if isinstance(action, Delete):
        await _probe(world)


async def prune(world: World, limit: int) -> None:
    """Remove what expired; which ones is the store's choice."""
    expired = world.model.expired(world.now)
    before = await world.see("prune")
    world.tell(f"prune at most {limit}")
    said = await world.ask("prune", world.driver.prune(limit, now=world.now))
    after = await world.see("prune")
    if isinstance(said, GoncordiaError):
        raise world.broken("prune", f"the store raised {said!r}")
    chosen = set(expired) - set(after.rows)
    world.model.prune(chosen, world.now)
    overdue = {uid for uid, row in expired.items() if row.expire_at and row.expire_at < world.now}
    if found := progress("prune", said, len(chosen), limit, len(overdue - chosen)):
        raise world.broken("prune", found)
    world.ledger.pruned(before, after, said.n, world.now)
    await world.compare("prune", after)
    await _probe(world)


async def _probe(world: World) -> None:
    """Who holds each unique key that was ever used: asked by an insert, which is taken back."""
    if not world.promised.unique:
        return
    for key in sorted(world.keys):
        unique = UniqueKey(key)
        job = NewJob(world.job_id("probe", "a", 0), "probe", b"{}", queue="a", unique=unique)
        world.tell(f"insert {world.show(job)}")
        said = await world.ask("insert", world.driver.insert([job], now=world.now))
        expected = world.expect(partial(world.model.store.insert, [job], now=world.now))
        world.agree("insert, of a unique key,", expected, said)
        await world.driver.act([job.id], Delete(), now=world.now)
        world.model.store.act([job.id], Delete(), now=world.now)


def progress(what: str, said: Progress, n: int, limit: int, left: int) -> str | None:
    """What is wrong with an answer about bounded work."""
    if said.n != n:
        return f"{what} answers {said.n}, and {n} jobs changed"
    if n > limit:
        return f"{what} dealt with {n} jobs, and {limit} was the limit"
    if left and not said.more:
        return f"{what} answers more=False, and {left} jobs are left"
    if left and not n:
        return f"{what} did nothing, and {left} jobs are left"
    if said.more and not left and n < limit:
        return f"{what} answers more=True, and nothing is left"
    return None


async def pause(world: World, queue: str, paused: bool) -> None:
    """Pause or resume."""
    change = QueueChange(queue, paused)
    world.tell(f"{'pause' if paused else 'resume'} {queue}")
    said = await world.ask("queues", world.driver.queues(change, now=world.now))
    world.agree("queues", world.expect(lambda: world.model.queues(change, world.now)), said)
    await world.compare("queues")
