"""Acting on all jobs that a filter finds: page after page, each page one bounded batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

import msgspec

from goncordia.actions import Acted, Action, Amend, Cancel, Delete, Retry
from goncordia.answers import Filter
from goncordia.errors import InvalidArgument
from goncordia.filters import Where, filter_of
from goncordia.lifecycle import ENDED, LIVE, WAITING, State
from goncordia.requests import Op, Store, insist

MEANT: Mapping[type[Action], Collection[State]] = {
    Cancel: LIVE,
    Retry: {State.DISCARDED},
    Amend: WAITING,
    Delete: WAITING | ENDED,
}
"""The states that an action is for where its filter names none."""


class Sweep(msgspec.Struct, frozen=True):
    """What an action did to the jobs that a filter found."""

    found: int
    acted: dict[Acted, int] = {}
    """How many were answered so; nothing after a dry run."""
    more: bool = False
    """The limit was reached, and there are others."""

    @property
    def changed(self) -> int:
        """How many were changed, or asked to stop."""
        return self.acted.get(Acted.CHANGED, 0) + self.acted.get(Acted.REQUESTED, 0)


def wanted(where: Where, action: Action) -> Filter:
    """Which jobs are meant; raises `InvalidArgument` for a filter that says nothing."""
    if not any(where.values()):
        raise InvalidArgument(
            "the filter is empty: name states, kinds, queues or tags; states=list(State) is any job"
        )
    return filter_of(where, MEANT[type(action)])


def sweep(
    where: Filter, action: Action | None, limit: int | None, batch: int, now: datetime | None
) -> Op[Sweep]:
    """Act on what the filter finds, newest first; no action: count it.

    Pages lead to ever older jobs, so that it ends however many come in meanwhile.
    """
    found, cursor, acted = 0, None, Counter[Acted]()
    while limit is None or found < limit:
        size = batch if limit is None else min(batch, limit - found)
        page = yield from insist(Store.list, where, cursor=cursor, limit=size, now=now)
        found += len(page.rows)
        if action is not None and page.rows:
            ids = [row.id for row in page.rows]
            acted.update((yield from insist(Store.act, ids, action, now=now)))
        cursor = page.cursor
        if cursor is None:
            break
    return Sweep(found, dict(acted), cursor is not None)
