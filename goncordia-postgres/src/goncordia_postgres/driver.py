"""The driver for code on an event loop."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

import psycopg
from anyio.lowlevel import checkpoint
from goncordia.actions import Acted, Action, check_action
from goncordia.answers import (
    Cas,
    Count,
    Filter,
    Finished,
    Inserted,
    Page,
    Progress,
    Queue,
    QueueChange,
    Step,
)
from goncordia.errors import Unavailable
from goncordia.jobs import JobRow, NewJob, Outcome
from goncordia.retention import Retention
from goncordia.sessions import Beat, Claim, Claims, Session, Wakeups, WorkerInfo
from goncordia.statements import Op
from psycopg.errors import UniqueViolation

from goncordia_postgres import act, copying, finish, insert, migrate, query, upkeep
from goncordia_postgres import claim as claims
from goncordia_postgres.borrow import AsyncBorrower, AsyncHandle, async_handles
from goncordia_postgres.connections import Connections
from goncordia_postgres.env import Env
from goncordia_postgres.floors import Floors
from goncordia_postgres.io import Readiness, native, wait
from goncordia_postgres.listen import Silence, listening
from goncordia_postgres.patience import patient
from goncordia_postgres.perform import alone, together
from goncordia_postgres.place import CONNECTIONS, Place
from goncordia_postgres.pools import Pool, address
from goncordia_postgres.promises import Promises
from goncordia_postgres.sieve import may_wait, sifted
from goncordia_postgres.statements import SCHEMA
from goncordia_postgres.thrift import Thrift
from goncordia_postgres.translate import translate

R = TypeVar("R")


class PostgresDriver(Promises):
    """A driver over a schema of a PostgreSQL database, which other processes may share.

    `database` is an address (`postgresql://...`, or libpq's `key=value`), or a pool of psycopg's:
    the driver connects to where that does, with connections of its own, so that handlers which
    hold all of the pool's don't keep the worker from telling how jobs ended.

    `schema` is the schema's name. `connections` is the most that are open at once, one more not
    counted that listens. `listen` is the address for that one where it has to differ (a pooler in
    transaction mode can't listen), or None for polling alone. `prepare=False` is for such a pooler
    too. `notify=False` sends no hints: then workers poll. `retention` says how long ended jobs are
    kept.

    `tx` is a psycopg `AsyncConnection` or an asyncpg `Connection` with an open transaction.

    Raises `InvalidArgument` for what can't be so.
    """

    def __init__(
        self,
        database: str | Pool,
        *,
        schema: str = SCHEMA,
        connections: int = CONNECTIONS,
        listen: str | None = "",
        prepare: bool = True,
        notify: bool = True,
        retention: Retention | None = None,
    ) -> None:
        """Note where the database is; it is connected to when needed."""
        self._place = Place(
            address(database),
            schema=schema,
            retention=retention,
            prepares=prepare,
            notifies=notify,
            listen=listen,
        )
        self._size = connections
        self._promise(listens=listen is not None and notify)
        self._borrower = AsyncBorrower(self._place)
        self._checked = False
        self._named: set[str] = set()
        self._floors = Floors()
        self._forgotten, self._lost = Thrift(), Thrift()
        self._peers = 1
        self._connections: Connections | None = None
        self._ready: Readiness

    @property
    def handles(self) -> tuple[type, ...]:
        """The caller's own connection."""
        return async_handles()

    async def insert(
        self,
        jobs: Sequence[NewJob],
        *,
        tx: AsyncHandle | None = None,
        now: datetime | None = None,
    ) -> builtins.list[Inserted]:
        """As in `Driver`."""
        if not jobs:
            return []
        if tx is None and now is None and copying.fits(jobs):
            with suppress(UniqueViolation):  # an id is known: nothing is written
                return await self._run(partial(copying.copy, jobs=jobs), None)
        insert.check(jobs)
        make = partial(insert.insert, jobs=jobs)
        return await self._write_in(tx, make, now, atomic=not insert.is_one_step(jobs))

    async def join(
        self, worker: WorkerInfo, ttl: timedelta, *, now: datetime | None = None
    ) -> Session:
        """As in `Driver`."""
        return await self._run(partial(upkeep.join, worker=worker, ttl=ttl), now)

    async def beat(
        self, session: UUID, tokens: Collection[UUID], *, now: datetime | None = None
    ) -> Beat:
        """As in `Driver`."""
        whole = now is not None or self._forgotten.due
        make = partial(upkeep.beat, session=session, tokens=tokens, whole=whole)
        with self._forgotten.looking() if whole else nullcontext():
            found = await self._run(make, now)
        self._peers = found.peers
        if found.forgotten:
            make = partial(upkeep.release, session=session, tokens=tokens)
            await self._run(make, now, atomic=True)
        return found.beat

    async def leave(self, session: UUID, *, now: datetime | None = None) -> None:
        """As in `Driver`."""
        return await self._run(partial(upkeep.leave, session=session), now)

    async def sessions(self, *, now: datetime | None = None) -> builtins.list[Session]:
        """As in `Driver`."""
        return await self._run(upkeep.sessions, now)

    async def claim(self, claim: Claim, *, now: datetime | None = None) -> Claims:
        """As in `Driver`."""
        make = partial(claims.claim, claim=claim, named=self._named, floors=self._floors)
        return await self._run(make, now)

    async def finish(
        self,
        outcomes: Sequence[Outcome],
        *,
        tx: AsyncHandle | None = None,
        now: datetime | None = None,
    ) -> builtins.list[Finished]:
        """As in `Driver`."""
        if not outcomes:
            return []
        finish.check(outcomes)

        async def write(told: Sequence[Outcome]) -> builtins.list[Finished]:
            make = partial(finish.finish, outcomes=told)
            return await self._write_in(tx, make, now, atomic=not finish.is_one_step(told))

        async def ask(told: Sequence[Outcome]) -> builtins.list[Finished]:
            return await patient(told, Finished.BUSY, write)

        if tx is None and may_wait(outcomes) and finish.are_distinct(outcomes):
            return await sifted(outcomes, ask)
        return await ask(outcomes)

    async def rescue(
        self, limit: int, *, observed: timedelta | None = None, now: datetime | None = None
    ) -> Progress:
        """As in `Driver`."""
        if now is None and not self._lost.due:
            return Progress(0)
        with self._lost.looking():
            any_lost = await self._run(partial(upkeep.any_lost, observed=observed), now)
        if not any_lost:
            return Progress(0)
        return await self._run(
            partial(upkeep.rescue, limit=limit, observed=observed), now, atomic=True
        )

    async def prune(self, limit: int, *, now: datetime | None = None) -> Progress:
        """As in `Driver`."""
        return await self._run(partial(upkeep.prune, limit=limit), now)

    async def act(
        self, ids: Sequence[UUID], action: Action, *, now: datetime | None = None
    ) -> builtins.list[Acted]:
        """As in `Driver`."""
        check_action(action)

        async def ask(jobs: Sequence[UUID]) -> builtins.list[Acted]:
            return await self._run(partial(act.act, ids=jobs, action=action), now, atomic=True)

        return await patient(ids, Acted.BUSY, ask)

    async def get(
        self, ids: Sequence[UUID], *, now: datetime | None = None
    ) -> builtins.list[JobRow | None]:
        """As in `Driver`."""
        return await self._run(partial(query.get, ids=ids), now)

    async def list(
        self,
        where: Filter,
        *,
        cursor: str | None = None,
        limit: int = 100,
        now: datetime | None = None,
    ) -> Page:
        """As in `Driver`."""
        return await self._run(partial(query.page, where=where, cursor=cursor, limit=limit), now)

    async def stats(
        self, queues: Sequence[str] = (), *, now: datetime | None = None
    ) -> builtins.list[Count]:
        """As in `Driver`."""
        return await self._run(partial(query.stats, queues=queues), now)

    async def kinds(self, limit: int = 100) -> builtins.list[str]:
        """As in `Driver`."""
        return await self._run(partial(query.kinds, limit=limit), None)

    async def queues(
        self, change: QueueChange | None = None, *, now: datetime | None = None
    ) -> builtins.list[Queue]:
        """As in `Driver`."""
        return await self._run(partial(query.queues, change=change), now)

    async def compare_and_set(
        self,
        key: str,
        expected: bytes | None,
        value: bytes | None,
        *,
        ttl: timedelta | None = None,
        now: datetime | None = None,
    ) -> Cas:
        """As in `Driver`."""
        make = partial(query.compare_and_set, key=key, expected=expected, value=value, ttl=ttl)
        return await self._run(make, now)

    def listen(self, queues: Collection[str]) -> AbstractAsyncContextManager[Wakeups]:
        """As in `Driver`."""
        if self._place.listen is None or self._place.channel is None:
            return nullcontext(Silence())
        return listening(self._place, queues, lambda: self._peers, self._floors)

    async def migrate(self) -> builtins.list[Step]:
        """As in `Driver`; under a lock, so that several may try."""
        return await self._perform(
            lambda env: migrate.migrate(self._place.schema), None, atomic=True
        )

    async def close(self) -> None:
        """As in `Driver`."""
        if self._connections is not None:
            connections, self._connections = self._connections, None
            await connections.close()
        await checkpoint()

    async def __aenter__(self) -> Self:
        """Be ready; the first operation connects."""
        self._ready = native()
        self._connections = Connections(self._place, self._size)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Close."""
        if self._connections is not None:
            connections, self._connections = self._connections, None
            await connections.close()

    async def _write_in(
        self,
        tx: AsyncHandle | None,
        make: Callable[[Env], Op[R]],
        now: datetime | None,
        *,
        atomic: bool,
    ) -> R:
        if tx is None:
            return await self._run(make, now, atomic=atomic)
        if not self._checked:
            await self._check()
        return await self._borrower.run(tx, make, now)

    async def _run(
        self, make: Callable[[Env], Op[R]], now: datetime | None, *, atomic: bool = False
    ) -> R:
        if not self._checked:
            await self._check()
        return await self._perform(make, now, atomic=atomic)

    async def _check(self) -> None:
        self._borrower.home = await self._perform(lambda env: migrate.check(str(self._place)), None)
        self._checked = True

    async def _perform(
        self, make: Callable[[Env], Op[R]], now: datetime | None, *, atomic: bool = False
    ) -> R:
        if self._connections is None:
            raise Unavailable(f"{self._place}: the driver is closed: `async with` opens it")
        env = self._place.env(now)
        shell = together if atomic else alone
        connections = self._connections
        dialled = await connections.take()
        try:
            link = dialled.link
            return await wait(shell(link, env, make(env)), link.pgconn, self._ready)
        except psycopg.Error as error:
            translated = translate(error, str(self._place))
            if translated is error:
                raise
            raise translated from error
        finally:
            connections.give_back(dialled)
