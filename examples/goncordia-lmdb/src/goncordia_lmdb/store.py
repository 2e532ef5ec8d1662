"""An LMDB environment: one in each process, shared by the drivers of its folder."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from typing import IO, TypeVar

import lmdb
from goncordia.errors import HandleMismatch, StoreUnusable, Unavailable

R = TypeVar("R")
Txn = lmdb.Transaction

NAMES = (
    "jobs", "ready", "later", "running", "expiry", "counts", "keys", "sessions", "queues", "values",
    "meta",
)  # fmt: skip
PAUSE = 0.002
"""Seconds between two tries for the turn, on average."""

_open: dict[str, Store] = {}
_lock = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How an environment is opened, and for how many seconds a write waits for another."""

    map_size: int = 1 << 34
    max_dbs: int = 64
    sync: bool = True
    patience: float = 5.0


class Store:
    """The environment, its databases, and the turn of its writers.

    LMDB has one writer, and who wants to be the next waits without end. So a writer first takes the
    turn, a lock on a file in the folder, for which it waits as long as it likes.
    """

    def __init__(self, path: str, settings: Settings) -> None:
        os.makedirs(path, exist_ok=True)
        self._turn = os.path.join(path, "turn")
        self.users = 0
        self.environment = lmdb.open(
            path, map_size=settings.map_size, max_dbs=settings.max_dbs, sync=settings.sync
        )
        with self.turn(settings.patience), self.environment.begin(write=True) as txn:
            self.dbs = {
                name: self.environment.open_db(f"goncordia.{name}".encode(), txn=txn)
                for name in NAMES
            }

    def try_turn(self) -> IO[str] | None:
        """The turn, if nobody has it; closing the file gives it back."""
        file = open(self._turn, "a")  # noqa: SIM115 - closed by who gives the turn back
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return file

    @contextmanager
    def turn(self, patience: float) -> Generator[None]:
        """Hold the turn; raises `Unavailable` where it does not come."""
        until = time.monotonic() + patience
        while (held := self.try_turn()) is None:
            if time.monotonic() >= until:
                raise busy(patience)
            time.sleep(PAUSE * (0.5 + random.random()))
        with held:
            yield

    def write(self, work: Callable[[Txn[bytes]], R], patience: float) -> R:
        """Run it in a transaction of its own."""
        with translated(), self.turn(patience), self.environment.begin(write=True) as txn:
            return work(txn)

    def read(self, work: Callable[[Txn[bytes]], R]) -> R:
        """Run it on a snapshot, which waits for nobody."""
        with translated(), self.environment.begin() as txn:
            return work(txn)

    def join(self, tx: Txn[bytes], work: Callable[[Txn[bytes]], R]) -> R:
        """Run it inside the caller's transaction: all of it, or nothing if it raises."""
        if not isinstance(tx, lmdb.Transaction):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped callers
            raise HandleMismatch(
                f"tx is a {type(tx).__name__}; use the lmdb.Transaction of begin()"
            )
        try:
            child = self.environment.begin(parent=tx, write=True)
        except lmdb.Error as error:
            raise HandleMismatch(
                f"tx has ended, is read-only, or is of another environment ({error}): use "
                "`async with driver.begin() as tx`"
            ) from error
        with translated(), child:
            return work(child)


def acquire(path: str, settings: Settings) -> Store:
    """The process's store of that folder; LMDB forbids to open one twice."""
    path = os.path.realpath(path)
    with _lock:
        if path not in _open:
            try:
                _open[path] = Store(path, settings)
            except (lmdb.Error, OSError) as error:
                raise StoreUnusable(
                    f"{path} can't be opened ({error}); a process opens a folder once, so for your "
                    "own databases use driver.environment"
                ) from error
        _open[path].users += 1
        return _open[path]


def release(store: Store) -> None:
    """Close it with its last user."""
    with _lock:
        store.users -= 1
        if not store.users:
            del _open[os.path.realpath(store.environment.path())]
            store.environment.close()


def busy(patience: float) -> Unavailable:
    """What is raised where the turn did not come."""
    return Unavailable(
        f"another transaction has been writing for {patience} seconds; is one left open?"
    )


@contextmanager
def translated() -> Generator[None]:
    """LMDB's errors as errors that say what to do."""
    try:
        yield
    except lmdb.MapFullError as error:
        raise Unavailable("the folder is full: open the driver with a larger map_size") from error
    except (lmdb.DiskError, lmdb.ReadersFullError, lmdb.MapResizedError) as error:
        raise Unavailable(f"LMDB failed, send it again: {error}") from error
    except lmdb.Error as error:
        raise StoreUnusable(f"the folder can't be used: {error}") from error
