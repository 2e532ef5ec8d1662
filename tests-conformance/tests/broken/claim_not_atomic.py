"""A claim selects, then updates by id: it takes what another one took meanwhile."""

from __future__ import annotations

from anyio.lowlevel import checkpoint
from goncordia.answers import Filter
from goncordia.lifecycle import State
from goncordia.memory import MemoryDriver

SUBJECT = ("claim",)
EVERYTHING = 1_000_000


class Broken(MemoryDriver):
    async def claim(self, claim, *, now=None):
        where = Filter(states=(State.AVAILABLE,), queues=tuple(claim.wants))
        due = self.store.list(where, limit=EVERYTHING, now=now).rows
        due.sort(key=lambda row: (-row.priority, row.run_at, row.id))
        await checkpoint()
        self._give_up([row.id.int for row in due[: sum(claim.wants.values())]])
        return await super().claim(claim, now=now)

    def _give_up(self, nums):
        """Whoever took one of them meanwhile holds it no more, and does not know."""
        table = self.store._table
        for num in nums:
            record = table.rows.get(num)
            if record is not None and record.holding is not None:
                record.holding.drop(num)
                record.holding, record.attempt = None, record.attempt - 1
                record.state = State.AVAILABLE
                record.line.kinds[record.kind] += 1
                record.line.recount(record, record.at)
