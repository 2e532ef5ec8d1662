"""How free slots are split among queues: by a simulation that knows how much each queue has."""

from __future__ import annotations

from uuid import uuid4

from goncordia.clock import utc_now
from goncordia.jobs import ClaimedJob
from goncordia.pool.shares import Shares
from hypothesis import given
from hypothesis import strategies as st

QUEUES = ["a", "b", "c", "d", "e"]

stocks = st.dictionaries(st.sampled_from(QUEUES), st.integers(0, 40), min_size=1, max_size=5)


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
    shares = Shares(stock)
    for room in rooms:
        wants = shares.split(room)
        assert sum(wants.values()) == room
        assert min(wants.values()) >= 1
        shares.learn(wants, claim(wants, stock))


@given(stock=stocks, room=st.integers(1, 12))
def test_dry_is_said_when_all_is_taken_and_soon(stock, room):
    shares = Shares(stock)
    rounds = (sum(stock.values()) + 2) * len(stock)
    for _ in range(rounds):
        wants = shares.split(room)
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
    shares = Shares(queues)
    for _ in range(before):
        wants = shares.split(room)
        shares.learn(wants, claim(wants, stock))
    asked = set()
    for _ in range(-(-len(queues) // room)):
        wants = shares.split(room)
        asked |= set(wants)
        shares.learn(wants, claim(wants, stock))
    assert asked == set(queues)


@given(room=st.integers(5, 60))
def test_shares_go_to_those_who_have_work(room):
    stock = {"a": 10**6, "b": 10**6, "c": 0, "d": 0, "e": 0}
    shares = Shares(stock)
    for _ in range(3):
        wants = shares.split(room)
        shares.learn(wants, claim(wants, stock))
    wants = shares.split(room)
    assert all(wants[queue] == 1 for queue in "cde")
    assert abs(wants["a"] - wants["b"]) <= 1
    stock.update(a=0, c=10**6)
    for _ in range(2):
        wants = shares.split(room)
        shares.learn(wants, claim(wants, stock))
    wants = shares.split(room)
    assert wants["a"] == 1
    assert wants["c"] >= 1 + (room - 5) // 2
