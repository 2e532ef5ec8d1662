"""A job is retried while it runs, and runs twice."""

from __future__ import annotations

from goncordia.actions import Acted, Retry
from goncordia.lifecycle import Event, State
from goncordia.memory import MemoryDriver
from goncordia.memory.law import must
from goncordia.memory.writes import Writes

SUBJECT = ("act", "retry", "running")
_RETRY = must(Event.RETRY, State.DISCARDED)


class Broken(MemoryDriver):
    async def act(self, ids, action, *, now=None):
        answers = await super().act(ids, action, now=now)
        moment = self.store._moment(now)
        for place, one in enumerate(ids):
            if isinstance(action, Retry) and answers[place] is Acted.RUNNING:
                writes = Writes(self.store._table)
                new = writes.step(self.store._table.rows[one.int], _RETRY, moment)
                new.max_attempts = max(new.max_attempts, new.attempt + 1)
                writes.apply(moment)
                answers[place] = Acted.CHANGED
        return answers
