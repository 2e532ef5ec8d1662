"""A job is retried though another one holds its unique key by now."""

from __future__ import annotations

from goncordia.actions import Retry
from goncordia.memory import MemoryDriver

SUBJECT = ("act", "unique", "key")


class Broken(MemoryDriver):
    async def act(self, ids, action, *, now=None):
        table = self.store._table
        for one in ids if isinstance(action, Retry) else ():
            record = table.rows.get(one.int)
            if record is not None and record.finished_at and record.unique is not None:
                table.keys.pop(record.unique.key, None)
        return await super().act(ids, action, now=now)
