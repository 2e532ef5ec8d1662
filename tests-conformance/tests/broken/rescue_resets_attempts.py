"""A rescued job begins anew at attempt 0: one that kills its worker is tried for ever."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("rescue", "attempt", "taken back")


class Broken(MemoryDriver):
    async def rescue(self, limit, *, observed=None, now=None):
        rows = self.store._table.rows
        held = [num for num, record in rows.items() if record.holding is not None]
        answer = await super().rescue(limit, observed=observed, now=now)
        for num in held:
            if rows[num].holding is None and rows[num].finished_at is None:
                rows[num].attempt = 0
        return answer
