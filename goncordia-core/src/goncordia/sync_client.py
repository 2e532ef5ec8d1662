"""The client of code without an event loop: the same operations, blocking."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TypeVar, Unpack
from uuid import UUID

from goncordia.clock import Clock
from goncordia.codec import PAYLOAD_LIMIT, result_of
from goncordia.driver import SyncDriver
from goncordia.endings import Ended
from goncordia.filters import Where
from goncordia.jobs import JobRow
from goncordia.middleware import Enqueuing
from goncordia.operations import Operations, Tx_contra
from goncordia.requests import Call, Op, Wait
from goncordia.system_clock import SystemClock

R = TypeVar("R")
T = TypeVar("T")


class SyncClient(Operations[Tx_contra]):
    """What an application asks of a store, from plain functions and threads.

    As `Client`, over a `SyncDriver`; no thread and no event loop is behind it.
    """

    def __init__(
        self,
        driver: SyncDriver[Tx_contra],
        *,
        require: Iterable[str] = (),
        clock: Clock | None = None,
        payload_limit: int = PAYLOAD_LIMIT,
        enqueuing: Sequence[Enqueuing] = (),
    ) -> None:
        """As `Client`. The clock says what time it is; waits before a resend are real."""
        self._driver = driver
        super().__init__(driver, require, clock or SystemClock(), payload_limit, enqueuing)

    def all_jobs(self, **where: Unpack[Where]) -> Iterator[JobRow]:
        """Each job that `jobs` would show, page after page."""
        page = self.jobs(**where)
        while True:
            yield from page.rows
            if page.cursor is None:
                return
            page = self.jobs(cursor=page.cursor, **where)

    def wait(
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
        return result_of(self.run(self._completion(id, timeout)), type)

    def watch(
        self, *ids: UUID, timeout: timedelta | float | None = None, **where: Unpack[Where]
    ) -> Iterator[Ended]:
        """Each job once, soon after it ended: those of the ids, or those that a filter finds now.

        Without `states` the filter means jobs that have not ended; none at all means all of those.
        Jobs that are enqueued later are not among them. The iteration ends when all have ended, and
        raises `WaitTimeout` after `timeout`. Each look takes up one batch of the driver's size.
        """
        endings = self.run(self._watched(ids, timeout, where))
        while endings:
            yield from self.run(endings.next())

    def run(self, op: Op[R]) -> R:
        """Run an operation of `goncordia.requests`."""
        try:
            step = next(op)
            while True:
                try:
                    answer = self._do(step)
                except BaseException as error:  # raised by the operation, if it lets it out
                    step = op.throw(error)
                else:
                    step = op.send(answer)
        except StopIteration as stop:
            return stop.value

    def _do(self, step: Call | Wait) -> object:
        if isinstance(step, Wait):
            return time.sleep(step.seconds)
        return getattr(self._driver, step.method)(*step.args, **step.kwargs)
