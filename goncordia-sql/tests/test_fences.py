"""What a token may do, what a resent call answers, who holds a key: case by case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from goncordia.actions import Acted, Cancel, Delete, Retry
from goncordia.answers import Cas, Filter, Finished, Inserted, Insertion, Queue, QueueChange
from goncordia.errors import InvalidArgument, SessionLost
from goncordia.ids import uuid7
from goncordia.jobs import (
    AttemptError,
    ClaimedJob,
    Conflict,
    Hold,
    JobRow,
    NewJob,
    UniqueKey,
    completed,
    failed,
    released,
    snoozed,
)
from goncordia.lifecycle import State
from goncordia.retention import RESEND_WINDOW
from goncordia.sessions import Claim, Session, WorkerInfo
from goncordia_sql.sqlite import SqliteDriver

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
ERROR = AttemptError(1, NOW, "ValueError", "no")


def job(**options) -> NewJob:
    return NewJob(uuid7(), "k", b"{}", **options)


async def join(driver: SqliteDriver, now: datetime = NOW) -> Session:
    return await driver.join(WorkerInfo("w"), MINUTE, now=now)


async def take(driver: SqliteDriver, n: int = 1, now: datetime = NOW) -> list[ClaimedJob]:
    session = await join(driver, now)
    claims = await driver.claim(Claim(uuid7(), session.id, {"default": n}), now=now)
    return claims.jobs


async def row(driver: SqliteDriver, job: NewJob | ClaimedJob, now: datetime = NOW) -> JobRow:
    found = (await driver.get([job.id], now=now))[0]
    assert found is not None
    return found


async def test_an_old_token_changes_nothing(driver: SqliteDriver) -> None:
    await driver.insert([job()], now=NOW)
    (old,) = await take(driver)
    await driver.rescue(10, now=NOW + 2 * MINUTE)
    later = NOW + 10 * MINUTE
    (new,) = await take(driver, now=later)
    assert new.id == old.id
    before = await row(driver, new, later)
    for outcome in (
        completed(old),
        completed(old, b"1"),
        failed(old, ERROR, SECOND),
        released(old),
    ):
        assert await driver.finish([outcome], now=later) == [Finished.LOST]
    assert await row(driver, new, later) == before
    assert await driver.finish([completed(new)], now=later) == [Finished.DONE]


async def test_a_batch_is_answered_outcome_by_outcome(driver: SqliteDriver) -> None:
    await driver.insert([job() for _ in range(4)], now=NOW)
    done, lost, gone, kept = await take(driver, 4)
    await driver.finish([completed(gone)], now=NOW)
    await driver.act([gone.id], Delete(), now=NOW)
    stale = msgspec.structs.replace(lost, token=uuid7())
    for outcomes in (
        [completed(gone), completed(stale), completed(done)],
        [completed(stale), completed(kept, b"1"), completed(gone), completed(done)],
    ):
        answers = await driver.finish(outcomes, now=NOW)
        expected = {gone.id: Finished.GONE, lost.id: Finished.LOST}
        assert answers == [expected.get(o.id, Finished.DONE) for o in outcomes]
    assert (await row(driver, lost)).state is State.RUNNING
    assert (await row(driver, kept)).result == b"1"


async def test_a_resent_outcome_is_done_once(driver: SqliteDriver) -> None:
    await driver.insert([job()], now=NOW)
    (first,) = await take(driver)
    outcome = failed(first, ERROR, SECOND)
    assert await driver.finish([outcome], now=NOW) == [Finished.DONE]
    assert await driver.finish([outcome], now=NOW) == [Finished.DONE]
    assert len((await row(driver, first)).errors) == 1
    assert await driver.finish([completed(first)], now=NOW) == [Finished.LOST], "another outcome"
    later = NOW + MINUTE
    (second,) = await take(driver, now=later)
    assert await driver.finish([outcome], now=later) == [Finished.DONE], "it was recorded"
    assert (await row(driver, second, later)).state is State.RUNNING
    assert await driver.finish([completed(second)], now=later) == [Finished.DONE]
    await driver.act([first.id], Retry(), now=later)
    assert await driver.finish([completed(second)], now=later) == [Finished.LOST], "retried since"


async def test_follow_ups_are_inserted_once(driver: SqliteDriver) -> None:
    await driver.insert([job()], now=NOW)
    (first,) = await take(driver)
    after = job()
    outcome = completed(first, follow_ups=[after])
    assert await driver.finish([outcome], now=NOW) == [Finished.DONE]
    assert (await row(driver, after)).state is State.AVAILABLE
    await driver.act([after.id], Delete(), now=NOW)
    assert await driver.finish([outcome], now=NOW) == [Finished.DONE]
    assert await driver.get([after.id]) == [None], "a resent outcome brings nothing back"


async def test_a_snooze_is_at_least_a_second(driver: SqliteDriver) -> None:
    await driver.insert([job()], now=NOW)
    (first,) = await take(driver)
    await driver.finish([snoozed(first, timedelta(0))], now=NOW)
    found = await row(driver, first)
    assert (found.run_at, found.attempt, found.snoozes) == (NOW + SECOND, 0, 1)


async def test_a_resent_insert_answers_existing(driver: SqliteDriver) -> None:
    jobs = [job() for _ in range(5)]
    await driver.insert(jobs[:3], now=NOW)
    answers = await driver.insert(jobs, now=NOW + SECOND)
    assert [a.status for a in answers] == [Insertion.EXISTING] * 3 + [Insertion.CREATED] * 2
    assert (await row(driver, jobs[0])).created_at == NOW
    assert await driver.insert(jobs[:1]) == [Inserted(jobs[0].id, Insertion.EXISTING)]


async def test_an_id_twice_in_a_batch_is_the_first_of_them(driver: SqliteDriver) -> None:
    key = UniqueKey(b"k" * 32)
    await driver.insert([job(unique=key)], now=NOW)
    first, again, other = job(priority=5), job(priority=7), job()
    again.id = first.id
    skipped, then = job(unique=key), job(priority=9)
    then.id = skipped.id
    answers = await driver.insert([first, again, skipped, then, other], now=NOW)
    assert [a.status.value for a in answers] == [
        "created", "existing", "skipped", "created", "created",
    ]  # fmt: skip
    assert (await row(driver, first)).priority == 5
    assert (await row(driver, then)).priority == 9


async def test_a_resent_claim_gives_back_what_it_took(driver: SqliteDriver) -> None:
    await driver.insert([job() for _ in range(5)], now=NOW)
    session = await join(driver)
    request = Claim(uuid7(), session.id, {"default": 3})
    first = await driver.claim(request, now=NOW)
    again = msgspec.structs.replace(request, resend=True)
    assert await driver.claim(again, now=NOW) == first
    more = msgspec.structs.replace(again, wants={"default": 4})
    assert len((await driver.claim(more, now=NOW)).jobs) == 4
    await driver.leave(session.id, now=NOW)
    for claim in (request, again, Claim(uuid7(), session.id, {}), Claim(uuid7(), uuid7(), {})):
        with pytest.raises(SessionLost, match="join again"):
            await driver.claim(claim, now=NOW)


async def test_a_beat_gives_back_what_its_worker_does_not_know(driver: SqliteDriver) -> None:
    await driver.insert([job(), job()], now=NOW)
    session = await join(driver)
    known, unknown = [
        (await driver.claim(Claim(uuid7(), session.id, {"default": 1}), now=NOW)).jobs[0]
        for _ in range(2)
    ]
    await driver.act([known.id], Cancel(), now=NOW)
    inside = await driver.beat(session.id, [known.token], now=NOW + RESEND_WINDOW)
    assert inside.cancels == (known.id,)
    assert (await row(driver, unknown)).state is State.RUNNING
    after = NOW + RESEND_WINDOW + timedelta(microseconds=1)
    await driver.beat(session.id, [known.token], now=after)
    found = await row(driver, unknown)
    assert (found.state, found.attempt) == (State.AVAILABLE, 0)
    assert (await row(driver, known)).state is State.RUNNING


async def test_nobody_is_declared_dead_by_who_watched_too_short(driver: SqliteDriver) -> None:
    await driver.insert([job()], now=NOW)
    await take(driver)
    later = NOW + 10 * MINUTE
    assert (await driver.rescue(9, observed=59 * SECOND, now=later)).n == 0
    assert (await driver.rescue(9, observed=60 * SECOND, now=later)).n == 1
    assert await driver.sessions() == [], "dead, and holds nothing"


async def test_rescue_and_prune_go_on_where_their_limit_ended(driver: SqliteDriver) -> None:
    await driver.insert([job(queue=q) for q in ("a", "b", "b", "default", "default")], now=NOW)
    session = await join(driver)
    await driver.claim(Claim(uuid7(), session.id, {"a": 9, "b": 9, "default": 9}), now=NOW)
    later = NOW + 2 * MINUTE
    found = [await driver.rescue(2, now=later) for _ in range(3)]
    assert [(p.n, p.more) for p in found] == [(2, True), (2, True), (1, False)]
    rows = (await driver.list(Filter())).rows
    await driver.act([r.id for r in rows], Cancel(), now=later)
    late = later + timedelta(days=2)
    pruned = [await driver.prune(2, now=late) for _ in range(4)]
    assert [(p.n, p.more) for p in pruned] == [(2, True), (2, True), (1, False), (0, False)]
    assert [queue.name for queue in await driver.queues()] == ["a", "b", "default"]


@pytest.mark.parametrize("hold", Hold)
async def test_for_how_long_a_key_is_held(driver: SqliteDriver, hold: Hold) -> None:
    key = UniqueKey(b"k" * 32, hold)
    holder = job(unique=key)
    await driver.insert([holder], now=NOW)
    await driver.act([holder.id], Cancel(), now=NOW)
    ended = (await driver.insert([job(unique=key)], now=NOW))[0]
    assert (ended.status is Insertion.CREATED) == (hold is Hold.LIVE)
    if hold is not Hold.LIVE:
        await driver.act([holder.id], Delete(), now=NOW)
        gone = (await driver.insert([job(unique=key)], now=NOW))[0]
        assert (gone.status is Insertion.CREATED) == (hold is Hold.KEPT)


async def test_a_key_kept_for_ever_replaces_nobody(driver: SqliteDriver) -> None:
    key = UniqueKey(b"k" * 32, Hold.FOREVER, Conflict.REPLACE)
    holder = job(unique=key)
    await driver.insert([holder], now=NOW)
    await driver.act([holder.id], Delete(), now=NOW)
    bystander = job()
    bystander.id = holder.id
    await driver.insert([bystander], now=NOW)
    answer = (await driver.insert([job(unique=key)], now=NOW))[0]
    assert (answer.status, answer.other) == (Insertion.SKIPPED, holder.id)
    assert (await row(driver, bystander)).state is State.AVAILABLE


async def test_a_running_holder_is_not_replaced(driver: SqliteDriver) -> None:
    key = UniqueKey(b"k" * 32, on_conflict=Conflict.REPLACE)
    first, second, third = (job(unique=key) for _ in range(3))
    await driver.insert([first], now=NOW)
    answer = (await driver.insert([second], now=NOW))[0]
    assert (answer.status, answer.other) == (Insertion.REPLACED, first.id)
    assert (await row(driver, first)).state is State.CANCELLED
    await take(driver)
    answer = (await driver.insert([third], now=NOW))[0]
    assert (answer.status, answer.other) == (Insertion.SKIPPED, second.id)
    assert await driver.act([first.id], Retry(), now=NOW) == [Acted.CONFLICT]


async def test_a_naive_time_is_refused_and_nothing_written(driver: SqliteDriver) -> None:
    with pytest.raises(InvalidArgument, match="time zone"):
        await driver.insert([job(), job(run_at=datetime(2026, 1, 1))])
    assert await driver.stats() == []


async def test_clocks_that_step_back_hide_no_job(driver: SqliteDriver) -> None:
    wanted = job()
    await driver.insert([wanted], now=NOW)
    (taken,) = await take(driver, now=NOW - timedelta(hours=1))
    assert taken.id == wanted.id


async def test_a_queue_keeps_the_time_of_its_first_pause(driver: SqliteDriver) -> None:
    await driver.insert([job()], now=NOW)
    for seconds in (0, 5):
        now = NOW + seconds * SECOND
        assert await driver.queues(QueueChange("default", True), now=now) == [Queue("default", NOW)]
    assert await take(driver) == []
    assert await driver.queues(QueueChange("default", False), now=NOW) == [Queue("default")]
    assert len(await take(driver)) == 1


async def test_a_value_is_set_by_who_knows_it_until_it_expires(driver: SqliteDriver) -> None:
    async def swap(expected: bytes | None, value: bytes | None, seconds: int) -> Cas:
        now = NOW + seconds * SECOND
        return await driver.compare_and_set("k", expected, value, ttl=10 * SECOND, now=now)

    assert await swap(None, b"a", 0) == Cas(True, b"a")
    assert await swap(None, b"b", 9) == Cas(False, b"a")
    assert await swap(b"a", b"a", 9) == Cas(True, b"a")
    assert await swap(b"x", b"b", 18) == Cas(False, b"a")
    assert await swap(b"a", b"b", 19) == Cas(False, None), "expired"
    assert await swap(None, b"b", 19) == Cas(True, b"b")
    assert await swap(b"b", None, 20) == Cas(True, None)
    assert await swap(None, b"c", 20) == Cas(True, b"c")
