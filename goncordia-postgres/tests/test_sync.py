"""Without an event loop: clients in threads, on the same store."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
from goncordia import SyncClient, open_sync_driver
from goncordia_conformance.sync_tour import Mail, tour


@contextmanager
def transaction(url: str) -> Generator[psycopg.Connection]:
    """One of the caller's own."""
    with psycopg.connect(url) as own, own.transaction():
        yield own


def test_a_client_does_all_it_can(url: str) -> None:
    with open_sync_driver(url, tx=psycopg.Connection) as driver:
        tour(driver, transaction(url))


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
