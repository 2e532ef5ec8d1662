"""A snooze doesn't give its attempt back: it raises the limit instead (River)."""

from __future__ import annotations

from goncordia.lifecycle import Event
from goncordia.memory import MemoryDriver

SUBJECT = ("finish", "attempt")
BLIND = "hit"


class Broken(MemoryDriver):
    async def finish(self, outcomes, *, tx=None, now=None):
        rows = self.store._table.rows
        held = [rows.get(outcome.id.int) for outcome in outcomes]
        attempts = [0 if record is None else record.attempt for record in held]
        answers = await super().finish(outcomes, tx=tx, now=now)
        for outcome, attempt in zip(outcomes, attempts, strict=True):
            record = rows.get(outcome.id.int)
            if outcome.event is Event.SNOOZE and record is not None and record.attempt < attempt:
                record.attempt, record.max_attempts = attempt, record.max_attempts + 1
        return answers
