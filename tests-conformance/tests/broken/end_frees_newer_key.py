"""Pruning or deleting an old job frees the unique key that a newer one holds."""

from __future__ import annotations

from goncordia.jobs import Hold
from goncordia.memory import MemoryDriver

SUBJECT = ("unique", "key", "insert", "transaction")


class Broken(MemoryDriver):
    async def prune(self, limit, *, now=None):
        return await self._free(super().prune(limit, now=now))

    async def act(self, ids, action, *, now=None):
        return await self._free(super().act(ids, action, now=now))

    async def _free(self, call):
        table = self.store._table
        before = dict(table.rows)
        answer = await call
        for num in before.keys() - table.rows.keys():
            unique = before[num].unique
            if unique is not None and unique.hold is not Hold.FOREVER:
                table.keys.pop(unique.key, None)
        return answer
