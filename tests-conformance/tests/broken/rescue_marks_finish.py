"""A rescue leaves the mark of finish: the worker that was given up hears done, and nothing was."""

from __future__ import annotations

from goncordia.lifecycle import Event
from goncordia.memory import MemoryDriver

SUBJECT = ("finish", "transaction", "recorded", "token", "record")


class Broken(MemoryDriver):
    async def rescue(self, limit, *, observed=None, now=None):
        rows = self.store._table.rows
        held = {num: r.holding.token for num, r in rows.items() if r.holding is not None}
        answer = await super().rescue(limit, observed=observed, now=now)
        for num, token in held.items():
            if rows[num].holding is None:
                rows[num].mark = (token, Event.COMPLETE, False, False)
        return answer
