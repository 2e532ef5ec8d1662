"""A page begins with the last row of the one before."""

from __future__ import annotations

from uuid import UUID

from goncordia.memory import MemoryDriver

SUBJECT = ("list", "page")


class Broken(MemoryDriver):
    async def list(self, where, *, cursor=None, limit=100, now=None):
        if cursor is not None:
            cursor = UUID(int=UUID(hex=cursor).int + 1).hex
        return await super().list(where, cursor=cursor, limit=limit, now=now)
