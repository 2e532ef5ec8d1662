"""The caller's own connection and transaction: checked, used, and never settled by us."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

import anyio
import psycopg
from goncordia.errors import HandleMismatch, InvalidArgument
from goncordia.statements import Many, Op, Reply, Row, Statement, Step
from psycopg import pq
from psycopg.abc import PQGen
from psycopg.waiting import wait as wait_here

from goncordia_postgres import statements as sql
from goncordia_postgres.env import Env
from goncordia_postgres.io import PATIENCE, edge, native, wait
from goncordia_postgres.link import Link
from goncordia_postgres.perform import within
from goncordia_postgres.place import Place
from goncordia_postgres.statements import localized
from goncordia_postgres.translate import translate_in_tx

R = TypeVar("R")


class AsyncpgConnection(Protocol):
    """The part of an `asyncpg.Connection` that is used."""

    def is_in_transaction(self) -> bool:
        """Whether a transaction is open."""
        ...

    async def fetch(self, query: str, *args: Any) -> Sequence[Any]:
        """Rows."""
        ...

    async def execute(self, query: str, *args: Any) -> str:
        """The command's tag."""
        ...


AsyncHandle = psycopg.AsyncConnection[Any] | AsyncpgConnection
"""What `tx` may be on an event loop."""

_NO_TX = "tx has no transaction open: use `async with connection.transaction()`"
_ABORTED = "tx is in a transaction that an error has aborted: roll it back and rerun it"


def async_handles() -> tuple[type, ...]:
    """The types of `tx` on an event loop; asyncpg's where somebody has imported it."""
    asyncpg = sys.modules.get("asyncpg")
    if asyncpg is None:
        return (psycopg.AsyncConnection,)
    proxy = sys.modules["asyncpg.pool"].PoolConnectionProxy
    return (psycopg.AsyncConnection, asyncpg.Connection, proxy)


class Borrower:
    """What is known of callers' connections."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._links: WeakKeyDictionary[object, Link] = WeakKeyDictionary()
        self._known: WeakKeyDictionary[object, bool] = WeakKeyDictionary()
        self.home: Row = ()
        """Which database the driver's own connections reach."""

    def link(self, connection: psycopg.AsyncConnection[Any] | psycopg.Connection[Any]) -> Link:
        """The link over a psycopg connection, whose transaction has to be open and well."""
        pgconn = connection.pgconn
        status = pgconn.transaction_status
        if status == pq.TransactionStatus.INERROR:
            raise InvalidArgument(_ABORTED)
        if status != pq.TransactionStatus.INTRANS:
            raise InvalidArgument(_NO_TX)
        if pgconn.pipeline_status != pq.PipelineStatus.OFF:
            raise InvalidArgument("tx is in pipeline mode: leave its pipeline() block first")
        if pgconn.parameter_status(b"client_encoding") != b"UTF8":
            raise InvalidArgument("tx has another client_encoding than UTF8: connect with that")
        link = self._links.get(connection)
        if link is None or link.pgconn is not pgconn:
            prepares = self._place.prepares and connection.prepare_threshold is not None
            link = self._links[connection] = Link(pgconn, self._place.schema, prepares=prepares)
        return link

    def at_home(self, connection: object, op: Op[R]) -> Op[R]:
        """The operation, once it is known that the connection reaches the driver's database."""
        if connection not in self._known:
            reply = yield Statement(sql.IDENTITY)
            if tuple(reply.rows[0]) != self.home:
                raise HandleMismatch(
                    f"tx is connected to another database than {self._place}, where the workers "
                    "look: connect to that one"
                )
            self._known[connection] = True
        return (yield from op)

    def within(
        self,
        connection: psycopg.AsyncConnection[Any] | psycopg.Connection[Any],
        make: Callable[[Env], Op[R]],
        now: datetime | None,
    ) -> tuple[Link, PQGen[R]]:
        """An operation in the transaction that is open on a psycopg connection."""
        link = self.link(connection)
        env = self._place.env(now)
        return link, within(link, env, self.at_home(connection, make(env)))

    def translate(self, error: Exception) -> Exception:
        """What the driver raises for an error in the caller's transaction."""
        return translate_in_tx(error, str(self._place))


class AsyncBorrower(Borrower):
    """Runs operations through callers' connections on an event loop."""

    async def run(self, tx: AsyncHandle, make: Callable[[Env], Op[R]], now: datetime | None) -> R:
        """Run an operation in the transaction that is open on the connection.

        Raises `HandleMismatch` for another kind of object or database, `InvalidArgument` without a
        transaction that is well, `TransactionConflict` where it has to be rerun.
        """
        _check_kind(tx, async_handles())
        try:
            if isinstance(tx, psycopg.AsyncConnection):
                link, gen = self.within(tx, make, now)
                async with tx.lock:
                    return await wait(gen, link.pgconn, native())
            return await self._through_asyncpg(tx, make, now)
        except Exception as error:
            translated = self.translate(error)
            if translated is error:
                raise
            raise translated from error

    async def _through_asyncpg(
        self, tx: AsyncpgConnection, make: Callable[[Env], Op[R]], now: datetime | None
    ) -> R:
        if not tx.is_in_transaction():
            raise InvalidArgument(_NO_TX)
        env, key = self._place.env(now), getattr(tx, "_con", tx)  # what a pool lends is a proxy
        env.late = True
        op = self.at_home(key, make(env))
        try:
            return await self._drive(tx, op, env)
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(PATIENCE, shield=True), suppress(Exception):
                await tx.execute(_ABORT)
            raise

    async def _drive(self, tx: AsyncpgConnection, op: Op[R], env: Env) -> R:
        try:
            step = next(op)
            while True:
                step = op.send(await self._ask(tx, step))
        except StopIteration as stop:
            for note in env.take_notes():
                await self._ask(tx, note)
            return stop.value

    async def _ask(self, tx: AsyncpgConnection, step: Step) -> Reply:
        text = localized(step.text, self._place.schema)
        if isinstance(step, Many):
            raise NotImplementedError("no operation in a caller's transaction takes many rows")
        if _ROWS.search(text):
            rows = await edge(lambda: tx.fetch(text, *step.params))
            return Reply([tuple(row) for row in rows], len(rows))
        tag = await edge(lambda: tx.execute(text, *step.params))
        return Reply((), int(tag.rpartition(" ")[2]))


_ABORT = "SELECT 1 / 0 AS cancelled"
"""A cancellation that comes between two statements stops none, and half would be committed."""
_ROWS = re.compile(r"^\s*(SELECT|WITH)\b|\bRETURNING\b")


def _check_kind(tx: object, kinds: tuple[type, ...]) -> None:
    if not isinstance(tx, kinds):
        names = " or ".join(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds)
        raise HandleMismatch(f"tx is a {type(tx).__name__}; this driver writes through {names}")


class SyncBorrower(Borrower):
    """Runs operations through callers' connections without an event loop."""

    def run(
        self, tx: psycopg.Connection[Any], make: Callable[[Env], Op[R]], now: datetime | None
    ) -> R:
        """As `AsyncBorrower.run`."""
        _check_kind(tx, (psycopg.Connection,))
        try:
            link, gen = self.within(tx, make, now)
            with tx.lock:
                return wait_here(gen, link.pgconn.socket)
        except Exception as error:
            translated = self.translate(error)
            if translated is error:
                raise
            raise translated from error
