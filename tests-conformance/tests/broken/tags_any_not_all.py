"""A filter by several tags finds jobs that carry any of them (procrastinate)."""

from __future__ import annotations

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("list",)
BLIND = "hit"
EVERYTHING = 1_000_000


class Broken(MemoryDriver):
    async def list(self, where, *, cursor=None, limit=100, now=None):
        if len(where.tags) < 2:
            return await super().list(where, cursor=cursor, limit=limit, now=now)
        rest = msgspec.structs.replace(where, tags=())
        page = await super().list(rest, cursor=cursor, limit=EVERYTHING, now=now)
        rows = [row for row in page.rows if set(where.tags) & set(row.tags)]
        page.rows[:] = rows[:limit]
        return msgspec.structs.replace(
            page, cursor=rows[limit - 1].id.hex if len(rows) > limit else None
        )
