"""The pytest plugin: a store in memory, clients, a tracker, a clock and pools, as fixtures.

It imports goncordia only in a test that asks for one of them. All are plain fixtures, so that they
serve tests of every kind: without an event loop, under anyio's plugin, pytest-trio, pytest-asyncio.
Where a test wants another store, it overrides `goncordia_driver`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from goncordia import Client, SyncClient, WorkerPool
    from goncordia.clock import Clock
    from goncordia.memory import MemoryDriver, Tx
    from goncordia.testing import SyncTracker, Tracker


@pytest.fixture
def goncordia_driver() -> MemoryDriver:
    """A store in memory, for this test alone; it keeps ended jobs, whatever the clock says.

    Override it to test on another store.
    """
    from goncordia.memory import MemoryDriver
    from goncordia.retention import Retention

    century = timedelta(days=36_525)
    return MemoryDriver(
        retention=Retention(completed=century, cancelled=century, discarded=century)
    )


@pytest.fixture
def goncordia_tracker(goncordia_driver: MemoryDriver) -> Tracker[Tx]:
    """Which jobs are in the store, for tests on an event loop: `await` what it answers."""
    from goncordia.testing import Tracker

    return Tracker(goncordia_driver)


@pytest.fixture
def goncordia_clock(goncordia_tracker: Tracker[Tx]) -> Clock:
    """The store's time, which `goncordia_tracker.advance` moves."""
    return goncordia_tracker.clock


@pytest.fixture
def goncordia_client(goncordia_tracker: Tracker[Tx]) -> Client[Tx]:
    """A client of the store, for code on an event loop."""
    return goncordia_tracker.client


@pytest.fixture
def goncordia_pool(
    goncordia_tracker: Tracker[Tx],
) -> Callable[..., AbstractAsyncContextManager[WorkerPool]]:
    """`async with goncordia_pool(registry) as pool`: runs the jobs of the store."""
    return goncordia_tracker.pool


@pytest.fixture
def goncordia_sync_tracker(
    goncordia_driver: MemoryDriver, goncordia_clock: Clock
) -> SyncTracker[Tx]:
    """As `goncordia_tracker`, for tests without an event loop: nothing is awaited."""
    from goncordia.testing import SyncTracker

    driver = goncordia_driver
    return SyncTracker(driver.sync(), runs=lambda: driver, clock=goncordia_clock)


@pytest.fixture
def goncordia_sync_client(goncordia_sync_tracker: SyncTracker[Tx]) -> SyncClient[Tx]:
    """A client of the store, for code without an event loop."""
    return goncordia_sync_tracker.client
