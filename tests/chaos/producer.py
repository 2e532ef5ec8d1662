"""A process that writes orders with their jobs until its input ends: `producer.py STORE URL`.

An order and its jobs are one transaction. One in five is rolled back on purpose, others fail by
what befalls the store; which ones came through is in the table, and nowhere else.
"""

from __future__ import annotations

import sys
import threading
import time

from goncordia import SyncClient
from goncordia.errors import GoncordiaError
from goncordia.plugins import open_sync_driver

from chaos.blows import STORES
from chaos.stores import Store
from chaos.work import Bill, Ship

PAUSE = 0.02
"""Seconds between two orders."""


def main(store: type[Store], url: str) -> None:
    """Write orders 1, 2, 3 ... until told to stop."""
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    number = 0
    while not stop.is_set():
        try:
            with open_sync_driver(url) as driver, store.connect(url) as connection:
                client = SyncClient(driver)
                while not stop.is_set():
                    number += 1
                    with store.transaction(connection, keep=number % 5 != 0):
                        connection.execute(f"INSERT INTO chaos_order VALUES ({number:d})")
                        client.enqueue_many([Ship(number), Bill(number)], tx=connection)
                    time.sleep(PAUSE)
        except (GoncordiaError, *store.errors) as error:
            print(f"order {number}: {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
            time.sleep(PAUSE)


if __name__ == "__main__":
    main(STORES[sys.argv[1]], sys.argv[2])
