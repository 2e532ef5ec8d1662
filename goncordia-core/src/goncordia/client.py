"""The client of code on an event loop: enqueues jobs, looks at them, acts on them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TypeVar, Unpack

from goncordia.clock import Clock
from goncordia.codec import PAYLOAD_LIMIT
from goncordia.driver import Driver
from goncordia.jobs import JobRow
from goncordia.middleware import Enqueuing
from goncordia.operations import Operations, Tx_contra, Where
from goncordia.requests import Call, Op, Wait
from goncordia.system_clock import SystemClock

R = TypeVar("R")


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
