"""A prune removes whatever is older than a week, be it ended or not."""

from __future__ import annotations

from datetime import timedelta

from goncordia.memory import MemoryDriver
from goncordia.memory.writes import Writes

SUBJECT = ("prune",)
WEEK = timedelta(days=7)


class Broken(MemoryDriver):
    async def prune(self, limit, *, now=None):
        answer = await super().prune(limit, now=now)
        moment = self.store._moment(now)
        writes = Writes(self.store._table)
        for record in self.store._table.rows.values():
            if record.created_at < moment.at - WEEK and record.holding is None:
                writes.remove(record)
        writes.apply(moment)
        return answer
