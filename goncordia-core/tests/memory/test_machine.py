"""Any sequence of operations, against invariants stated without the lifecycle table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from uuid import UUID

from goncordia.actions import Acted, Amend, Cancel, Delete, Retry
from goncordia.answers import Filter, Finished, Inserted, Insertion, QueueChange
from goncordia.ids import uuid7
from goncordia.jobs import (
    ClaimedJob,
    Conflict,
    Hold,
    NewJob,
    Outcome,
    completed,
    failed,
    released,
    snoozed,
)
from goncordia.lifecycle import State
from goncordia.memory import Store, Tx
from goncordia.retention import RESEND_WINDOW, Retention
from goncordia.sessions import Claim, WorkerInfo
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from .making import NOW, TTL, error, fails_and_is_due, is_cancelled, is_discarded, key, new

QUEUES = ["a", "b"]
WAITS = ("available", "scheduled", "retryable")
ENDS = ("completed", "discarded", "cancelled")
MINUTE = timedelta(minutes=1)

spans = st.sampled_from([timedelta(seconds=s) for s in (-5, 0, 1, 30, 90)])
keys = st.none() | st.builds(
    key, st.sampled_from("xy"), st.sampled_from(list(Hold)), st.sampled_from(list(Conflict))
)
new_jobs = st.builds(
    new,
    queue=st.sampled_from(QUEUES),
    priority=st.integers(-1, 1),
    run_at=st.none() | spans,
    max_attempts=st.integers(1, 3),
    unique=keys,
)


def completes_and_goes_on(job: ClaimedJob) -> Outcome:
    return completed(job, follow_ups=[new("next", queue="a")])


def fails_for_a_while(job: ClaimedJob) -> Outcome:
    return failed(job, error(), timedelta(seconds=20))


def snoozes_for_a_while(job: ClaimedJob) -> Outcome:
    return snoozed(job, timedelta(seconds=5))


endings = st.sampled_from(
    [
        completed,
        completes_and_goes_on,
        fails_for_a_while,
        fails_and_is_due,
        is_discarded,
        is_cancelled,
        snoozes_for_a_while,
        released,
    ]
)


class Machine(RuleBasedStateMachine):
    """What a user would notice, kept in the plainest way."""

    jobs: Bundle[NewJob] = Bundle("jobs")
    claims: Bundle[ClaimedJob] = Bundle("claims")
    outcomes: Bundle[Outcome] = Bundle("outcomes")
    sessions: Bundle[UUID] = Bundle("sessions")

    def __init__(self) -> None:
        super().__init__()
        self.store = Store(retention=Retention(completed=MINUTE, cancelled=MINUTE))
        self.now = NOW
        self.alive: set[UUID] = set()
        self.dead: set[UUID] = set()
        self.exist: set[UUID] = set()
        self.holders: dict[UUID, UUID] = {}
        """Who runs a job, by its token."""
        self.ended: set[UUID] = set()
        self.paused: set[str] = set()
        self.tx: Tx | None = None
        self.block = ExitStack()
        self.staged: list[Callable[[], None]] = []
        self.locked: set[UUID] = set()

    # What is done

    @rule(target=jobs, some=st.lists(new_jobs, min_size=1, max_size=4))
    def insert(self, some):
        if self.tx is not None:
            return multiple()
        for job, answer in zip(some, self.store.insert(some, now=self.now), strict=True):
            self.inserted(job, answer)
        return multiple(*some)

    @rule(job=jobs)
    def resend_insert(self, job):
        if self.tx is not None:
            return
        [answer] = self.store.insert([job], now=self.now)
        assert (answer.status is Insertion.EXISTING) == (job.id in self.exist)
        if answer.status is not Insertion.EXISTING:
            self.inserted(job, answer)

    def inserted(self, job: NewJob, answer: Inserted) -> None:
        if answer.status is Insertion.SKIPPED:
            return
        assert answer.status is not Insertion.EXISTING
        self.exist.add(job.id)
        if answer.status is Insertion.REPLACED:
            assert answer.other is not None
            assert answer.other not in self.holders
            self.ended.add(answer.other)

    @rule(target=sessions)
    def join(self):
        session = self.store.join(WorkerInfo("w"), TTL, self.now).id
        self.alive.add(session)
        return session

    @rule(
        target=claims,
        session=sessions,
        wants=st.dictionaries(st.sampled_from(QUEUES), st.integers(1, 3), min_size=1),
    )
    def claim(self, session, wants):
        if session not in self.alive:
            return multiple()
        before = {row.id: row for row in self.rows()}
        claims = self.store.claim(Claim(uuid7(), session, wants), self.now)
        for queue, n in wants.items():
            due = [
                row
                for row in before.values()
                if row.queue == queue
                and queue not in self.paused
                and row.state.value == "available"
                and row.id not in self.locked
            ]
            due.sort(key=lambda row: (-row.priority, row.run_at, row.id))
            got = [job for job in claims.jobs if job.queue == queue]
            assert [job.id for job in got] == [row.id for row in due[:n]]
            assert claims.more or len(due) <= n
        for job in claims.jobs:
            assert job.id not in self.holders, "held by another"
            assert job.id not in self.ended, "ran after its end"
            assert job.attempt == before[job.id].attempt + 1 <= job.max_attempts
            self.holders[job.id] = job.token
        return multiple(*claims.jobs)

    @rule(target=outcomes, job=claims, ending=endings)
    def finish(self, job, ending):
        outcome = ending(job)
        self.finished(outcome)
        return outcome

    @rule(outcome=consumes(outcomes))
    def resend_finish(self, outcome):
        if self.holders.get(outcome.id) != outcome.token:
            before = self.rows()
            self.store.finish([outcome], now=self.now)
            assert self.rows() == before, "a resend or a stale token wrote"

    def finished(self, outcome):
        held = self.holders.get(outcome.id) == outcome.token
        [answer] = self.store.finish([outcome], now=self.now)
        if outcome.id in self.locked:
            assert answer is Finished.BUSY
        elif outcome.id not in self.exist:
            assert answer is Finished.GONE
        elif held:
            assert answer is Finished.DONE
            del self.holders[outcome.id]
            self.exist.update(job.id for job in outcome.follow_ups)
            if self.state(outcome.id) in ENDS:
                self.ended.add(outcome.id)

    @rule(session=sessions, known=st.sets(st.integers(0, 5)))
    def beat(self, session, known):
        held = [row.id for row in self.rows() if row.session == session]
        tokens = [self.holders[j] for i, j in enumerate(held) if i in known]
        answer = self.store.beat(session, tokens, self.now)
        assert answer.alive == (session in self.alive)
        self.drop_released(held)

    @rule(session=sessions)
    def leave(self, session):
        self.store.leave(session)
        self.alive.discard(session)
        self.dead.add(session)

    @rule(limit=st.integers(1, 3))
    def rescue(self, limit):
        held = {row.id: row.session for row in self.rows() if row.session is not None}
        progress = self.store.rescue(limit, now=self.now)
        living = {s.id for s in self.store.sessions() if s.alive}
        self.dead |= self.alive - living
        self.alive &= living
        taken = self.drop_released(held)
        assert progress.n == len(taken) <= limit
        assert all(held[j] not in living for j in taken), "a living worker's job was taken"
        left = {j for j in held if j in self.holders and held[j] in self.dead} - self.locked
        assert progress.more == bool(left)

    def drop_released(self, held):
        """Jobs that their sessions lost."""
        taken = [j for j in held if self.state(j) != "running"]
        for j in taken:
            del self.holders[j]
            if self.state(j) in ENDS:
                self.ended.add(j)
        return taken

    @rule(
        job=jobs,
        action=st.one_of(
            st.just(Cancel()),
            st.just(Delete()),
            st.builds(Retry, st.none() | spans),
            st.builds(Amend, st.none() | spans, st.none() | st.integers(-1, 1)),
        ),
    )
    def act(self, job, action):
        [before] = self.store.get([job.id], self.now)
        [answer] = self.store.act([job.id], action, self.now)
        [after] = self.store.get([job.id], self.now)
        if job.id in self.locked:
            assert answer is Acted.BUSY
        assert (before is None) == (answer is Acted.MISSING) or answer is Acted.BUSY
        if answer is not Acted.CHANGED:
            assert after == before or answer is Acted.REQUESTED
            return
        if after is None:
            self.exist.discard(job.id)
            self.ended.discard(job.id)
        elif after.state.value in ENDS:
            self.ended.add(job.id)
        else:
            self.ended.discard(job.id)
            assert after.attempt < after.max_attempts

    @rule(limit=st.integers(1, 3))
    def prune(self, limit):
        due = {r.id for r in self.rows() if r.expire_at is not None and r.expire_at <= self.now}
        due -= self.locked
        progress = self.store.prune(limit, self.now)
        gone = self.exist - {row.id for row in self.rows()}
        assert gone <= due
        assert len(gone) == progress.n == min(limit, len(due))
        assert progress.more == (len(due) > limit)
        self.exist -= gone
        self.ended -= gone

    @rule(queue=st.sampled_from(QUEUES), paused=st.booleans())
    def pause(self, queue, paused):
        self.store.queues(QueueChange(queue, paused), self.now)
        (self.paused.add if paused else self.paused.discard)(queue)

    @rule(span=st.sampled_from([timedelta(seconds=1), timedelta(seconds=20), MINUTE]))
    def time_passes(self, span):
        self.now += span

    @rule(some=st.lists(new_jobs, max_size=3), running=st.lists(claims, max_size=2))
    def begin(self, some, running):
        """Open a transaction that inserts and finishes; it stays open for a while."""
        if self.tx is not None:
            return
        before = self.rows()
        self.block = ExitStack()
        self.tx = self.block.enter_context(self.store.begin())
        self.staged = []
        for job, answer in zip(some, self.store.insert(some, self.tx, self.now), strict=True):
            self.staged.append(partial(self.inserted, job, answer))
            if answer.status is Insertion.REPLACED and answer.other is not None:
                self.locked |= {answer.other} & self.exist
        for job in running:
            held = self.holders.get(job.id) == job.token and job.id not in self.locked
            [answer] = self.store.finish([completed(job)], self.tx, self.now)
            if held:
                assert answer is Finished.DONE
                self.locked.add(job.id)
                self.staged.append(partial(self.completed, job))
        assert self.rows() == before, "an open transaction showed"

    def completed(self, job: ClaimedJob) -> None:
        del self.holders[job.id]
        self.ended.add(job.id)

    @rule(commits=st.booleans())
    def end(self, commits):
        if self.tx is None:
            return
        before = self.rows()
        if commits:
            self.block.close()
            self.locked.clear()
            for happened in self.staged:
                happened()
        else:
            failure = ZeroDivisionError()
            assert not self.block.__exit__(ZeroDivisionError, failure, None)
            assert self.rows() == before
        self.tx = None
        self.locked.clear()

    # What always holds

    def rows(self):
        return self.store.list(Filter(), limit=10_000, now=self.now).rows

    def state(self, id) -> str | None:
        [row] = self.store.get([id], self.now)
        return None if row is None else row.state.value

    @invariant()
    def nothing_is_lost_or_doubled(self):
        rows = self.rows()
        assert Counter(row.id for row in rows) == Counter(self.exist)
        assert self.store.get([row.id for row in rows], self.now) == rows

    @invariant()
    def a_job_is_in_one_state_and_counted_there(self):
        rows = self.rows()
        for state in State:
            found = self.store.list(Filter(states=(state,)), limit=10_000, now=self.now).rows
            assert found == [row for row in rows if row.state is state]
        counted = {(c.queue, c.state): c.n for c in self.store.stats((), self.now)}
        assert counted == Counter((row.queue, row.state) for row in rows)
        assert self.store.kinds() == sorted({r.kind for r in rows if r.state.value in WAITS})

    @invariant()
    def a_job_runs_if_and_only_if_one_claim_holds_it(self):
        running = {row.id for row in self.rows() if row.state.value == "running"}
        assert running == set(self.holders)
        assert running == {row.id for row in self.rows() if row.session is not None}

    @invariant()
    def ended_jobs_stay_ended_and_expire(self):
        for row in self.rows():
            ended = row.state.value in ENDS
            assert ended == (row.id in self.ended)
            assert ended == (row.expire_at is not None) == (row.finished_at is not None)
            if row.expire_at is not None and row.finished_at is not None:
                assert row.expire_at >= row.finished_at + RESEND_WINDOW

    @invariant()
    def attempts_stay_within_their_limit(self):
        for row in self.rows():
            assert 0 <= row.attempt <= row.max_attempts
            if row.state.value in WAITS:
                assert row.attempt < row.max_attempts

    @invariant()
    def a_key_has_one_living_job(self):
        living = Counter(
            row.unique.key
            for row in self.rows()
            if row.unique is not None and row.state.value not in ENDS
        )
        assert all(n == 1 for n in living.values())

    @invariant()
    def waiting_is_what_the_time_says(self):
        for row in self.rows():
            if row.state.value in ("scheduled", "retryable"):
                assert row.run_at > self.now


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestMachine = Machine.TestCase
