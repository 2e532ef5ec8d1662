from __future__ import annotations

import random
from uuid import uuid4

import pytest
from goncordia.actions import Delete
from goncordia.answers import Filter
from goncordia.errors import InvalidArgument
from goncordia.ids import uuid7_of
from goncordia.lifecycle import State
from goncordia.memory import Store

from .making import NOW, Worker, at, new


def test_get_answers_by_position():
    store = Store()
    one, two = new(), new()
    store.insert([one, two], now=NOW)
    rows = store.get([two.id, uuid4(), one.id], NOW)
    assert [row and row.id for row in rows] == [two.id, None, one.id]


def test_pages_come_newest_id_first_whatever_order_they_were_inserted_in():
    store = Store()
    jobs = [new() for _ in range(25)]
    shuffled = random.Random(1).sample(jobs, 25)
    seen, cursor = [], None
    store.insert(shuffled, now=NOW)
    for _ in range(3):
        page = store.list(Filter(), cursor, 10, NOW)
        seen += [row.id for row in page.rows]
        cursor = page.cursor
    assert cursor is None
    assert seen == [job.id for job in reversed(jobs)]


def test_pages_neither_repeat_nor_skip_while_jobs_come_and_go():
    store = Store()
    jobs = [new() for _ in range(100)]
    store.insert(jobs, now=NOW)
    first = store.list(Filter(), None, 40, NOW)
    shown = [row.id for row in first.rows]
    store.insert([new()], now=NOW)
    store.act([*shown[-5:], jobs[0].id], Delete(), NOW)
    old = new()
    old.id = uuid7_of(at(-9), b"seed")
    store.insert([old], now=NOW)
    rest = store.list(Filter(), first.cursor, 100, NOW)
    assert [row.id for row in rest.rows] == [j.id for j in reversed(jobs[1:60])] + [old.id]
    assert rest.cursor is None


def test_the_last_full_page_has_no_cursor():
    store = Store()
    store.insert([new() for _ in range(4)], now=NOW)
    assert store.list(Filter(), None, 4, NOW).cursor is None


def test_an_id_that_came_back_is_shown_once():
    store = Store()
    jobs = [new() for _ in range(3)]
    store.insert(jobs, now=NOW)
    store.act([jobs[1].id], Delete(), NOW)
    store.insert([jobs[1]], now=NOW)
    assert len(store.list(Filter(), now=NOW).rows) == 3


def test_filters_combine():
    store = Store()
    store.insert(
        [
            new("a", queue="x", tags=("1", "2")),
            new("a", queue="y", tags=("1",)),
            new("b", queue="x", tags=("2", "1")),
        ],
        now=NOW,
    )

    def found(**parts) -> list[tuple[str, str]]:
        return [(r.kind, r.queue) for r in store.list(Filter(**parts), now=NOW).rows]

    assert found() == [("b", "x"), ("a", "y"), ("a", "x")]
    assert found(kinds=("a",)) == [("a", "y"), ("a", "x")]
    assert found(queues=("x",), kinds=("a",)) == [("a", "x")]
    assert found(tags=("1", "2")) == [("b", "x"), ("a", "x")]
    assert found(kinds=("a", "b"), tags=("3",)) == []


def test_states_are_as_visible():
    store = Store()
    store.insert([new(run_at=at(60)), new(), new()], now=NOW)
    Worker(store).take()

    def found(now, *states) -> int:
        return len(store.list(Filter(states=states), now=now).rows)

    assert (found(NOW, State.SCHEDULED), found(NOW, State.AVAILABLE)) == (1, 1)
    assert (found(at(60), State.SCHEDULED), found(at(60), State.AVAILABLE)) == (0, 2)
    assert found(NOW, State.RUNNING, State.SCHEDULED) == 2


@pytest.mark.parametrize(("cursor", "limit"), [("nonsense", 10), (None, 0)])
def test_bad_pages_are_refused(cursor, limit):
    with pytest.raises(InvalidArgument, match="cursor|limit"):
        Store().list(Filter(), cursor, limit, NOW)
