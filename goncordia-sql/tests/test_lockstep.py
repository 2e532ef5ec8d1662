"""SQLite in lockstep with the memory driver: the same calls, the same answers, the same state."""

from __future__ import annotations

import random
import sqlite3
import tempfile
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

import msgspec
import pytest
from anyio.from_thread import start_blocking_portal
from goncordia.actions import Amend, Cancel, Delete, Retry
from goncordia.answers import Filter, QueueChange
from goncordia.errors import SessionLost
from goncordia.ids import uuid7_of
from goncordia.jobs import (
    AttemptError,
    ClaimedJob,
    Conflict,
    Hold,
    NewJob,
    Outcome,
    UniqueKey,
    cancelled,
    completed,
    discarded,
    failed,
    released,
    snoozed,
)
from goncordia.lifecycle import State
from goncordia.memory import MemoryDriver
from goncordia.sessions import Claim, WorkerInfo
from goncordia_sql.sqlite import SqliteDriver, SyncSqliteDriver
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
QUEUES = ["a", "b"]
TTL = timedelta(seconds=60)

spans = st.sampled_from([timedelta(seconds=n) for n in (0, 1, 2, 30, 3600)])
times = st.one_of(
    st.none(), spans, st.sampled_from([START + timedelta(seconds=n) for n in (5, 90)])
)
keys = st.one_of(
    st.none(),
    st.none(),
    st.builds(
        UniqueKey,
        st.sampled_from([b"x" * 32, b"y" * 32]),
        st.sampled_from(Hold),
        st.sampled_from(Conflict),
    ),
)
filters = st.builds(
    Filter,
    states=st.lists(st.sampled_from(State), max_size=2, unique=True).map(tuple),
    kinds=st.sampled_from([(), ("k1",), ("k1", "k2")]),
    queues=st.sampled_from([(), ("a",), ("a", "b")]),
    tags=st.sampled_from([(), ("t1",), ("t1", "t2")]),
)
actions = st.one_of(
    st.just(Cancel()),
    st.just(Delete()),
    st.builds(Retry, times),
    st.builds(Amend, times, st.sampled_from([None, -3, 0, 9])),
)


class Lockstep(RuleBasedStateMachine):
    backend = "asyncio"

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.now = START
        self.serial = 0
        self.ids: list[UUID] = []
        self.claimed: list[ClaimedJob] = []
        self.claims: list[Claim] = []
        self.outcomes: list[Outcome] = []
        self.sessions: dict[UUID, UUID] = {}
        """Ours to memory's."""
        self.values: set[str] = set()

    @initialize()
    def open(self) -> None:
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        path = Path(folder) / "jobs.db"
        portal = self.stack.enter_context(start_blocking_portal(self.backend))
        self.call = portal.call
        driver = SqliteDriver(path, synchronous="NORMAL")
        self.sqlite = self.stack.enter_context(portal.wrap_async_context_manager(driver))
        self.call(driver.migrate)
        self.sync = self.stack.enter_context(SyncSqliteDriver(path, synchronous="NORMAL"))
        self.memory = MemoryDriver()
        self.model = self.memory.sync()
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.stack.callback(self.connection.close)
        self.stack.enter_context(patch.object(random, "random", lambda: 0.5))

    def teardown(self) -> None:
        self.stack.close()

    def both(self, name: str, *args, sync: bool = False, **kwargs):
        """Ask both; the answer, which is the same."""
        ask = partial(getattr(self.memory, name), *args, now=self.now, **kwargs)
        expected = self.call(ask)
        if sync:
            answer = getattr(self.sync, name)(*args, now=self.now, **kwargs)
        else:
            answer = self.call(partial(getattr(self.sqlite, name), *args, now=self.now, **kwargs))
        assert answer == expected
        return answer

    def in_transaction(self, name: str, items: list[Any], commit: bool):
        expected = None
        with suppress(Undo), self.memory.store.begin() as tx:
            expected = getattr(self.memory.store, name)(items, tx=tx, now=self.now)
            if not commit:
                raise Undo
        self.connection.execute("BEGIN IMMEDIATE")
        answer = getattr(self.sync, name)(items, tx=self.connection, now=self.now)
        self.connection.execute("COMMIT" if commit else "ROLLBACK")
        assert answer == expected

    def job(self, draw: st.DataObject) -> NewJob:
        there = [row.id for row in self.model.get(self.ids) if row]
        if there and draw.draw(st.integers(0, 9)) == 0:
            known = draw.draw(st.sampled_from(there))
        else:
            self.serial += 1
            known = uuid7_of(START + timedelta(milliseconds=self.serial % 7), b"%d" % self.serial)
            self.ids.append(known)
        return NewJob(
            known,
            draw.draw(st.sampled_from(["k1", "k2"])),
            draw.draw(st.sampled_from([b"{}", b'{"a":1}', b"\x00\xff"])),
            queue=draw.draw(st.sampled_from(QUEUES)),
            priority=draw.draw(st.sampled_from([0, 0, 5, -7])),
            run_at=draw.draw(times),
            max_attempts=draw.draw(st.sampled_from([1, 2, 25])),
            unique=draw.draw(keys),
            tags=draw.draw(st.sampled_from([(), ("t1",), ("t1", "t2")])),
            meta=draw.draw(st.sampled_from([b"", b'{"m":1}'])),
        )

    @rule(data=st.data(), how=st.sampled_from(["async", "sync", "commit", "roll back"]))
    def insert(self, data: st.DataObject, how: str) -> None:
        jobs = [self.job(data) for _ in range(data.draw(st.integers(1, 4)))]
        if how in ("async", "sync"):
            self.both("insert", jobs, sync=how == "sync")
        else:
            self.in_transaction("insert", jobs, how == "commit")

    @rule(seconds=st.sampled_from([0.5, 1, 5, 59, 61, 3600, 90_000, 700_000, -3]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def join(self) -> None:
        worker = WorkerInfo(f"w{len(self.sessions)}", ("a",), ("k1",), 3)
        ours = self.call(partial(self.sqlite.join, worker, TTL, now=self.now))
        theirs = self.call(partial(self.memory.join, worker, TTL, now=self.now))
        self.sessions[ours.id] = theirs.id

    def claim_both(self, claim: Claim) -> None:
        theirs = msgspec.structs.replace(claim, session=self.sessions[claim.session])
        try:
            expected = self.call(partial(self.memory.claim, theirs, now=self.now))
        except SessionLost:
            with pytest.raises(SessionLost):
                self.call(partial(self.sqlite.claim, claim, now=self.now))
            return
        answer = self.call(partial(self.sqlite.claim, claim, now=self.now))
        if claim.resend:  # memory gives what is held in the order in which it was taken
            expected.jobs.sort(key=lambda job: (-job.priority, job.run_at, job.id))
        by_queue = [sorted(c.jobs, key=lambda job: job.queue) for c in (answer, expected)]
        assert by_queue[0] == by_queue[1]
        assert (answer.more, answer.next_due_in) == (expected.more, expected.next_due_in)
        known = {(job.id, job.token) for job in self.claimed}
        self.claimed += [job for job in answer.jobs if (job.id, job.token) not in known]

    @precondition(lambda self: self.sessions)
    @rule(data=st.data(), wants=st.dictionaries(st.sampled_from(QUEUES), st.integers(0, 5)))
    def claim(self, data: st.DataObject, wants: dict[str, int]) -> None:
        session = data.draw(st.sampled_from(list(self.sessions)))
        self.serial += 1
        claim = Claim(uuid7_of(START, b"t%d" % self.serial), session, wants)
        self.claims.append(claim)
        self.claim_both(claim)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def claim_again(self, data: st.DataObject) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        self.claim_both(msgspec.structs.replace(claim, resend=True))

    def outcome(self, data: st.DataObject) -> Outcome:
        job = data.draw(st.sampled_from(self.claimed))
        error = AttemptError(job.attempt, self.now, "ValueError", "no", "line 1")
        return data.draw(
            st.one_of(
                st.just(completed(job)),
                st.just(completed(job, b"1")),
                st.builds(completed, st.just(job), error=st.just(error)),
                st.builds(failed, st.just(job), st.just(error), spans),
                st.just(discarded(job, error)),
                st.just(cancelled(job, error)),
                st.builds(snoozed, st.just(job), spans),
                st.just(released(job)),
            )
        )

    @precondition(lambda self: self.claimed)
    @rule(data=st.data(), how=st.sampled_from(["async", "sync", "commit", "roll back"]))
    def finish(self, data: st.DataObject, how: str) -> None:
        outcomes = [self.outcome(data) for _ in range(data.draw(st.integers(1, 4)))]
        if data.draw(st.integers(0, 4)) == 0:
            outcomes[0].follow_ups = (self.job(data),)
        self.outcomes += outcomes
        if how in ("async", "sync"):
            self.both("finish", outcomes, sync=how == "sync")
        else:
            self.in_transaction("finish", outcomes, how == "commit")

    @precondition(lambda self: self.outcomes)
    @rule(data=st.data())
    def finish_again(self, data: st.DataObject) -> None:
        outcome = data.draw(st.sampled_from(self.outcomes))
        self.both("finish", [outcome])

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def beat(self, data: st.DataObject) -> None:
        session = data.draw(st.sampled_from(list(self.sessions)))
        tokens = [c.token for c in self.claims if data.draw(st.booleans())]
        ours = self.call(partial(self.sqlite.beat, session, tokens, now=self.now))
        theirs = self.call(partial(self.memory.beat, self.sessions[session], tokens, now=self.now))
        assert (ours.alive, sorted(ours.cancels)) == (theirs.alive, sorted(theirs.cancels))

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        session = data.draw(st.sampled_from(list(self.sessions)))
        self.call(partial(self.sqlite.leave, session, now=self.now))
        self.call(partial(self.memory.leave, self.sessions[session], now=self.now))

    @rule(observed=st.sampled_from([None, None, timedelta(seconds=10), timedelta(seconds=60)]))
    def rescue(self, observed: timedelta | None) -> None:
        self.both("rescue", 100, observed=observed)

    @rule(sync=st.booleans())
    def prune(self, sync: bool) -> None:
        self.both("prune", 100, sync=sync)

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), action=actions, sync=st.booleans())
    def act(self, data: st.DataObject, action, sync: bool) -> None:
        ids = data.draw(st.lists(st.sampled_from(self.ids), min_size=1, max_size=3))
        self.both("act", ids, action, sync=sync)

    @rule(queue=st.sampled_from(QUEUES), paused=st.booleans(), sync=st.booleans())
    def pause(self, queue: str, paused: bool, sync: bool) -> None:
        self.both("queues", QueueChange(queue, paused), sync=sync)

    @rule(data=st.data(), ttl=st.sampled_from([None, timedelta(seconds=30)]))
    def compare_and_set(self, data: st.DataObject, ttl: timedelta | None) -> None:
        some = st.sampled_from([None, b"1", b"2"])
        self.both("compare_and_set", "k", data.draw(some), data.draw(some), ttl=ttl)

    @rule(where=filters, limit=st.integers(1, 4), sync=st.booleans())
    def pages(self, where: Filter, limit: int, sync: bool) -> None:
        cursor, shown = None, []
        while True:
            page = self.listed(where, cursor, limit, sync)
            shown += [row.id for row in page.rows]
            cursor = page.cursor
            if cursor is None:
                break
        assert len(set(shown)) == len(shown)

    def listed(self, where: Filter, cursor: str | None, limit: int, sync: bool):
        kwargs: dict[str, Any] = {"cursor": cursor, "limit": limit, "now": self.now}
        expected = self.model.list(where, **kwargs)
        if sync:
            page = self.sync.list(where, **kwargs)
        else:
            page = self.call(partial(self.sqlite.list, where, **kwargs))
        assert [row.id for row in page.rows] == [row.id for row in expected.rows]
        assert page.cursor == expected.cursor
        return page

    @invariant()
    def the_same_state(self) -> None:
        if not hasattr(self, "sqlite"):
            return
        expected = self.model.get(self.ids, now=self.now)
        rows = self.sync.get(self.ids, now=self.now)
        for row in rows:
            if row is not None and row.session is not None:
                row.session = self.sessions[row.session]
        assert rows == expected
        ours, theirs = self.sync.stats(now=self.now), self.model.stats(now=self.now)
        assert {(c.queue, c.state, c.n) for c in ours} == {(c.queue, c.state, c.n) for c in theirs}
        assert self.sync.queues(now=self.now) == self.model.queues(now=self.now)
        seen = [msgspec.structs.replace(s, id=self.sessions[s.id]) for s in self.sync.sessions()]
        assert sorted(seen, key=lambda s: s.id) == sorted(self.model.sessions(), key=lambda s: s.id)
        assert self.call(self.sqlite.kinds) == self.call(self.memory.kinds)


class Undo(Exception):
    pass


@pytest.mark.parametrize(("backend", "examples"), [("asyncio", 40), ("trio", 15)])
def test_sqlite_does_what_memory_does(backend: str, examples: int) -> None:
    machine = type("Machine", (Lockstep,), {"backend": backend})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
