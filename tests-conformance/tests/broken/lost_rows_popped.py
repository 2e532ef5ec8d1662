"""A claim pops ids from a list and then reads the jobs: what it popped and can't read is gone."""

from __future__ import annotations

from goncordia.memory import MemoryDriver
from goncordia.memory.writes import Writes

SUBJECT = ("claim",)


class Broken(MemoryDriver):
    async def claim(self, claim, *, now=None):
        answer = await super().claim(claim, now=now)
        if len(answer.jobs) > 2:
            lost = answer.jobs.pop()
            moment = self.store._moment(now)
            writes = Writes(self.store._table)
            writes.remove(self.store._table.rows[lost.id.int])
            writes.apply(moment)
        return answer
