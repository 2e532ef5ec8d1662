"""A job that is retried after its end doesn't take its unique key again."""

from __future__ import annotations

from goncordia.actions import Acted, Retry
from goncordia.memory import MemoryDriver

SUBJECT = ("unique", "key", "insert", "transaction")


class Broken(MemoryDriver):
    async def act(self, ids, action, *, now=None):
        table = self.store._table
        ended = {one for one in ids if one.int in table.rows and table.rows[one.int].finished_at}
        answers = await super().act(ids, action, now=now)
        for one, answer in zip(ids, answers, strict=True):
            if isinstance(action, Retry) and answer is Acted.CHANGED and one in ended:
                unique = table.rows[one.int].unique
                if unique is not None:
                    del table.keys[unique.key]
        return answers
