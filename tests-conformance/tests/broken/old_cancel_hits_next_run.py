"""A cancel request outlives the run that it was meant for, and stops the next one (arq)."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("cancel",)
BLIND = "hit"


class Broken(MemoryDriver):
    async def claim(self, claim, *, now=None):
        rows = self.store._table.rows
        asked = {num for num, record in rows.items() if record.cancel_requested}
        answer = await super().claim(claim, now=now)
        for job in answer.jobs:
            rows[job.id.int].cancel_requested |= job.id.int in asked
        return answer

    async def act(self, ids, action, *, now=None):
        rows = self.store._table.rows
        asked = {one for one in ids if one.int in rows and rows[one.int].cancel_requested}
        answers = await super().act(ids, action, now=now)
        for one in asked:
            if one.int in rows:
                rows[one.int].cancel_requested = True
        return answers
