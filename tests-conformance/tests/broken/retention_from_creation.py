"""An ended job is kept so long from its creation, so that one that took long is gone at once (Oban)."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("expire_at", "kept", "prune")
BLIND = True


class Broken(MemoryDriver):
    async def finish(self, outcomes, *, tx=None, now=None):
        answers = await super().finish(outcomes, tx=tx, now=now)
        table = self.store._table
        for outcome in outcomes:
            record = table.rows.get(outcome.id.int)
            if record is not None and record.expire_at and record.finished_at:
                record.expire_at -= record.finished_at - record.created_at
                table.keep(record)
        return answers
