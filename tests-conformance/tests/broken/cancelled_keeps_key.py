"""A job cancelled while it waited never frees its unique key (SAQ)."""

from __future__ import annotations

from goncordia.actions import Acted, Cancel
from goncordia.memory import MemoryDriver
from goncordia.memory.table import Held

SUBJECT = ("insert", "key", "transaction")
BLIND = "hit"


class Broken(MemoryDriver):
    async def act(self, ids, action, *, now=None):
        answers = await super().act(ids, action, now=now)
        table = self.store._table
        for one, answer in zip(ids, answers, strict=True):
            if isinstance(action, Cancel) and answer is Acted.CHANGED:
                key = table.rows[one.int].unique
                if key is not None:
                    table.keys[key.key] = Held(one, key.hold)
        return answers
