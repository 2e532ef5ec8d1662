"""What one worker does for all: rescue what dead sessions hold, prune what ended long ago."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from goncordia.answers import Progress
from goncordia.clock import to_micros
from goncordia.errors import WorkerLost
from goncordia.jobs import AttemptError
from goncordia.lifecycle import Event, Facts, decide
from goncordia.retry import rescue_backoff

from goncordia_dynamo import keys
from goncordia_dynamo.draft import Draft, ended, gone
from goncordia_dynamo.errors import CONDITION, Refused
from goncordia_dynamo.log import log_of
from goncordia_dynamo.moment import Moment, ask
from goncordia_dynamo.pages import LIVES, alive, seal
from goncordia_dynamo.query import Everything
from goncordia_dynamo.revise import Plan, revise
from goncordia_dynamo.sessions import fenced, session_of
from goncordia_dynamo.store import Store
from goncordia_dynamo.values import Item, number
from goncordia_dynamo.write import Remove

# Rescue.


async def rescue(store: Store, limit: int, observed: timedelta | None, moment: Moment) -> Progress:
    """Declare silent sessions dead, and take their jobs back."""
    dead: list[Item] = []
    for item in await store.table.query_all("W"):
        over = await _declare_dead(store, item, observed, moment) if alive(item) else item
        dead += [] if over is None else [over]
    rescued = 0
    for item in dead:
        n, more = await _rescue(store, item, limit - rescued, moment)
        rescued += n
        if more:
            return Progress(rescued, more=True)
    return Progress(rescued)


async def _declare_dead(
    store: Store, item: Item, observed: timedelta | None, moment: Moment
) -> Item | None:
    """The session as it is then: its log grows no more; None: it lives."""
    session = session_of(item)
    silence = moment.now - session.beat_at
    if (silence if observed is None else min(silence, observed)) < session.ttl:
        return None
    try:
        return await store.table.update(
            keys.session(session.id),
            "SET dead = :now",
            {":now": number(to_micros(moment.now)), ":seen": item["beat"]},
            condition=f"{LIVES} AND beat = :seen",
        )
    except Refused as refused:
        if refused.code not in CONDITION:
            raise
        return None  # it has beaten again, or somebody else was quicker


async def _rescue(store: Store, item: Item, limit: int, moment: Moment) -> tuple[int, bool]:
    """Take back up to so many of a dead session's jobs; the last one ends the session."""
    session = keys.id_of(item)
    pages = await seal(store, item)
    jobs = [(job, session) for intent in log_of(pages).values() for job in intent.jobs]
    jobs = list(dict.fromkeys(jobs))
    rescuing = _Rescuing(store, moment, limit)
    taken = sum(await revise(store, jobs, rescuing))
    if rescuing.left:
        return taken, True
    await store.table.apply([Remove(page, ("dead",)) for page in pages[1:]])
    [outcome] = await store.table.apply([Remove(item, ("dead",))])
    return taken, not (outcome.done or outcome.item is None)


class _Rescuing:
    """Decides on one job that a dead session was about to take; whether it is taken back."""

    def __init__(self, store: Store, moment: Moment, limit: int) -> None:
        self._store = store
        self._moment = moment
        self._limit = limit
        self._chosen: set[UUID] = set()
        self.left = False
        """Whether it still holds jobs beyond the limit."""

    async def __call__(self, found: Draft | None, session: UUID) -> Plan[bool]:
        if found is None:
            return Plan(False)
        job = found.record.job
        if job.session != session:
            return Plan(False, fenced(self._store, found))
        if job.id not in self._chosen and len(self._chosen) >= self._limit:
            self.left = True
            return Plan(False)
        self._chosen.add(job.id)
        return self._take_back(found)

    def _take_back(self, found: Draft) -> Plan[bool]:
        """It counts as a failed attempt; only `finish` leaves a mark, so the old token has lost."""
        record, moment = found.record, self._moment
        rule = ask(Event.RESCUE, record)
        if rule is None:
            return Plan(False)
        attempt = record.job.attempt
        error = WorkerLost("the worker that ran it fell silent: killed, frozen, or cut off")
        record.blame(AttemptError(attempt, moment.now, type(error).__qualname__, str(error)))
        moment.step(record, rule)
        if not rule.ends:
            record.job.run_at = moment.now + (rescue_backoff(attempt, error) or timedelta(0))
        layout = self._store.layout
        return Plan(True, [found.change(layout)], list(ended(record, layout)))


# Prune.


async def prune(store: Store, limit: int, moment: Moment) -> Progress:
    """Remove ended jobs whose retention has passed, before DynamoDB does."""
    found: list[Draft] = []
    async for item in Everything(store):
        each = Draft(item)
        if _expired(each, moment):
            found.append(each)
            if len(found) > limit:
                break
    n = await _remove(store, found[:limit])
    return Progress(n, more=len(found) > limit)


def _expired(found: Draft, moment: Moment) -> bool:
    job = found.record.job
    past = job.expire_at is not None and job.expire_at <= moment.now
    return decide(Event.PRUNE, moment.state(found.record), Facts(expired=past)) is not None


async def _remove(store: Store, drafts: Sequence[Draft]) -> int:
    outcomes = await store.table.apply([each.remove() for each in drafts])
    removed = [each for each, o in zip(drafts, outcomes, strict=True) if o.done]
    await store.table.apply(
        [write for each in removed for write in gone(each.record, store.layout)]
    )
    return len(removed)
