"""A value is read, compared, and then written: of two at once both win."""

from __future__ import annotations

from anyio.lowlevel import checkpoint
from goncordia.memory import MemoryDriver

SUBJECT = ("compare_and_set",)


class Broken(MemoryDriver):
    async def compare_and_set(self, key, expected, value, *, ttl=None, now=None):
        values = self.store._table.values
        before = values.get(key)
        await checkpoint()
        if before is None:
            values.pop(key, None)
        else:
            values[key] = before
        return self.store.compare_and_set(key, expected, value, ttl=ttl, now=now)
