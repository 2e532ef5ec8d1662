"""The driver's own connections on an event loop: at most so many, the last one used first."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock

import anyio
import psycopg
from anyio import to_thread

from goncordia_postgres.dial import Dialled, dial
from goncordia_postgres.io import native, wait_idly
from goncordia_postgres.place import Place

PATIENCE = 1.0
"""Seconds for a server to take the last hints."""


class Connections:
    """Lends connections to operations."""

    def __init__(self, place: Place, size: int) -> None:
        """None is opened before it is needed."""
        self._place = place
        self._room = anyio.Semaphore(size, fast_acquire=True)
        self._idle: list[Dialled] = []
        self._closed = False

    async def take(self) -> Dialled:
        """A connection for one operation; raises `Unavailable` where there is none."""
        await self._room.acquire()
        if self._idle:
            return self._idle.pop()
        try:
            dialled = await dial_in_thread(self._place)
        except BaseException:
            self._room.release()
            raise
        dialled.link.defers = True
        return dialled

    def give_back(self, dialled: Dialled) -> None:
        """Done with; one that is not clean is closed."""
        self._room.release()
        if dialled.usable and not self._closed:
            self._idle.append(dialled)
            return
        dialled.close()
        if not self._closed:  # the others went the same way, most likely
            while self._idle:
                self._idle.pop().close()

    async def close(self) -> None:
        """Close them, and those that come back later; the server gets to hear all hints."""
        self._closed = True
        while self._idle:
            dialled = self._idle.pop()
            link = dialled.link
            with anyio.move_on_after(PATIENCE, shield=True), suppress(psycopg.Error):
                await wait_idly(link.settle(), link.pgconn, native())
            dialled.close()


async def dial_in_thread(place: Place, conninfo: str | None = None) -> Dialled:
    """Connect in a thread; cancelled, whoever is left alone closes what comes."""
    lock, left = Lock(), False
    made: list[Dialled] = []

    def work() -> None:
        dialled = dial(place, conninfo)
        with lock:
            if left:
                dialled.close()
            else:
                made.append(dialled)

    try:
        await to_thread.run_sync(work, abandon_on_cancel=True)
    except BaseException:
        with lock:
            left = True
        for dialled in made:
            dialled.close()
        raise
    return made[0]
