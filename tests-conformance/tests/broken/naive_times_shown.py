"""Times come back without their zone."""

from __future__ import annotations

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("run_at", "time")


def naive(row):
    return row and msgspec.structs.replace(row, run_at=row.run_at.replace(tzinfo=None))


class Broken(MemoryDriver):
    async def get(self, ids, *, now=None):
        return [naive(row) for row in await super().get(ids, now=now)]

    async def list(self, where, *, cursor=None, limit=100, now=None):
        page = await super().list(where, cursor=cursor, limit=limit, now=now)
        return msgspec.structs.replace(page, rows=[naive(row) for row in page.rows])
