"""All that a client without an event loop can do, once: for the tests of a `SyncDriver`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TypeVar

import pytest
from goncordia.actions import Acted
from goncordia.args import Args
from goncordia.driver import SyncDriver
from goncordia.errors import UniqueConflict
from goncordia.jobs import Conflict
from goncordia.lifecycle import State
from goncordia.sync_client import SyncClient
from goncordia.unique import Unique

Tx = TypeVar("Tx")


class Mail(Args, kind="mail"):
    """What is enqueued."""

    to: str


def tour(driver: SyncDriver[Tx], transaction: AbstractContextManager[Tx]) -> None:
    """Ask each operation on an empty store; `transaction` is the caller's, and gives the `tx`."""
    client = SyncClient(driver)
    first = client.enqueue(Mail("a"), tags=["t"], meta={"x": 1})
    with transaction as tx:
        second = client.enqueue(Mail("b"), tx=tx)
    unique = Unique(on_conflict=Conflict.RAISE)
    client.enqueue(Mail("c"), unique=unique)
    with pytest.raises(UniqueConflict):
        client.enqueue(Mail("c"), unique=unique)
    page = client.jobs(limit=2)
    assert page.cursor
    assert [row.id for row in client.jobs(cursor=page.cursor).rows] == [first.id]
    assert client.cancel(first.id, second.id) == [Acted.CHANGED] * 2
    assert client.retry(first.id) == [Acted.CHANGED]
    assert client.amend(first.id, priority=3) == [Acted.CHANGED]
    assert client.delete(second.id) == [Acted.CHANGED]
    client.pause("default")
    assert [queue.paused_at is not None for queue in client.queues()] == [True]
    assert [(count.state, count.n) for count in client.stats()] == [(State.AVAILABLE, 2)]
    row = client.get(first.id)
    assert row
    assert (row.tags, row.meta, row.priority) == (("t",), b'{"x":1}', 3)
    assert client.sessions() == []
    assert client.prune().n == 0
