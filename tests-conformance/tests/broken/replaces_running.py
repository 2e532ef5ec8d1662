"""A unique job with the policy replace takes the place of one that is running."""

from __future__ import annotations

from goncordia.answers import Inserted, Insertion
from goncordia.jobs import Conflict
from goncordia.memory import MemoryDriver

SUBJECT = ("insert", "replaced", "transaction", "replace")


class Broken(MemoryDriver):
    async def insert(self, jobs, *, tx=None, now=None):
        if tx is not None or len(jobs) != 1:
            return await super().insert(jobs, tx=tx, now=now)
        [answer] = await super().insert(jobs, now=now)
        unique, table = jobs[0].unique, self.store._table
        holder = None if answer.other is None else table.rows.get(answer.other.int)
        if unique is None or unique.on_conflict is not Conflict.REPLACE or holder is None:
            return [answer]
        if answer.status is Insertion.SKIPPED and holder.holding is not None:
            del table.keys[unique.key]
            await super().insert(jobs, now=now)
            return [Inserted(answer.id, Insertion.REPLACED, holder.id)]
        return [answer]
