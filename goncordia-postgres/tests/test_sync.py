"""Without an event loop: clients in threads, on the same store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from goncordia import Args, SyncClient, Unique, UniqueConflict, open_sync_driver
from goncordia.actions import Acted
from goncordia.jobs import Conflict
from goncordia.lifecycle import State


class Mail(Args, kind="mail"):
    to: str


def test_a_client_does_all_it_can(url: str) -> None:
    with open_sync_driver(url, tx=psycopg.Connection) as driver, psycopg.connect(url) as own:
        client = SyncClient(driver)
        first = client.enqueue(Mail("a"), tags=["t"], meta={"x": 1})
        with own.transaction():
            second = client.enqueue(Mail("b"), tx=own)
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


def test_threads_share_it(url: str) -> None:
    with open_sync_driver(f"{url}&connections=3&application_name=threads") as driver:
        client = SyncClient(driver)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(client.enqueue, [Mail(str(n)) for n in range(100)]))
        assert client.stats()[0].n == 100
        with psycopg.connect(url) as looker:
            found = looker.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'threads'"
            ).fetchone()
        assert found
        assert 1 <= found[0] <= 3
