"""Whatever limits and weights a pool has: they hold at every moment, and every job ends, once."""

from __future__ import annotations

from collections import Counter

import pytest
from goncordia import Args, Client, Enqueue, Job, Registry, State, worker_pool
from goncordia.memory import MemoryDriver
from goncordia.pool.limits import LATEST, SOONEST, Places
from goncordia.testing import MockClock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


class One(Args, kind="one", queue="a"):
    waits: int = 0


class Two(Args, kind="two", queue="b"):
    waits: int = 0


class Three(Args, kind="three", queue="b"):
    waits: int = 0


KINDS, QUEUES = {"one": One, "two": Two, "three": Three}, ["a", "b", "c"]
limits = st.integers(1, 3)
crowds = st.lists(
    st.builds(
        Enqueue,
        st.one_of([st.builds(kind, st.integers(0, 5)) for kind in KINDS.values()]),
        queue=st.none() | st.sampled_from(QUEUES),
    ),
    max_size=25,
)


@pytest.mark.anyio
@given(
    crowd=crowds,
    concurrency=st.integers(1, 6),
    weights=st.dictionaries(st.sampled_from(QUEUES), st.integers(1, 9)),
    queue_limits=st.dictionaries(st.sampled_from(QUEUES), limits),
    kind_limits=st.dictionaries(st.sampled_from(list(KINDS)), limits),
)
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_they_hold_and_every_job_ends(
    anyio_backend, crowd, concurrency, weights, queue_limits, kind_limits
):
    driver, jobs, clock, here = MemoryDriver(), Registry(), MockClock(), Counter()
    client = Client(driver, clock=clock)

    async def handler(job: Job[One | Two | Three]):
        here.update([job.kind, job.queue, ""])
        for word, limit in {**queue_limits, **kind_limits, "": concurrency}.items():
            assert here[word] <= limit
        await clock.sleep(job.args.waits)
        here.subtract([job.kind, job.queue, ""])

    for args in KINDS.values():
        jobs.worker(args=args)(handler)
    async with worker_pool(
        driver,
        jobs,
        clock=clock,
        concurrency=concurrency,
        queues=QUEUES,
        weights=weights,
        queue_limits=queue_limits,
        kind_limits=kind_limits,
    ) as pool:
        await client.enqueue_many(crowd)
        for _ in range(200):
            await pool.settled()
            counts = {count.state: count.n for count in await client.stats()}
            if set(counts) <= {State.COMPLETED}:
                break
            running = [row async for row in client.all_jobs(states=[State.RUNNING])]
            assert len(running) == pool.running, "what is claimed runs"
            await clock.advance(1)
    rows = [row async for row in client.all_jobs()]
    assert [(row.state, row.attempt, row.errors) for row in rows] == [
        (State.COMPLETED, 1, ())
    ] * len(crowd)


def entered(places):
    """Seconds for which it is put off; None if it has a place."""
    wait = places.enter()
    return None if wait is None else wait.total_seconds()


class At(MockClock):
    """A clock that is set."""

    at = 0.0

    def monotonic(self) -> float:
        return self.at


steps = st.lists(st.tuples(st.floats(0, 30), st.booleans()), max_size=80)


@given(limit=limits, steps=steps)
def test_jobs_are_put_off_in_a_line_that_is_bounded(limit, steps):
    clock = At()
    places, taken, last = Places(clock, limit), 0, 0.0
    for seconds, leaves in steps:
        clock.at += seconds
        if leaves and taken:
            places.leave()
            taken -= 1
            continue
        wait = entered(places)
        if taken < limit:
            assert wait is None
            taken += 1
        else:
            assert wait is not None
            assert SOONEST - 1e-6 <= wait <= LATEST + 1e-6
            back = clock.at + wait
            assert back >= min(last, clock.at + LATEST) - 1e-5, "nobody comes before who was first"
            last = back


def test_the_line_moves_at_twice_the_pace_of_the_kind():
    clock = At()
    places = Places(clock, 2)
    for _ in range(20):  # pairs of ten seconds each
        assert places.enter() is None
        assert places.enter() is None
        clock.at += 10
        places.leave()
        places.leave()
    assert places.enter() is None
    assert places.enter() is None
    waits = [entered(places) for _ in range(9)]
    assert waits == pytest.approx([SOONEST + 2.5 * n for n in range(1, 10)])
