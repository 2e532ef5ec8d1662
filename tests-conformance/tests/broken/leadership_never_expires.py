"""A value never expires: a leader that died leads for ever."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("compare_and_set", "cas")


class Broken(MemoryDriver):
    async def compare_and_set(self, key, expected, value, *, ttl=None, now=None):
        return await super().compare_and_set(key, expected, value, now=now)
