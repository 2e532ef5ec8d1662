"""A job that was done although its cancel was requested ends cancelled: its work looks undone."""

from __future__ import annotations

import msgspec
from goncordia.lifecycle import Event
from goncordia.memory import MemoryDriver

SUBJECT = ("finish", "transaction")


class Broken(MemoryDriver):
    async def finish(self, outcomes, *, tx=None, now=None):
        return await super().finish([self._turn(o) for o in outcomes], tx=tx, now=now)

    def _turn(self, outcome):
        record = self.store._table.rows.get(outcome.id.int)
        if outcome.event is Event.COMPLETE and record is not None and record.cancel_requested:
            return msgspec.structs.replace(outcome, event=Event.RELEASE)
        return outcome
