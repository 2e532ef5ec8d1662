"""A value is set whatever stands there: a schedule's cursor goes back."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("compare_and_set", "cas")


class Broken(MemoryDriver):
    async def compare_and_set(self, key, expected, value, *, ttl=None, now=None):
        held = self.store._table.values.get(key)
        found = None if held is None else held.value
        return await super().compare_and_set(key, found, value, ttl=ttl, now=now)
