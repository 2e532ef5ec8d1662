"""Wake-ups by LISTEN on a connection of its own.

A hint is for all that listen, and each would claim at once: many claims for one job. So of several
sessions only some, by lot, go at once, and the others a moment later, one after the other: by then
they mostly find the job gone, and what came meanwhile is one hint.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import asynccontextmanager

import anyio
import psycopg
from goncordia.errors import Unavailable
from goncordia.sessions import Wake
from goncordia.statements import Statement
from psycopg import generators

from goncordia_postgres.connections import dial_in_thread
from goncordia_postgres.env import ANYTHING, CANCELS, LATE
from goncordia_postgres.floors import Floors
from goncordia_postgres.io import native, wait, wait_idly
from goncordia_postgres.link import Link
from goncordia_postgres.place import Place

STEP = 0.003
"""Seconds by which those who go later are apart."""
LATEST = 0.1


class Silence:
    """Where nobody listens."""

    async def wait(self) -> Wake:
        """Never return."""
        await anyio.sleep_forever()
        raise AssertionError("unreachable")


class Ear:
    """Hears hints on a connection that listens."""

    def __init__(
        self,
        link: Link,
        place: Place,
        queues: Collection[str],
        peers: Callable[[], int],
        floors: Floors,
    ) -> None:
        self._pgconn = link.pgconn
        self._place = place
        self._queues = {*queues, ANYTHING}
        self._peers = peers
        self._floors = floors
        self._ready = native()
        self._heard = Wake(0)
        self._go_at = 0.0

    async def wait(self) -> Wake:
        """Return at the next hint; raises `Unavailable` when the connection is lost."""
        while Wake.CANCELS not in self._heard:
            if not self._heard:
                await self._hear()
            elif (left := self._go_at - anyio.current_time()) > 0:
                with anyio.move_on_after(left):
                    await self._hear()
            else:
                break
        heard, self._heard = self._heard, Wake(0)
        return heard

    async def _hear(self) -> None:
        try:
            notes = await wait_idly(generators.notifies(self._pgconn), self._pgconn, self._ready)
        except psycopg.Error as error:
            raise Unavailable(f"{self._place}: the listener's connection is lost") from error
        for note in notes:
            self._read(note.extra.decode().split(","))

    def _read(self, names: Sequence[str]) -> None:
        if CANCELS in names:
            self._heard |= Wake.CANCELS
        for name in names:
            if name == ANYTHING:
                self._floors.forget_all()
            elif name.startswith(LATE):
                self._floors.forget(name.lstrip(LATE))
            if name.lstrip(LATE) in self._queues:
                self._hear_of_jobs()

    def _hear_of_jobs(self) -> None:
        if Wake.JOBS not in self._heard:
            self._heard |= Wake.JOBS
            self._go_at = anyio.current_time() + self._delay()

    def _delay(self) -> float:
        peers = self._peers()
        if peers < 2 or random.random() * peers < 1:
            return 0.0
        return random.uniform(0, min(STEP * peers, LATEST))


@asynccontextmanager
async def listening(
    place: Place, queues: Collection[str], peers: Callable[[], int], floors: Floors
) -> AsyncGenerator[Ear]:
    """Listen in these queues; raises `Unavailable`."""
    dialled = await dial_in_thread(place, place.listen)
    try:
        link = dialled.link
        try:
            listen = Statement(f'LISTEN "{place.channel}"')
            await wait(link.ask([listen]), link.pgconn, native())
        except psycopg.Error as error:
            raise Unavailable(f"{place}: can't listen: {error}") from error
        floors.forget_all()  # what came in below while nobody listened was told to nobody
        yield Ear(link, place, queues, peers, floors)
    finally:
        dialled.close()
