"""A prune picks what expired and then deletes it by id: also a job that was retried meanwhile."""

from __future__ import annotations

from anyio.lowlevel import checkpoint
from goncordia.answers import Filter, Progress
from goncordia.lifecycle import ENDED
from goncordia.memory import MemoryDriver
from goncordia.memory.writes import Writes

SUBJECT = ("prune",)
EVERYTHING = 1_000_000


class Broken(MemoryDriver):
    async def prune(self, limit, *, now=None):
        moment = self.store._moment(now)
        rows = self.store.list(Filter(states=tuple(ENDED)), limit=EVERYTHING, now=now).rows
        expired = [row.id.int for row in rows if row.expire_at and row.expire_at <= moment.at]
        await checkpoint()
        writes = Writes(self.store._table)
        found = [writes.find(num) for num in expired[:limit]]
        gone = [record for record in found if record is not None and record.holding is None]
        for record in gone:
            writes.remove(record)
        writes.apply(moment)
        return Progress(len(gone), more=len(expired) > limit)
