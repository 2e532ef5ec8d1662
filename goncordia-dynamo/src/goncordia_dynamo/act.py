"""What clients and operators do to jobs by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from goncordia.actions import EVENTS, Acted, Action, Amend, Retry, check_action
from goncordia.lifecycle import ENDED, Facts, State, decide

from goncordia_dynamo import draft
from goncordia_dynamo.draft import Draft
from goncordia_dynamo.log import ask_to_stop
from goncordia_dynamo.moment import Moment
from goncordia_dynamo.revise import Plan, revise
from goncordia_dynamo.store import Store
from goncordia_dynamo.unique import read_guard
from goncordia_dynamo.write import Write


async def act(store: Store, ids: Sequence[UUID], action: Action, moment: Moment) -> list[Acted]:
    """Do it to each job; what no job takes is refused before anything is written."""
    check_action(action)
    wanted = None
    if isinstance(action, Retry | Amend) and action.run_at is not None:
        wanted = moment.instant(action.run_at, "run_at")
    acting = _Acting(store, moment, action, wanted)
    return await revise(store, [(each, None) for each in ids], acting)


class _Acting:
    """Decides on one job."""

    def __init__(
        self, store: Store, moment: Moment, action: Action, wanted: datetime | None
    ) -> None:
        self._store = store
        self._moment = moment
        self._action = action
        self._wanted = wanted

    async def __call__(self, found: Draft | None, subject: None) -> Plan[Acted]:
        if found is None:
            return Plan(Acted.MISSING)
        job, moment = found.record.job, self._moment
        run_at = self._wanted or (moment.now if isinstance(self._action, Retry) else job.run_at)
        state = moment.state(found.record)
        rule = decide(EVENTS[type(self._action)], state, Facts(ahead=run_at > moment.now))
        if rule is None:
            return Plan(Acted.RUNNING if state is State.RUNNING else Acted.WRONG_STATE)
        if rule.target is None:
            after = list(draft.gone(found.record, self._store.layout))
            return Plan(Acted.CHANGED, [found.remove()], after)
        if rule.target is State.RUNNING:
            return await self._ask(found)
        anew = await self._anew(found) if isinstance(self._action, Retry) else []
        if anew is None:
            return Plan(Acted.CONFLICT)
        moment.step(found.record, rule)
        await self._change(found, run_at)
        after = list(draft.ended(found.record, self._store.layout))
        return Plan(Acted.CHANGED, [found.change(self._store.layout), *anew], after)

    async def _ask(self, found: Draft) -> Plan[Acted]:
        """The holder hears of it with its next beat: told first, so that no crash hides it."""
        job = found.record.job
        if job.session is not None:
            await ask_to_stop(self._store, job.session, job.id)
        job.cancel_requested = True
        return Plan(Acted.REQUESTED, [found.change(self._store.layout)])

    async def _change(self, found: Draft, run_at: datetime) -> None:
        job = found.record.job
        job.run_at = run_at
        if isinstance(self._action, Amend) and self._action.priority is not None:
            job.priority = self._action.priority
            await self._store.know_levels([(job.queue, job.priority)])

    async def _anew(self, found: Draft) -> list[Write] | None:
        """What a retried job needs beside its row; None: another job holds its key."""
        record, store = found.record, self._store
        job = record.job
        writes: list[Write] = []
        if job.unique is not None and job.state in ENDED:
            guard = await read_guard(store, job.unique)
            if guard.held and guard.job != job.id:
                return None
            record.take, taking = guard.take(job.id)
            writes.append(taking)
            if guard.job != job.id:
                writes += guard.unchanged(store)
        if job.state in ENDED:
            writes += draft.revived(record, store.layout)
        job.max_attempts = max(job.max_attempts, job.attempt + 1)
        job.finished_at = job.expire_at = job.result = None
        job.cancel_requested, record.mark, record.ttl = False, "", 0
        return writes
