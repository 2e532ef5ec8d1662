"""An ended job is kept so long from its creation: one that took long is gone at once (Oban)."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("expire_at", "kept", "prune")
BLIND = "hit"


class Broken(MemoryDriver):
    async def finish(self, outcomes, *, tx=None, now=None):
        rows = self.store._table.rows
        running = [o.id.int for o in outcomes if o.id.int in rows and rows[o.id.int].holding]
        answers = await super().finish(outcomes, tx=tx, now=now)
        for record in [rows[num] for num in running]:
            if record.expire_at and record.finished_at:
                record.expire_at -= record.finished_at - record.created_at
                self.store._table.keep(record)
        return answers
