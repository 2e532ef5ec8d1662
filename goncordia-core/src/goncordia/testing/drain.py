"""Running what is due, until nothing is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Never
from uuid import UUID

import anyio

from goncordia.args import Args
from goncordia.driver import Driver
from goncordia.handler import Job, Verdict
from goncordia.jobs import JobRow
from goncordia.lifecycle import State
from goncordia.middleware import Next
from goncordia.pool import worker_pool
from goncordia.pool.settings import PoolOptions
from goncordia.registry import Registry

LIMIT = 1000
"""Runs after which it is no draining any more."""


class Drained:
    """What became of the jobs that ran."""

    def __init__(self, rows: Sequence[JobRow], errors: Sequence[Exception], runs: int) -> None:
        """Made by `drain`."""
        self.rows = tuple(rows)
        """Each job that ran, as it stands now."""
        self.errors = tuple(errors)
        """What handlers raised, in order; no verdicts."""
        self.runs = runs
        """Handlers that ran; a job that was tried again counts again."""

    def count(self, state: State) -> int:
        """How many of the jobs are in that state now."""
        return sum(row.state is state for row in self.rows)

    def __repr__(self) -> str:
        states = Counter(row.state.value for row in self.rows)
        told = ", ".join(f"{n} {state}" for state, n in states.items())
        return f"<Drained: {told or 'nothing was due'}>"


class _Runs:
    """Notes what runs, and what it raises."""

    def __init__(self) -> None:
        self.ids: dict[UUID, None] = {}
        self.kinds: Counter[str] = Counter()
        self.errors: list[Exception] = []
        self.scope = anyio.CancelScope()

    async def layer(self, job: Job[Args], call_next: Next) -> object:
        self.ids[job.id] = None
        self.kinds[job.kind] += 1
        if self.kinds.total() > LIMIT:
            self.scope.cancel()
        try:
            return await call_next(job)
        except Verdict:
            raise
        except Exception as error:
            self.errors.append(error)
            raise


async def drain(
    driver: Driver[Never], registry: Registry, options: PoolOptions, *, keep_errors: bool
) -> Drained:
    """Run what is due in all queues until nothing is; raise what handlers raised unless kept."""
    __tracebackhide__ = True
    runs = _Runs()
    known = [queue.name for queue in await driver.queues()]
    own: PoolOptions = {**options, "middleware": (*options.get("middleware", ()), runs.layer)}
    own.setdefault("queues", [*registry.queues, "default", *known])
    async with worker_pool(driver, registry, **own) as pool:
        with runs.scope:
            await pool.idle()
    if runs.scope.cancelled_caught:
        kind, n = runs.kinds.most_common(1)[0]
        raise AssertionError(
            f"still not drained after {LIMIT} runs, {n} of them of kind {kind!r}: do handlers "
            "enqueue each other for ever, or retry without waiting?"
        )
    if runs.errors and not keep_errors:
        raise _one(runs.errors)
    found = await driver.get(list(runs.ids), now=_told(options))
    rows = [row for row in found if row is not None]
    return Drained(rows, runs.errors, runs.kinds.total())


def _told(options: PoolOptions) -> datetime | None:
    clock = options.get("clock")
    return None if clock is None else clock.told()


def _one(errors: Sequence[Exception]) -> Exception:
    if len(errors) == 1:
        return errors[0]
    return ExceptionGroup("handlers raised; keep_errors=True leaves it in the answer", errors)
