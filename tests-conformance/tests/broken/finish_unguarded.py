"""The token is read before the write, and the write goes by id: a rescue in between is undone."""

from __future__ import annotations

from anyio.lowlevel import checkpoint
from goncordia.lifecycle import State
from goncordia.memory import MemoryDriver
from goncordia.memory.finish import holds

SUBJECT = ("finish", "rescue")


class Broken(MemoryDriver):
    async def finish(self, outcomes, *, tx=None, now=None):
        rows = self.store._table.rows
        looked = [(rows[o.id.int], o.token) for o in outcomes if o.id.int in rows]
        held = [(row.id, row.holding) for row, token in looked if holds(row, token)]
        await checkpoint()
        for one, holding in held:
            record = rows[one.int]
            if holding is not None and record.holding is None and record.finished_at is None:
                record.line.counts[record.seen] -= 1
                record.line.kinds[record.kind] -= 1
                record.line.counts[State.RUNNING] += 1
                record.state = record.seen = State.RUNNING
                record.holding = holding
                holding.take(one.int)
        return self.store.finish(outcomes, tx=tx, now=now)
