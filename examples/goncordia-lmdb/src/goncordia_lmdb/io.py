"""Threads and the event loop: the only file that knows either."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

import anyio
import lmdb
from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import checkpoint
from goncordia.errors import StoreUnusable
from goncordia.retention import Retention
from goncordia.sessions import Wake

from goncordia_lmdb import schema, store
from goncordia_lmdb.store import Settings, Store, Txn
from goncordia_lmdb.table import Table

R = TypeVar("R")


class Transactions:
    """Runs work on a folder: on threads, or inside the caller's transaction."""

    def __init__(self, path: str, settings: Settings, retention: Retention) -> None:
        self._path = path
        self._settings = settings
        self._retention = retention
        self._store: Store | None = None

    async def open(self) -> None:
        """Open the folder; it is made if there is none."""
        self._writer, self._readers = CapacityLimiter(1), CapacityLimiter(4)
        self._store = await to_thread.run_sync(store.acquire, self._path, self._settings)

    def close(self) -> None:
        """Let go of it."""
        opened, self._store = self._store, None
        if opened is not None:
            store.release(opened)

    @property
    def opened(self) -> Store:
        """The store; raises `StoreUnusable` unless it is open."""
        if self._store is None:
            raise StoreUnusable("the driver is not open: use `async with`")
        return self._store

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[Txn[bytes]]:
        """A transaction on this thread, committed on a clean exit; it waits for its turn."""
        opened, turn = self.opened, None
        with anyio.move_on_after(self._settings.patience):
            while (turn := opened.try_turn()) is None:
                await anyio.sleep(store.PAUSE * (0.5 + random.random()))
        if turn is None:
            raise store.busy(self._settings.patience)
        with turn, opened.environment.begin(write=True) as tx:
            yield tx

    async def read(self, work: Callable[[Table], R], now: datetime | None = None) -> R:
        """Run it on a snapshot."""
        opened = self.opened
        run = self._on_table(opened, work, now)
        return await to_thread.run_sync(opened.read, run, limiter=self._readers)

    async def write(
        self,
        work: Callable[[Table], R],
        now: datetime | None = None,
        tx: lmdb.Transaction[bytes] | None = None,
    ) -> R:
        """Run it in a transaction of its own, or on this thread in the caller's."""
        opened = self.opened
        run = self._on_table(opened, work, now)
        if tx is not None:
            await checkpoint()  # cancelled: nothing is done
            return opened.join(tx, run)
        patience = self._settings.patience
        return await to_thread.run_sync(opened.write, run, patience, limiter=self._writer)

    def _on_table(
        self, opened: Store, work: Callable[[Table], R], now: datetime | None
    ) -> Callable[[Txn[bytes]], R]:
        def run(txn: Txn[bytes]) -> R:
            table = Table(opened, txn, now, self._retention)
            if work is not schema.migrate:
                schema.check(table)
            return work(table)

        return run


class Silence:
    """A listener that hears nothing: the pool polls."""

    async def wait(self) -> Wake:
        """Never return."""
        await anyio.sleep_forever()
        raise AssertionError
