"""A job that fell due stays scheduled for who looks, until something moves it."""

from __future__ import annotations

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("state", "stats", "waits", "scheduled", "available")


class Broken(MemoryDriver):
    def _as_stored(self, row):
        record = row and self.store._table.rows.get(row.id.int)
        return row and msgspec.structs.replace(row, state=record.state if record else row.state)

    async def get(self, ids, *, now=None):
        return [self._as_stored(row) for row in await super().get(ids, now=now)]

    async def list(self, where, *, cursor=None, limit=100, now=None):
        page = await super().list(where, cursor=cursor, limit=limit, now=now)
        rows = [self._as_stored(row) for row in page.rows]
        return msgspec.structs.replace(page, rows=rows)
