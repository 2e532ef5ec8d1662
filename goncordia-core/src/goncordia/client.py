"""The client of code on an event loop: enqueues jobs, looks at them, acts on them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import timedelta
from typing import TypeVar, Unpack
from uuid import UUID

from goncordia.clock import Clock
from goncordia.codec import PAYLOAD_LIMIT, result_of
from goncordia.driver import Driver
from goncordia.endings import Ended
from goncordia.filters import Where
from goncordia.jobs import JobRow
from goncordia.middleware import Enqueuing
from goncordia.operations import Operations, Tx_contra
from goncordia.requests import Call, Op, Wait
from goncordia.system_clock import SystemClock

R = TypeVar("R")
T = TypeVar("T")


class Client(Operations[Tx_contra]):
    """What an application asks of a store, on asyncio and on trio.

    `Tx` is the kind of transaction that `tx=` takes: the driver's own. A client holds nothing but
    its driver, which its maker opens and closes; many tasks may share one.
    """

    def __init__(
        self,
        driver: Driver[Tx_contra],
        *,
        require: Iterable[str] = (),
        clock: Clock | None = None,
        payload_limit: int = PAYLOAD_LIMIT,
        enqueuing: Sequence[Enqueuing] = (),
    ) -> None:
        """Refuse what the store does not promise.

        `require` names capabilities (`"tx_insert"`, `"order=strict"`); raises `CapabilityMissing`
        for one that does not hold. `payload_limit` is in bytes, of encoded args and of meta.
        `enqueuing` wraps each insert, the first layer outermost: telemetry, a test's tracker.
        """
        self._driver = driver
        super().__init__(driver, require, clock or SystemClock(), payload_limit, enqueuing)

    async def all_jobs(self, **where: Unpack[Where]) -> AsyncIterator[JobRow]:
        """Each job that `jobs` would show, page after page."""
        page = await self.jobs(**where)
        while True:
            for row in page.rows:
                yield row
            if page.cursor is None:
                return
            page = await self.jobs(cursor=page.cursor, **where)

    async def wait(
        self,
        id: UUID,
        *,
        timeout: timedelta | float | None = None,
        type: type[T] = object,
    ) -> T:
        """Wait for a job's end and return its result, as JSON or as the `type` says.

        It looks by id, ever more rarely, down to once in `habits.poll` seconds. Raises
        `WaitTimeout` after `timeout` (seconds or a timedelta; None: never), `JobFailed` where the
        job ends discarded or cancelled, `JobNotFound` where it is not there or pruned meanwhile,
        `ResultDecodeError` for a result that is not of the type.
        """
        return result_of(await self.run(self._completion(id, timeout)), type)

    async def watch(
        self, *ids: UUID, timeout: timedelta | float | None = None, **where: Unpack[Where]
    ) -> AsyncIterator[Ended]:
        """Each job once, soon after it ended: those of the ids, or those that a filter finds now.

        Without `states` the filter means jobs that have not ended; none at all means all of those.
        Jobs that are enqueued later are not among them. The iteration ends when all have ended, and
        raises `WaitTimeout` after `timeout`. Each look takes up one batch of the driver's size.
        """
        endings = await self.run(self._watched(ids, timeout, where))
        while endings:
            for ended in await self.run(endings.next()):
                yield ended

    async def run(self, op: Op[R]) -> R:
        """Run an operation of `goncordia.requests`."""
        try:
            step = next(op)
            while True:
                try:
                    answer = await self._do(step)
                except BaseException as error:  # raised by the operation, if it lets it out
                    step = op.throw(error)
                else:
                    step = op.send(answer)
        except StopIteration as stop:
            return stop.value

    async def _do(self, step: Call | Wait) -> object:
        if isinstance(step, Wait):
            return await self._clock.sleep(step.seconds)
        return await getattr(self._driver, step.method)(*step.args, **step.kwargs)
