"""An insert of an id that is known replaces the job, whatever became of it."""

from __future__ import annotations

from goncordia.memory import MemoryDriver
from goncordia.memory.writes import Writes

SUBJECT = ("insert", "transaction")


class Broken(MemoryDriver):
    async def insert(self, jobs, *, tx=None, now=None):
        moment = self.store._moment(now)
        writes = Writes(self.store._table)
        for job in jobs:
            record = writes.find(job.id.int)
            if record is not None and record.holding is None:
                writes.remove(record)
        writes.apply(moment)
        return await super().insert(jobs, tx=tx, now=now)
