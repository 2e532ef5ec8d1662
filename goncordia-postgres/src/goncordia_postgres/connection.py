"""psycopg's connection on trio as well, for callers' own transactions."""

from __future__ import annotations

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
    over; psycopg's own connection runs on asyncio alone.
    """

    _opened: psycopg.Connection[TupleRow]

    @classmethod
    async def open(cls, conninfo: str = "", *, autocommit: bool = False) -> AnyioConnection:
        """Connect, in a thread; raises `psycopg.OperationalError`."""
        opened = await to_thread.run_sync(lambda: psycopg.connect(conninfo))
        connection = cls(opened.pgconn, tuple_row)
        connection._opened = opened
        connection.lock = cast("Any", anyio.Lock())  # asyncio's knows no trio
        if autocommit:
            await connection.set_autocommit(True)
        return connection

    async def wait(self, gen: PQGen[R], interval: float = 0.0, timeout: float | None = None) -> R:
        """Drive one of psycopg's generators."""
        return await wait(gen, self.pgconn, native())
