"""A cursor is an offset: what goes between two pages makes the next one skip a row."""

from __future__ import annotations

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("list", "page")


class Broken(MemoryDriver):
    async def list(self, where, *, cursor=None, limit=100, now=None):
        start = int(cursor or 0)
        page = await super().list(where, limit=start + limit, now=now)
        after = None if page.cursor is None else str(start + limit)
        return msgspec.structs.replace(page, rows=page.rows[start:], cursor=after)
