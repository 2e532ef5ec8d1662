"""All that a client can do, written once for `Client` and `SyncClient`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Generic, TypeVar, Unpack
from uuid import UUID

from goncordia.actions import Acted, Action, Amend, Cancel, Delete, Retry
from goncordia.answers import Count, Inserted, Page, Progress, Queue, QueueChange
from goncordia.args import Args
from goncordia.clock import Clock, When, utc_now
from goncordia.driver import Driver, SyncDriver
from goncordia.endings import Endings, Patience, completion, found
from goncordia.enqueue import Enqueue, Enqueued, check_run_at, new_job, new_jobs
from goncordia.errors import CapabilityMissing, InvalidArgument, UniqueConflict
from goncordia.explain import explain
from goncordia.filters import Where, filter_of, listed
from goncordia.handler import seconds
from goncordia.handles import check_handle
from goncordia.jobs import Conflict, JobRow, NewJob
from goncordia.lifecycle import LIVE
from goncordia.middleware import Enqueuing, enqueuing
from goncordia.options import check_priority, check_queue
from goncordia.reasons import Explanation
from goncordia.requests import Op, Store, ask, insist, operation
from goncordia.sessions import Session
from goncordia.sweep import Sweep, sweep, wanted
from goncordia.unique import Unique

Tx_contra = TypeVar("Tx_contra", contravariant=True)
T = TypeVar("T")


class Operations(Generic[Tx_contra]):
    """What both clients inherit.

    A call that finds the store `Unavailable` is sent again twice, with the same ids, and then
    raises it; never one with `tx`. An action that landed although its answer was lost is then
    answered as what it met: a cancel may say `WRONG_STATE`, a delete `MISSING`.
    """

    def __init__(
        self,
        store: Driver[Tx_contra] | SyncDriver[Tx_contra],
        require: Iterable[str],
        clock: Clock,
        payload_limit: int,
        layers: Sequence[Enqueuing],
    ) -> None:
        store.capabilities.require(require)
        self._layers = tuple(layers)
        self._store = store
        self._clock = clock
        self._limit = payload_limit

    # Enqueue.

    @operation
    def enqueue(
        self,
        args: Args,
        *,
        queue: str | None = None,
        priority: int | None = None,
        run_at: When | None = None,
        max_attempts: int | None = None,
        unique: Unique | None = None,
        tags: Collection[str] = (),
        meta: Mapping[str, object] | None = None,
        tx: Tx_contra | None = None,
    ) -> Op[Enqueued]:
        """Enqueue a job; with `tx` it exists if and only if that transaction commits.

        An option left None is as the class of the args says. `run_at` is an aware datetime or a
        span from now; `meta` is free data beside the args, which JSON can hold.

        Raises `InvalidArgument` for what no store takes, `UniqueConflict` where the unique rule
        says so, `CapabilityMissing` for unique jobs on a store that can't keep them so,
        `HandleMismatch` and `TransactionsUnsupported` for a wrong `tx`, `Unavailable`.
        """
        request = Enqueue(
            args,
            queue=queue,
            priority=priority,
            run_at=run_at,
            max_attempts=max_attempts,
            unique=unique,
            tags=tags,
            meta=meta,
        )
        told = self._clock.told()
        job = new_job(request, self._store.new_id, told or utc_now(), self._limit)
        self._check_promises([job], tx)
        [answer] = yield from self._insert([job], tx, told)
        return _accept(job, answer)

    @operation
    def enqueue_many(
        self, requests: Iterable[Args | Enqueue], *, tx: Tx_contra | None = None
    ) -> Op[list[Enqueued]]:
        """Enqueue jobs, answered in their order; `Enqueue(args, ...)` gives one options.

        Nothing is written if any of them is refused at the door. With `tx` all of them commit
        together. Without it they are written in batches of the driver's size (`habits.batch`),
        each whole if it is no larger than the store's `atomic_insert`: an error may leave earlier
        batches written. A `UniqueConflict` is raised, for the first one, after all were written.

        Raises as `enqueue` does.
        """
        told = self._clock.told()
        jobs = new_jobs(requests, self._store.new_id, told or utc_now(), self._limit)
        answers: list[Inserted] = []
        self._check_promises(jobs, tx)
        for batch in _batches(jobs, self._store.habits.batch):
            answers += yield from self._insert(batch, tx, told)
        return [_accept(job, answer) for job, answer in zip(jobs, answers, strict=True)]

    def _insert(
        self, jobs: Sequence[NewJob], tx: Tx_contra | None, told: datetime | None
    ) -> Op[list[Inserted]]:
        if tx is None:
            insert = insist(Store.insert, jobs, now=told)
        else:
            insert = ask(Store.insert, jobs, tx=tx, now=told)
        return self._wrapped(insert, jobs, tx) if self._layers else insert

    def _wrapped(self, op: Op[T], jobs: Sequence[NewJob], tx: Tx_contra | None) -> Op[T]:
        with enqueuing(self._layers, jobs, tx):
            return (yield from op)

    def _check_promises(self, jobs: Sequence[NewJob], tx: object) -> None:
        """Refuse what the store can't do before anything is sent."""
        store = self._store
        if tx is not None:
            check_handle(store, type(tx))
        needed = "unique" if tx is None else "tx_unique"
        if not getattr(store.capabilities, needed) and any(job.unique for job in jobs):
            raise CapabilityMissing(
                needed,
                f"{store.name} can't keep unique jobs apart here ({needed} is not among its "
                "capabilities); enqueue without unique=",
            )

    # Act on jobs.

    @operation
    def cancel(self, *ids: UUID) -> Op[list[Acted]]:
        """End waiting jobs (`CHANGED`), ask running ones to stop (`REQUESTED`)."""
        return (yield from self._act(ids, Cancel()))

    @operation
    def retry(self, *ids: UUID, run_at: When | None = None) -> Op[list[Acted]]:
        """Run ended jobs again, and dormant ones at `run_at` (None: now); one attempt at least.

        `CONFLICT`: another job holds the unique key by now.
        """
        now = self._clock.told() or utc_now()
        when = None if run_at is None else check_run_at(run_at, now)
        return (yield from self._act(ids, Retry(when)))

    @operation
    def amend(
        self, *ids: UUID, run_at: When | None = None, priority: int | None = None
    ) -> Op[list[Acted]]:
        """Change when or how urgently waiting jobs run; None leaves that part as it is."""
        return (yield from self._act(ids, self._amendment(run_at, priority)))

    def _amendment(self, run_at: When | None, priority: int | None) -> Amend:
        now = self._clock.told() or utc_now()
        when = None if run_at is None else check_run_at(run_at, now)
        return Amend(when, None if priority is None else check_priority(priority))

    @operation
    def delete(self, *ids: UUID) -> Op[list[Acted]]:
        """Remove jobs, save running ones (`RUNNING`)."""
        return (yield from self._act(ids, Delete()))

    def _act(self, ids: Sequence[UUID], action: Action) -> Op[list[Acted]]:
        _check_ids(ids)
        acted: list[Acted] = []
        for batch in _batches(ids, self._store.habits.batch):
            acted += yield from insist(Store.act, batch, action, now=self._clock.told())
        return acted

    # Act on whatever a filter finds.

    @operation
    def cancel_all(
        self, *, dry: bool = False, limit: int | None = None, **where: Unpack[Where]
    ) -> Op[Sweep]:
        """Cancel the jobs that `jobs` would show, and answer how many.

        They are found and acted on newest first, in batches of the driver's size, at most `limit`
        of them; `dry` only counts. Without `states` those are meant that have not ended. Jobs that
        change between being found and acted on are answered as they are then. An `Unavailable`
        leaves part of it done; doing it again does the rest. Raises `InvalidArgument` where
        `where` says nothing.
        """
        return (yield from self._act_on(where, Cancel(), dry=dry, limit=limit))

    @operation
    def retry_all(
        self,
        *,
        run_at: When | None = None,
        dry: bool = False,
        limit: int | None = None,
        **where: Unpack[Where],
    ) -> Op[Sweep]:
        """Retry the jobs that a filter finds, as `cancel_all`; without `states`, discarded ones."""
        now = self._clock.told() or utc_now()
        when = None if run_at is None else check_run_at(run_at, now)
        return (yield from self._act_on(where, Retry(when), dry=dry, limit=limit))

    @operation
    def amend_all(
        self,
        *,
        run_at: When | None = None,
        priority: int | None = None,
        dry: bool = False,
        limit: int | None = None,
        **where: Unpack[Where],
    ) -> Op[Sweep]:
        """Amend the jobs that a filter finds, as `cancel_all`; without `states`, waiting ones."""
        amend = self._amendment(run_at, priority)
        return (yield from self._act_on(where, amend, dry=dry, limit=limit))

    @operation
    def delete_all(
        self, *, dry: bool = False, limit: int | None = None, **where: Unpack[Where]
    ) -> Op[Sweep]:
        """Remove the jobs that a filter finds, as `cancel_all`; without `states`, all save running.

        Waiting jobs are among them: they never run then.
        """
        return (yield from self._act_on(where, Delete(), dry=dry, limit=limit))

    def _act_on(self, where: Where, action: Action, *, dry: bool, limit: int | None) -> Op[Sweep]:
        meant, most = wanted(where, action), None if limit is None else _check_limit(limit)
        now, batch = self._clock.told(), self._store.habits.batch
        return sweep(meant, None if dry else action, most, batch, now)

    @operation
    def prune(self, limit: int = 1000) -> Op[Progress]:
        """Remove up to `limit` ended jobs whose retention has passed; workers do it anyway."""
        return (yield from insist(Store.prune, _check_limit(limit), now=self._clock.told()))

    # Look.

    @operation
    def get(self, id: UUID) -> Op[JobRow | None]:
        """The job, or None where there is none."""
        _check_ids([id])
        rows = yield from insist(Store.get, [id], now=self._clock.told())
        return rows[0]

    @operation
    def jobs(
        self, *, cursor: str | None = None, limit: int = 100, **where: Unpack[Where]
    ) -> Op[Page]:
        """A page of jobs, newest first; its `cursor` leads to the next page, None: that was all.

        Each part of `where` lists what is wanted: `states=[State.DISCARDED]`, `kinds`, `queues`,
        and `tags`, of which a job carries all.
        """
        wanted, most, now = filter_of(where), _check_limit(limit), self._clock.told()
        return (yield from insist(Store.list, wanted, cursor=cursor, limit=most, now=now))

    @operation
    def count(self, *, limit: int = 10_000, **where: Unpack[Where]) -> Op[Progress]:
        """How many jobs `jobs` would show, counted one by one up to `limit`, and whether more.

        For whole queues `stats` is cheaper.
        """
        most, now = _check_limit(limit), self._clock.told()
        counted = yield from sweep(filter_of(where), None, most, self._store.habits.batch, now)
        return Progress(counted.found, counted.more)

    @operation
    def explain(self, id: UUID) -> Op[Explanation]:
        """Why the job is where it is: paused queue, not due, nobody to run it, behind others...

        Each reason is a record of `goncordia.reasons`, and a sentence by `str()`. It is what a few
        looks one after the other showed; how many jobs are before it is counted among the newest
        500 due ones of its queue. Raises `JobNotFound`.
        """
        _check_ids([id])
        return (yield from explain(id, self._clock))

    @operation
    def stats(self, queues: Collection[str] = ()) -> Op[list[Count]]:
        """How many jobs are in which state, by queue; no queues means all of them."""
        names = listed("queues", queues)
        return (yield from insist(Store.stats, names, now=self._clock.told()))

    @operation
    def sessions(self) -> Op[list[Session]]:
        """The workers: those that live, and dead ones that still hold jobs."""
        return (yield from insist(Store.sessions, now=self._clock.told()))

    # Wait; the clients make their own loops and types of these.

    def _completion(self, id: UUID, timeout: timedelta | float | None) -> Op[JobRow]:
        _check_ids([id])
        return (yield from completion(self._endings([id], timeout)))

    def _watched(
        self, ids: Sequence[UUID], timeout: timedelta | float | None, where: Where
    ) -> Op[Endings]:
        _check_ids(ids)
        if ids and any(where.values()):
            raise InvalidArgument("watch either ids or what a filter finds")
        meant, batch = filter_of(where, LIVE), self._store.habits.batch
        watched = ids or (yield from found(meant, self._clock, batch))
        return self._endings(watched, timeout)

    def _endings(self, ids: Sequence[UUID], timeout: timedelta | float | None) -> Endings:
        habits = self._store.habits
        patience = Patience(self._clock, seconds(timeout, "timeout"), habits.poll)
        return Endings(ids, self._clock, patience, habits.batch)

    # Queues.

    @operation
    def queues(self) -> Op[list[Queue]]:
        """All queues by name, paused or not."""
        return (yield from insist(Store.queues, None, now=self._clock.told()))

    @operation
    def pause(self, queue: str) -> Op[None]:
        """Let a queue take jobs and give none; what runs goes on."""
        yield from self._change(QueueChange(check_queue(queue), paused=True))

    @operation
    def resume(self, queue: str) -> Op[None]:
        """Let a paused queue give jobs again."""
        yield from self._change(QueueChange(check_queue(queue), paused=False))

    def _change(self, change: QueueChange) -> Op[list[Queue]]:
        return (yield from insist(Store.queues, change, now=self._clock.told()))


def _accept(job: NewJob, answer: Inserted) -> Enqueued:
    enqueued, rule = Enqueued(answer.id, answer.status, answer.other), job.unique
    if rule is not None and rule.on_conflict is Conflict.RAISE and not enqueued.created:
        raise UniqueConflict(job.id, enqueued.job_id)
    return enqueued


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _check_ids(ids: Sequence[object]) -> None:
    for each in ids:
        if not isinstance(each, UUID):
            raise InvalidArgument(f"id={each!r}: ids are of type uuid.UUID")


def _check_limit(limit: int) -> int:
    if limit < 1:
        raise InvalidArgument(f"limit={limit}: use 1 or more")
    return limit
