"""A snooze costs an attempt."""

from __future__ import annotations

from goncordia.lifecycle import Event, State
from goncordia.memory import MemoryDriver

SUBJECT = ("finish", "attempt", "transaction")


class Broken(MemoryDriver):
    async def finish(self, outcomes, *, tx=None, now=None):
        rows = self.store._table.rows
        held = {o.id for o in outcomes if o.id.int in rows and rows[o.id.int].holding is not None}
        answers = await super().finish(outcomes, tx=tx, now=now)
        for outcome in outcomes:
            record = rows.get(outcome.id.int)
            if outcome.event is Event.SNOOZE and outcome.id in held and record is not None:
                record.attempt += record.state is State.SCHEDULED
        return answers
