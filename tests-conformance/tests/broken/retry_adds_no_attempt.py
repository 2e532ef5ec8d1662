"""A retried job has no attempt more than before: its next run is one too many."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("act", "attempt")


class Broken(MemoryDriver):
    async def act(self, ids, action, *, now=None):
        rows = self.store._table.rows
        limits = {one.int: rows[one.int].max_attempts for one in ids if one.int in rows}
        answers = await super().act(ids, action, now=now)
        for num, limit in limits.items():
            if num in rows:
                rows[num].max_attempts = limit
        return answers
