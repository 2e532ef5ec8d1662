"""How free slots are split among queues: by a simulation that knows how much each queue has."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations
from uuid import uuid4

from goncordia.clock import utc_now
from goncordia.jobs import ClaimedJob
from goncordia.pool.shares import Shares
from hypothesis import given
from hypothesis import strategies as st

QUEUES = ["a", "b", "c", "d", "e"]

stocks = st.dictionaries(st.sampled_from(QUEUES), st.integers(0, 40), min_size=1, max_size=5)


def unlimited(queue):
    return math.inf


def jobs_of(queue, n):
    now = utc_now()
    return [
        ClaimedJob(uuid4(), uuid4(), "k", b"", 1, queue, 0, 1, 25, 0, now, now) for _ in range(n)
    ]


def claim(wants, stock):
    taken = []
    for queue, wanted in wants.items():
        n = min(wanted, stock[queue])
        stock[queue] -= n
        taken += jobs_of(queue, n)
    return taken


@given(stock=stocks, rooms=st.lists(st.integers(1, 12), min_size=1, max_size=40))
def test_no_more_is_asked_than_there_is_room_and_nothing_is_left_unasked(stock, rooms):
    shares = Shares(dict.fromkeys(stock, 1))
    for room in rooms:
        wants = shares.split(room, unlimited)
        assert sum(wants.values()) == room
        assert min(wants.values()) >= 1
        shares.learn(wants, claim(wants, stock))


@given(stock=stocks, room=st.integers(1, 12))
def test_dry_is_said_when_all_is_taken_and_soon(stock, room):
    shares = Shares(dict.fromkeys(stock, 1))
    rounds = (sum(stock.values()) + 2) * len(stock)
    for _ in range(rounds):
        wants = shares.split(room, unlimited)
        jobs = claim(wants, stock)
        if shares.learn(wants, jobs):
            break
    else:
        raise AssertionError("never dry")
    assert sum(stock.values()) == 0


@given(others=st.integers(1, 4), room=st.integers(1, 12), before=st.integers(0, 30))
def test_a_queue_is_asked_within_a_turn_however_full_the_others_are(others, room, before):
    queues = QUEUES[: others + 1]
    stock = dict.fromkeys(queues, 10**6)
    shares = Shares(dict.fromkeys(queues, 1))
    for _ in range(before):
        wants = shares.split(room, unlimited)
        shares.learn(wants, claim(wants, stock))
    asked = set()
    for _ in range(-(-len(queues) // room)):
        wants = shares.split(room, unlimited)
        asked |= set(wants)
        shares.learn(wants, claim(wants, stock))
    assert asked == set(queues)


@given(room=st.integers(5, 60))
def test_shares_go_to_those_who_have_work(room):
    stock = {"a": 10**6, "b": 10**6, "c": 0, "d": 0, "e": 0}
    shares = Shares(dict.fromkeys(stock, 1))
    for _ in range(3):
        wants = shares.split(room, unlimited)
        shares.learn(wants, claim(wants, stock))
    wants = shares.split(room, unlimited)
    assert all(wants[queue] == 1 for queue in "cde")
    assert abs(wants["a"] - wants["b"]) <= 1
    stock.update(a=0, c=10**6)
    for _ in range(2):
        wants = shares.split(room, unlimited)
        shares.learn(wants, claim(wants, stock))
    wants = shares.split(room, unlimited)
    assert wants["a"] == 1
    assert wants["c"] >= 1 + (room - 5) // 2


weights = st.dictionaries(st.sampled_from(QUEUES), st.integers(1, 9), min_size=2, max_size=5)
rooms = st.lists(st.integers(1, 12), min_size=1, max_size=60)


def run(shares, stock, rooms, most=unlimited):
    """What each claim took."""
    for room in rooms:
        wants = shares.split(room, most)
        jobs = claim(wants, stock)
        shares.learn(wants, jobs)
        yield Counter(job.queue for job in jobs)


@given(weights=weights, rooms=rooms, start=st.integers(0, 59))
def test_two_queues_with_work_get_their_shares_to_within_a_job(weights, rooms, start):
    """Over any stretch of claims: neither is more than one of its own jobs ahead."""
    shares, got = Shares(weights), Counter()
    for taken in list(run(shares, dict.fromkeys(weights, 10**6), rooms))[start:]:
        got += taken
        for one, other in combinations(weights, 2):
            apart = abs(got[one] / weights[one] - got[other] / weights[other])
            assert apart <= 1 / weights[one] + 1 / weights[other] + 1e-9


@given(weights=weights, rooms=rooms, idle=rooms, quiet=st.sampled_from(QUEUES))
def test_nobody_saves_up_shares_while_it_has_no_work(weights, rooms, idle, quiet):
    quiet = quiet if quiet in weights else min(weights)
    shares, stock = Shares(weights), dict.fromkeys(weights, 10**6) | {quiet: 0}
    all(run(shares, stock, idle))
    stock[quiet] = 10**6
    total, got = sum(weights.values()), Counter()
    for taken in run(shares, stock, rooms):
        got += taken
        assert got[quiet] <= got.total() * weights[quiet] / total + len(weights) + 1


@given(weights=weights, rooms=rooms, limits=st.lists(st.integers(0, 4), min_size=5, max_size=5))
def test_no_queue_is_asked_for_more_than_its_room(weights, rooms, limits):
    most = dict(zip(QUEUES, limits, strict=True)).__getitem__
    shares = Shares(weights)
    for room in rooms:
        wants = shares.split(room, most)
        assert all(0 < wants[queue] <= most(queue) for queue in wants)
        assert sum(wants.values()) == min(room, sum(map(most, weights)))
        shares.learn(wants, claim(wants, dict.fromkeys(weights, 10**6)))


@given(weights=weights, rooms=rooms, limited=rooms)
def test_a_queue_that_was_at_its_limit_does_not_catch_up(weights, rooms, limited):
    slow = min(weights)

    def closed(queue):
        return 0 if queue == slow else math.inf

    shares, stock = Shares(weights), dict.fromkeys(weights, 10**6)
    all(run(shares, stock, limited, closed))
    total, got = sum(weights.values()), Counter()
    for taken in run(shares, stock, rooms):
        got += taken
        assert got[slow] <= got.total() * weights[slow] / total + len(weights) + 1


@given(stock=stocks, weights=st.lists(st.integers(1, 1000), min_size=5, max_size=5))
def test_an_idle_pool_looks_at_every_queue_in_few_claims_whatever_they_weigh(stock, weights):
    shares = Shares({queue: weights[place] for place, queue in enumerate(stock)})
    empty = dict.fromkeys(stock, 0)
    for _ in range(len(stock)):  # it learns that they are empty
        wants = shares.split(1, unlimited)
        shares.learn(wants, claim(wants, empty))
    asked = [queue for _ in stock for queue in _asked(shares, empty)]
    assert set(asked) == set(stock)


def _asked(shares, stock):
    wants = shares.split(1, unlimited)
    shares.learn(wants, claim(wants, stock))
    return wants
