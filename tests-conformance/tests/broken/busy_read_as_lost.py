"""A row that a transaction has locked is skipped like one that is gone: lost, not busy."""

from __future__ import annotations

from goncordia.answers import Finished
from goncordia.memory import MemoryDriver

SUBJECT = ("busy", "wait", "finish")


class Broken(MemoryDriver):
    async def finish(self, outcomes, *, tx=None, now=None):
        answers = await super().finish(outcomes, tx=tx, now=now)
        return [Finished.LOST if answer is Finished.BUSY else answer for answer in answers]
