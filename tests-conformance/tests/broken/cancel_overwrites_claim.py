"""A cancel reads that a job waits, then writes by id: a claim in between is overwritten."""

from __future__ import annotations

from anyio.lowlevel import checkpoint
from goncordia.actions import Acted, Cancel
from goncordia.lifecycle import WAITING, Event, State
from goncordia.memory import MemoryDriver
from goncordia.memory.law import must
from goncordia.memory.writes import Writes

SUBJECT = ("cancel",)
_CANCEL = must(Event.CANCEL, State.AVAILABLE)


class Broken(MemoryDriver):
    async def act(self, ids, action, *, now=None):
        rows = self.store._table.rows
        waited = {one for one in ids if one.int in rows and rows[one.int].state in WAITING}
        await checkpoint()
        answers = await super().act(ids, action, now=now)
        for place, one in enumerate(ids):
            if isinstance(action, Cancel) and one in waited and answers[place] is Acted.REQUESTED:
                self._end(one, now)
                answers[place] = Acted.CHANGED
        return answers

    def _end(self, one, now):
        moment = self.store._moment(now)
        writes = Writes(self.store._table)
        writes.step(self.store._table.rows[one.int], _CANCEL, moment)
        writes.apply(moment)
