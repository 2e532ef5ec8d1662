"""All that anybody may see of a store, read through its driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Never
from uuid import UUID

from goncordia.answers import Count, Filter, Queue
from goncordia.driver import Driver
from goncordia.jobs import JobRow
from goncordia.lifecycle import State
from goncordia.sessions import Session

PAGE = 500
MOST_PAGES = 1000


@dataclass(frozen=True, slots=True)
class Seen:
    """A look at a store."""

    rows: Mapping[UUID, JobRow]
    counts: Mapping[tuple[str, str], int] | None
    """None: the store does not count exactly."""
    oldest: Mapping[str, datetime | None]
    """Of each queue with due jobs, where the store counts exactly."""
    queues: Sequence[Queue]
    sessions: Mapping[UUID, Session]
    kinds: Sequence[str]
    order: Sequence[UUID] = ()
    """The ids as they were listed."""

    @property
    def repeated(self) -> bool:
        """Whether a job was listed twice."""
        return len(self.order) != len(self.rows)


NOTHING = Seen({}, None, {}, (), {}, ())


async def look(driver: Driver[Never], now: datetime) -> Seen:
    """See everything."""
    rows = await listed(driver, Filter(), PAGE, now)
    exact = driver.capabilities.counts == "exact"
    counts = await driver.stats(now=now) if exact else None
    return Seen(
        rows={row.id: row for row in rows},
        counts=None if counts is None else counted(counts),
        oldest=oldest(counts or ()),
        queues=await driver.queues(now=now),
        sessions={s.id: s for s in await driver.sessions(now=now)},
        kinds=await driver.kinds(),
        order=[row.id for row in rows],
    )


def counted(counts: Sequence[Count]) -> dict[tuple[str, str], int]:
    """Counts by queue and state."""
    return {(c.queue, c.state.value): c.n for c in counts}


def oldest(counts: Sequence[Count]) -> dict[str, datetime | None]:
    """Since when the oldest due job of each queue has been due; no other count may say such."""
    for count in counts:
        if count.state is not State.AVAILABLE and count.oldest is not None:
            raise AssertionError(
                f"stats: {count.state.value} jobs are not due, yet there is {count}"
            )
    return {c.queue: c.oldest for c in counts if c.state is State.AVAILABLE}


async def listed(
    driver: Driver[Never], where: Filter, limit: int, now: datetime | None
) -> list[JobRow]:
    """The rows of all pages, as they come."""
    rows: list[JobRow] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await driver.list(where, cursor=cursor, limit=limit, now=now)
        if len(page.rows) > limit:
            raise AssertionError(f"a page of at most {limit} has {len(page.rows)} rows")
        rows += page.rows
        cursor = page.cursor
        if cursor is None:
            return rows
    raise AssertionError(f"list: the pages don't end ({MOST_PAGES} of {limit} rows)")
