"""A running job's cancel is answered requested, and its worker never hears of it."""

from __future__ import annotations

from goncordia.actions import Acted
from goncordia.memory import MemoryDriver

SUBJECT = ("cancel", "act")


class Broken(MemoryDriver):
    async def act(self, ids, action, *, now=None):
        answers = await super().act(ids, action, now=now)
        for one, answer in zip(ids, answers, strict=True):
            if answer is Acted.REQUESTED:
                self.store._table.rows[one.int].cancel_requested = False
        return answers
