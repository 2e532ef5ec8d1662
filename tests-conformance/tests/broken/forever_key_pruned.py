"""A key that is held for ever goes with its job."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("unique", "key", "insert", "transaction", "act")


class Broken(MemoryDriver):
    async def prune(self, limit, *, now=None):
        answer = await super().prune(limit, now=now)
        table = self.store._table
        for key, held in list(table.keys.items()):
            if held.id.int not in table.rows:
                del table.keys[key]
        return answer
