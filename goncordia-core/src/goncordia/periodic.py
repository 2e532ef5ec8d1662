"""Which jobs are enqueued again and again: names, schedules, and what to enqueue at a tick."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from goncordia.args import Args
from goncordia.clock import EPOCH, due, to_micros
from goncordia.enqueue import Enqueue, new_job
from goncordia.errors import InvalidArgument
from goncordia.ids import uuid7_of
from goncordia.jobs import QUEUE_NAME, NewJob
from goncordia.schedule import Schedule

CATCH_UP_LIMIT = 1000
"""The most missed ticks that are made up for."""

Mint = Callable[[str, str, datetime, bytes], UUID]
"""Makes an id of kind, queue, instant and seed."""


class Overlap(StrEnum):
    """What a tick does while the job of the last one still lives."""

    ALLOW = "allow"
    """It enqueues its job all the same."""
    SKIP = "skip"
    """It enqueues none: a job waits, runs or is to be tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Periodic:
    """A job that is enqueued at each tick of a schedule; made by `Schedules.add`."""

    name: str
    schedule: Schedule
    job: Args | Enqueue | Callable[[datetime], Args | Enqueue]
    catch_up: int
    overlap: Overlap
    run_on_start: bool

    def new_job(self, tick: datetime, mint: Mint, limit: int) -> NewJob:
        """The job of a tick, due at it, under an id that follows from name and tick.

        `limit` is in bytes, as for a client. Raises as `enqueue` does, and what a function raises.
        """
        made = self.job(tick) if callable(self.job) else self.job
        request = made if isinstance(made, Enqueue) else Enqueue(made)
        run_at = tick if request.run_at is None else due(request.run_at, tick)
        seed = f"{self.name} {to_micros(tick)}".encode()
        return new_job(
            msgspec.structs.replace(request, run_at=run_at),
            lambda kind, queue: mint(kind, queue, tick, seed),
            tick,
            limit,
        )


class Schedules:
    """The periodic jobs of an application, each under a name of its own.

    Give them to every worker pool, `worker_pool(driver, jobs, schedules=schedules)`: the pools see
    to it that each tick enqueues one job. The name is what the store remembers a schedule by. A
    changed line goes on from the last tick; a new name starts from now.
    """

    def __init__(self) -> None:
        """Empty."""
        self._by_name: dict[str, Periodic] = {}

    def add(
        self,
        name: str,
        schedule: Schedule,
        job: Args | Enqueue | Callable[[datetime], Args | Enqueue],
        *,
        catch_up: int = 1,
        overlap: Overlap = Overlap.ALLOW,
        run_on_start: bool = False,
    ) -> None:
        """Enqueue a job at each tick of the schedule.

        `job` are the args, `Enqueue(args, ...)` with options, or a function of the tick that makes
        either. A job is due at its tick; a span in `run_at` counts from there.

        `catch_up` is how many of the ticks that nobody was there for are made up for, the last
        ones: 1 for the latest, 0 for none (a tick is missed when a later one has come, or when it
        is more than a minute ago). `run_on_start` enqueues a job at once when the name is seen for
        the first time ever.

        Raises `InvalidArgument` for a name that is taken, for what no store takes, and as `enqueue`
        does.
        """
        if not QUEUE_NAME.fullmatch(name):
            raise InvalidArgument(f"schedule {name!r}: use 1 to 128 letters, digits and _ . : / -")
        if name in self._by_name:
            raise InvalidArgument(f"there is a schedule {name!r} already; a name has one")
        if not 0 <= catch_up <= CATCH_UP_LIMIT:
            raise InvalidArgument(f"catch_up={catch_up!r}: use 0 to {CATCH_UP_LIMIT}")
        entry = Periodic(
            name=name,
            schedule=schedule,
            job=job,
            catch_up=catch_up,
            overlap=Overlap(overlap),
            run_on_start=run_on_start,
        )
        if not callable(job):
            entry.new_job(EPOCH, lambda kind, queue, at, seed: uuid7_of(at, seed), sys.maxsize)
        self._by_name[name] = entry

    def __iter__(self) -> Iterator[Periodic]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)
