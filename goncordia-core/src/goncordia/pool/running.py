"""A job while its handler runs: what `Job` can ask of the pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Never, cast
from uuid import UUID

from goncordia import codec
from goncordia.answers import Finished
from goncordia.args import Args
from goncordia.clock import Scope, When
from goncordia.driver import Driver
from goncordia.enqueue import Enqueue, new_job
from goncordia.errors import (
    CapabilityMissing,
    InvalidArgument,
    LeaseLost,
    TransactionConflict,
    TransactionsUnsupported,
)
from goncordia.handler import CancelReason
from goncordia.handles import check_handle
from goncordia.jobs import ClaimedJob, NewJob, completed
from goncordia.middleware import enqueuing
from goncordia.pool.isolation import on_event_loop
from goncordia.pool.settings import Settings


class Running:
    """The `Control` of one attempt."""

    __slots__ = (
        "_deadline",
        "_driver",
        "_reason",
        "_settings",
        "claim",
        "follow_ups",
        "in_transaction",
        "scope",
    )

    def __init__(
        self, claim: ClaimedJob, driver: Driver[Never], settings: Settings, timeout: float | None
    ) -> None:
        """About to start; `timeout` is in seconds."""
        self.claim = claim
        self.scope: Scope | None = None
        self.follow_ups: Sequence[NewJob] = ()
        self.in_transaction = False
        """Whether the handler completed the job in a transaction of its own."""
        self._driver = driver
        self._settings = settings
        self._reason: CancelReason | None = None
        self._deadline = None if timeout is None else settings.clock.monotonic() + timeout

    def cancel(self, reason: CancelReason) -> None:
        """Keep the first reason, then cancel the handler's scope."""
        if self._reason is None:
            self._reason = reason
        if self.scope is not None and (reason is not CancelReason.SELF or on_event_loop()):
            self.scope.cancel()  # a thread can't, and nothing there would be interrupted

    @property
    def cancel_reason(self) -> CancelReason | None:
        """The first reason, or TIMEOUT when the deadline has passed; readable from any thread."""
        if self._reason is not None:
            return self._reason
        if self._deadline is None:
            return None
        late = self._settings.clock.monotonic() >= self._deadline or self._timed_out()
        return CancelReason.TIMEOUT if late else None

    def _timed_out(self) -> bool:
        """Whether the scope says so: the event loop may have a mock clock of its own."""
        return self.scope is not None and on_event_loop() and self.scope.cancel_called

    async def complete(self, tx: object, result: object) -> None:
        """Complete the job in the handler's own transaction."""
        driver = self._driver
        if driver.capabilities.tx_finish == "none":
            raise TransactionsUnsupported(
                "tx_finish",
                f"{driver.name} can't complete a job in its caller's transaction; return from the "
                "handler, and make its writes safe to repeat",
            )
        check_handle(driver, type(tx))
        data = self.encode(result)
        outcome = completed(self.claim, data, self.follow_ups)
        now = self._settings.clock.told()
        (answer,) = await driver.finish([outcome], tx=cast("Never", tx), now=now)
        if answer is Finished.BUSY:
            raise TransactionConflict(
                f"job {self.claim.id} is locked by another open transaction: roll back and rerun"
            )
        if answer in (Finished.LOST, Finished.GONE):
            raise LeaseLost(
                f"job {self.claim.id} is no longer held by this worker: roll back, somebody else "
                "runs it"
            )
        self.in_transaction = True

    def encode(self, result: object) -> bytes | None:
        """The result as it is stored; raises `InvalidArgument` for what can't be."""
        if result is None:
            return None
        return codec.encode(result, f"result of job {self.claim.id}", self._settings.payload_limit)

    def follow_up(self, args: Args, run_at: When | None) -> UUID:
        """Add a job that is inserted in the same write as the completion."""
        driver, settings = self._driver, self._settings
        if not driver.capabilities.follow_up:
            raise CapabilityMissing(
                "follow_up",
                f"{driver.name} can't insert a follow-up in the same write as the completion: "
                "enqueue it with a client, under a unique key so that a retry can't double it",
            )
        if self.in_transaction:
            raise InvalidArgument("job.then() after job.complete(): say what follows first")
        job = new_job(
            Enqueue(args, run_at=run_at),
            driver.new_id,
            settings.clock.now(),
            settings.payload_limit,
        )
        with enqueuing(settings.enqueuing, [job], None):
            self.follow_ups = (*self.follow_ups, job)
        return job.id
