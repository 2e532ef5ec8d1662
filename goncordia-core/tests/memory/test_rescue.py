"""Beats, leaving, and what happens to the jobs of dead sessions."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from goncordia.actions import Cancel
from goncordia.answers import Finished, Progress
from goncordia.ids import uuid7
from goncordia.jobs import ClaimedJob, completed
from goncordia.lifecycle import State
from goncordia.memory import Store
from goncordia.retention import RESEND_WINDOW
from goncordia.sessions import Beat

from .making import NOW, TTL, Worker, at, key, new, row_of

SILENT = TTL.total_seconds()


def held(n: int = 1, **fields) -> tuple[Store, Worker, list[ClaimedJob]]:
    store = Store()
    store.insert([new(**fields) for _ in range(n)], now=NOW)
    worker = Worker(store)
    return store, worker, worker.take(n)


def states(store: Store, jobs, now=NOW) -> list[State]:
    return [row_of(store, job.id, now).state for job in jobs]


def test_a_beating_session_keeps_its_jobs():
    store, worker, jobs = held()
    tokens = [jobs[0].token]
    for beat in (50, 100, 150):
        assert store.beat(worker.session, tokens, at(beat)) == Beat(alive=True)
        assert store.rescue(10, now=at(beat + 50)) == Progress(0)
    assert states(store, jobs) == [State.RUNNING]


def test_a_silent_session_is_declared_dead_and_its_jobs_are_backed_off():
    store, worker, jobs = held()
    assert store.rescue(10, now=at(SILENT - 1)) == Progress(0)
    assert store.rescue(10, now=at(SILENT)) == Progress(1)
    row = row_of(store, jobs[0].id, at(SILENT))
    assert (row.state, row.attempt, row.session) == (State.RETRYABLE, 1, None)
    assert row.run_at > at(SILENT)
    assert [e.type for e in row.errors] == ["WorkerLost"]
    assert store.beat(worker.session, [], at(SILENT)) == Beat(alive=False)
    assert store.finish([completed(jobs[0])], now=at(SILENT)) == [Finished.LOST]


def test_nobody_is_dead_for_an_observer_who_was_away_himself():
    store, _, _ = held()
    assert store.rescue(10, observed=timedelta(seconds=5), now=at(3600)) == Progress(0)
    assert store.rescue(10, observed=TTL, now=at(3600)) == Progress(1)


def test_a_late_beat_revives_a_session_that_nobody_declared_dead():
    store, worker, jobs = held()
    assert store.beat(worker.session, [jobs[0].token], at(3600)) == Beat(alive=True)
    assert store.rescue(10, now=at(3601)) == Progress(0)


def test_spent_attempts_end_the_job_that_kills_its_workers():
    store, worker, jobs = held(max_attempts=1)
    store.leave(worker.session)
    assert store.rescue(10, now=NOW) == Progress(1)
    assert states(store, jobs) == [State.DISCARDED]


def test_asked_to_stop_and_its_worker_dead_it_is_cancelled():
    store, worker, jobs = held()
    store.act([jobs[0].id], Cancel(), NOW)
    store.leave(worker.session)
    store.rescue(10, now=NOW)
    row = row_of(store, jobs[0].id, NOW)
    assert (row.state, row.errors[0].type) == (State.CANCELLED, "WorkerLost")


def test_an_ended_job_frees_its_key_when_rescued():
    store, worker, _ = held(max_attempts=1, unique=key("one"))
    store.leave(worker.session)
    store.rescue(10, now=NOW)
    assert store.insert([new(unique=key("one"))], now=NOW)[0].status == "created"


def test_rescue_is_bounded_and_says_whether_there_is_more():
    store, worker, jobs = held(5)
    store.leave(worker.session)
    assert store.rescue(2, now=NOW) == Progress(2, more=True)
    assert store.rescue(3, now=NOW) == Progress(3, more=False)
    assert store.rescue(3, now=NOW) == Progress(0, more=False)
    assert set(states(store, jobs)) == {State.RETRYABLE}


def test_leaving_is_dying_at_once():
    store, worker, jobs = held()
    store.leave(worker.session)
    store.leave(uuid4())
    assert store.beat(worker.session, [jobs[0].token], NOW) == Beat(alive=False)
    assert store.rescue(10, now=NOW) == Progress(1)


def test_who_leaves_may_still_finish_until_rescued():
    store, worker, jobs = held()
    store.leave(worker.session)
    assert store.finish([completed(jobs[0])], now=NOW) == [Finished.DONE]
    assert store.sessions() == []


def test_sessions_are_shown_while_they_live_or_hold_jobs():
    store, worker, _ = held()
    other = Worker(store, at(1))
    assert [(s.id, s.alive) for s in store.sessions()] == [
        (worker.session, True),
        (other.session, True),
    ]
    store.leave(worker.session)
    store.leave(other.session)
    assert [(s.id, s.alive) for s in store.sessions()] == [(worker.session, False)]
    store.rescue(10, now=NOW)
    assert store.sessions() == []


def test_beat_names_the_jobs_that_are_to_stop():
    store, worker, jobs = held(3)
    store.act([jobs[1].id], Cancel(), NOW)
    assert store.beat(worker.session, [jobs[0].token], NOW).cancels == (jobs[1].id,)
    store.finish([completed(jobs[1])], now=NOW)
    assert store.beat(worker.session, [jobs[0].token], NOW).cancels == ()


def test_beat_gives_back_old_claims_that_the_process_does_not_know():
    store = Store()
    store.insert([new() for _ in range(3)], now=NOW)
    worker = Worker(store)
    forgotten = worker.claim(2, token=uuid7()).jobs
    known = worker.take(now=NOW)
    tokens = [known[0].token]
    just = NOW + RESEND_WINDOW
    store.beat(worker.session, tokens, just)
    assert states(store, forgotten) == [State.RUNNING] * 2
    store.beat(worker.session, tokens, just + timedelta(microseconds=1))
    assert states(store, forgotten) == [State.AVAILABLE] * 2
    assert states(store, known) == [State.RUNNING]
    assert [row_of(store, job.id).attempt for job in forgotten] == [0, 0]
    assert store.finish([completed(forgotten[0])], now=just) == [Finished.LOST]


def test_beat_cancels_an_unknown_claim_that_was_asked_to_stop():
    store, worker, jobs = held()
    store.act([jobs[0].id], Cancel(), NOW)
    store.beat(worker.session, [], NOW + 2 * RESEND_WINDOW)
    assert states(store, jobs) == [State.CANCELLED]


def test_rescue_leaves_the_mark_of_an_earlier_finish():
    from goncordia.jobs import released

    store, worker, [job] = held()
    store.finish([released(job)], now=NOW)
    worker.take()
    store.leave(worker.session)
    store.rescue(1, now=NOW)
    assert store.finish([released(job)], now=NOW) == [Finished.DONE]


def test_a_job_that_a_resent_claim_took_is_kept_for_its_own_resend_window():
    store = Store()
    worker, token = Worker(store), uuid7()
    early, late = new(), new()
    store.insert([early], now=NOW)
    worker.claim(2, token=token)
    store.insert([late], now=at(50))
    worker.claim(2, now=at(50), token=token, resend=True)
    store.beat(worker.session, [], at(61))
    states = [row.state.value for row in store.get([early.id, late.id], at(61)) if row]
    assert states == ["available", "running"]
    store.beat(worker.session, [], at(111))
    [row] = store.get([late.id], at(111))
    assert row is not None
    assert row.state.value == "available"
