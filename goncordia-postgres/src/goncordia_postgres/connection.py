"""psycopg's connection on trio as well, for callers' own transactions."""

from __future__ import annotations

from types import TracebackType
from typing import Any, TypeVar, cast

import anyio
import psycopg
from anyio import to_thread
from psycopg.abc import PQGen
from psycopg.rows import TupleRow, tuple_row

from goncordia_postgres.io import native, wait

R = TypeVar("R")


class AnyioConnection(psycopg.AsyncConnection[TupleRow]):
    """An `AsyncConnection` that runs on trio and on asyncio, and survives a cancellation.

    A cancelled call waits for the server's answer, at most `io.PATIENCE` seconds, before it is
    over, and so does the end of a cancelled transaction; psycopg's own connection runs on asyncio
    alone.
    """

    _opened: psycopg.Connection[TupleRow]

    @classmethod
    async def open(cls, conninfo: str = "", *, autocommit: bool = False) -> AnyioConnection:
        """Connect, in a thread; raises `psycopg.OperationalError`."""
        opened = await to_thread.run_sync(lambda: psycopg.connect(conninfo))
        connection = cls(opened.pgconn, tuple_row)
        connection._opened = opened
        connection.lock = cast("Any", _Turn())  # asyncio's lock knows no trio
        if autocommit:
            await connection.set_autocommit(True)
        return connection

    async def wait(self, gen: PQGen[R], interval: float = 0.0, timeout: float | None = None) -> R:
        """Drive one of psycopg's generators."""
        return await wait(gen, self.pgconn, native())

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Commit or roll back, and close: also where a cancellation comes again meanwhile."""
        try:
            await super().__aexit__(exc_type, exc_val, exc_tb)
        finally:
            await self.close()


class _Turn:
    """One call at a time; whose turn it is at once is not asked for a cancellation.

    psycopg counts on that, as asyncio's own lock does so: the end of a cancelled transaction takes
    it to roll back, and would leave the transaction open.
    """

    def __init__(self) -> None:
        self._lock = anyio.Lock()

    async def __aenter__(self) -> None:
        try:
            self._lock.acquire_nowait()
        except anyio.WouldBlock:
            await self._lock.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()
