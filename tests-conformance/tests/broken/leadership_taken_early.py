"""A value expires at half of its time: a leader that lives is deposed."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("compare_and_set", "cas")


class Broken(MemoryDriver):
    async def compare_and_set(self, key, expected, value, *, ttl=None, now=None):
        half = None if ttl is None else ttl / 2
        return await super().compare_and_set(key, expected, value, ttl=half, now=now)
