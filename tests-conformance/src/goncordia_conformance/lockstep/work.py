"""Steps of a worker: join, claim, finish, beat, leave; and the rescue of what it left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from goncordia.errors import GoncordiaError, WorkerLost
from goncordia.jobs import JobRow, Outcome, completed, released
from goncordia.lifecycle import State
from goncordia.retry import rescue_backoff
from goncordia.sessions import Claim, Claims, Session, WorkerInfo
from msgspec.structs import replace as replace_struct

from goncordia_conformance.lockstep.jobs import progress
from goncordia_conformance.lockstep.legal import HUNGER, Choice, judge
from goncordia_conformance.lockstep.make import make_outcomes
from goncordia_conformance.lockstep.plans import QUEUES, OutcomePlan
from goncordia_conformance.lockstep.world import TTL, World, copies, pick
from goncordia_conformance.observe import Seen

SLACK = timedelta(milliseconds=1)


async def join(world: World) -> None:
    """A new worker."""
    n = len(world.sessions)
    worker = WorkerInfo(f"worker {n}", QUEUES[: n % 3], ("k",), n + 1)
    world.tell("a worker joins")
    said = await world.ask("join", _joined(world, worker))
    if isinstance(said, GoncordiaError):
        raise world.broken("join", f"the store raised {said!r}")
    if said.id in world.sessions:
        raise world.broken("join", "a session's uid was used again")
    world.sessions.append(said.id)
    model = world.model.store.join(worker, TTL, world.now)
    world.model.ids[said.id] = model.id
    world.agree("join", replace_struct(model, id=said.id), said)
    await world.compare("join")


async def _joined(world: World, worker: WorkerInfo) -> Session:
    session = await world.driver.join(worker, TTL, now=world.now)
    world.story.name(session.id, "w")
    return session


async def claim(world: World, place: int, wants: Mapping[str, int]) -> None:
    """A claim under a new token."""
    if not world.sessions:
        await join(world)
    new = Claim(world.id("c"), pick(world.sessions, place), wants)
    world.claims.append(new)
    await _claim(world, new)


async def claim_again(world: World, place: int) -> None:
    """A claim whose answer was lost is sent again."""
    if world.claims:
        await _claim(world, replace_struct(pick(world.claims, place), resend=True))


async def _claim(world: World, claim: Claim) -> None:
    again = " again" if claim.resend else ""
    who, what = world.show(claim.session), world.show(claim.token)
    world.tell(f"{who} claims {world.show(claim.wants)} as {what}{again}")
    alive = any(s.id == claim.session and s.alive for s in world.model.sessions().values())
    choice = _prepare(world, claim)
    said = await world.ask("claim", world.driver.claim(claim, now=world.now))
    if isinstance(said, GoncordiaError) or not alive:
        probe = world.expect(lambda: world.model.claim(claim, (), (), world.now))
        world.agree("claim", probe, said)
        await world.compare("claim")
        return
    choice = replace(choice, answer=said)
    if found := list(judge(choice)):
        raise world.broken("claim", *found)
    _starve(world, choice)
    chosen = [row for queue in choice.due for row in choice.taken(queue)]
    expected = world.model.claim(claim, choice.held, chosen, world.now)
    differ = world.story.differences(
        "claim: job", {j.id: j for j in expected.jobs}, {j.id: j for j in said.jobs}
    )
    if found := list(differ):
        raise world.broken("claim", *found)
    known = {(job.id, job.token) for job in world.claimed}
    world.claimed += [job for job in said.jobs if (job.id, job.token) not in known]
    for job in said.jobs:
        world.ledger.claimed(job)
    await world.compare("claim")


def _prepare(world: World, claim: Claim) -> Choice:
    now, model = world.now, world.model
    paused = frozenset(model.paused(now)) & frozenset(claim.wants)
    firm = world.promised.pause_lag == timedelta(0)
    return Choice(
        world.promised,
        claim,
        Claims([]),
        frozenset(uid for uid, token in world.ledger.holders.items() if token == claim.token),
        {queue: [] if firm and queue in paused else model.due(queue, now) for queue in claim.wants},
        model.ahead(set(claim.wants) - paused, now),
        paused,
        now,
    )


def _starve(world: World, choice: Choice) -> None:
    """A store may give fewer than wanted, but not nothing for ever."""
    if choice.promised.claim_sees != "immediate":
        return
    for queue, n in choice.claim.wants.items():
        free = n > sum(job.queue == queue for job in choice.answer.jobs)
        if choice.taken(queue) or not choice.left(queue) or queue in choice.paused or not free:
            world.hunger[queue] = 0
            continue
        world.hunger[queue] = world.hunger.get(queue, 0) + 1
        if world.hunger[queue] == HUNGER:
            raise world.broken(
                "claim", f"{HUNGER} claims in a row gave nothing of {queue}, which has due jobs"
            )


async def finish(world: World, plans: Sequence[OutcomePlan]) -> None:
    """Outcomes, under right, stale, foreign and unknown tokens."""
    if world.claimed:
        outcomes = make_outcomes(world, plans)
        world.outcomes += outcomes
        await _finish(world, outcomes)


async def finish_again(world: World, place: int) -> None:
    """An outcome whose answer was lost is sent again."""
    if not world.outcomes:
        return
    outcome = pick(world.outcomes, place)
    await _finish(world, [outcome])


async def _finish(world: World, outcomes: Sequence[Outcome]) -> None:
    world.tell(f"finish {world.show(outcomes)}")
    said = await world.ask("finish", world.driver.finish(copies(outcomes), now=world.now))
    expected = world.expect(lambda: world.model.store.finish(outcomes, now=world.now))
    answers = world.agree("finish", expected, said)
    for outcome, answer in zip(outcomes, answers or (), strict=True):
        world.ledger.finished(outcome, answer)
    await world.compare("finish")


async def beat(world: World, place: int, known: Sequence[bool]) -> None:
    """A worker says that it lives, and what it works for; the rest is given back in time."""
    if not world.sessions:
        return
    session = pick(world.sessions, place)
    ours = [claim.token for claim in world.claims if claim.session == session]
    await _beat(world, session, [t for n, t in enumerate(ours) if known[n % len(known)]])


async def _beat(world: World, session: UUID, tokens: Sequence[UUID]) -> None:
    world.tell(f"{world.show(session)} beats for {world.show(tokens)}")
    said = await world.ask("beat", world.driver.beat(session, tokens, now=world.now))
    model = world.model.ids[session]
    expected = world.expect(lambda: world.model.store.beat(model, tokens, world.now))
    for answer in (said, expected):
        if isinstance(answer, GoncordiaError):
            raise world.broken("beat", f"the store raised {answer!r}")
    world.agree("beat", _sorted(expected), _sorted(said))
    seen = await world.see("beat")
    world.ledger.taken_back(seen)
    await world.compare("beat", seen)


def _sorted(beat: object) -> object:
    cancels = getattr(beat, "cancels", ())
    return {"alive": getattr(beat, "alive", None), "cancels": sorted(cancels)}


async def die(world: World, place: int, silent: bool, rescued: bool, back: str) -> None:
    """A worker leaves or falls silent, is rescued, and comes back as if nothing had happened."""
    if not world.sessions:
        return
    session = pick(world.sessions, place)
    if silent:
        world.now += TTL + timedelta(seconds=1)
    else:
        await _leave(world, session)
    if rescued:
        await rescue(world, 100, None)
    claims = [claim for claim in world.claims if claim.session == session]
    jobs = [job for job in world.claimed if any(c.token == job.token for c in claims)]
    if back == "beat":
        await _beat(world, session, [claim.token for claim in claims])
    elif back == "claim" and claims:
        await _claim(world, replace_struct(claims[-1], resend=True))
    elif back in ("complete", "release") and jobs:
        outcome = completed(jobs[-1]) if back == "complete" else released(jobs[-1])
        world.outcomes.append(outcome)
        await _finish(world, [outcome])


async def _leave(world: World, session: UUID) -> None:
    world.tell(f"{world.show(session)} leaves")
    await world.ask("leave", world.driver.leave(session, now=world.now))
    world.model.store.leave(world.model.ids[session])
    await world.compare("leave")


async def rescue(world: World, limit: int, observed: timedelta | None) -> None:
    """Take back what dead sessions hold; which first, and how long it waits, is a choice."""
    running = world.model.rows(world.now, State.RUNNING)
    span = "" if observed is None else f", observed for {world.show(observed)}"
    world.tell(f"rescue at most {limit}{span}")
    call = world.driver.rescue(limit, observed=observed, now=world.now)
    said = await world.ask("rescue", call)
    if isinstance(said, GoncordiaError):
        raise world.broken("rescue", f"the store raised {said!r}")
    seen = await world.see("rescue")
    chosen = {
        uid for uid in running if uid in seen.rows and seen.rows[uid].state is not State.RUNNING
    }
    world.model.rescue(limit, observed, chosen, world.now)
    living = {uid for uid, s in world.model.sessions().items() if s.alive}
    left = [row for uid, row in running.items() if row.session not in living and uid not in chosen]
    if found := progress("rescue", said, len(chosen), limit, len(left)):
        raise world.broken("rescue", found)
    for uid in chosen:
        _adopt(world, world.model.rows(world.now)[uid], seen)
    world.ledger.taken_back(seen)
    await world.compare("rescue", seen)


def _adopt(world: World, row: JobRow, seen: Seen) -> None:
    """Follow the store in what a rescue may choose: the wait, and the words of the error."""
    said = seen.rows[row.id]
    if row.errors and said.errors:
        mine, error = row.errors[-1], said.errors[-1]
        if (error.type, error.attempt, error.at) == (WorkerLost.__name__, mine.attempt, mine.at):
            world.model.adopt(row.id, world.now, error=error)
    if State.RETRYABLE is row.state is said.state:
        longest = _longest(row.attempt)
        wait = said.run_at - world.now
        if not longest * (1 - rescue_backoff.jitter) - SLACK <= wait <= longest + SLACK:
            raise world.broken(
                "rescue",
                f"{world.show(row.id)} waits {world.show(wait)} after attempt {row.attempt}; "
                f"legal is up to a quarter less than {world.show(longest)}",
            )
        world.model.adopt(row.id, world.now, run_at=said.run_at)


def _longest(attempt: int) -> timedelta:
    times = min(
        rescue_backoff.factor ** (attempt - 1), rescue_backoff.longest / rescue_backoff.first
    )
    return rescue_backoff.first * times
