"""A rescue never discards: a job that kills its worker comes back beyond its attempts."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("rescue", "attempt")


class Broken(MemoryDriver):
    async def rescue(self, limit, *, observed=None, now=None):
        held = [r for r in self.store._table.rows.values() if r.holding is not None]
        limits = {record.id.int: record.max_attempts for record in held}
        for record in held:
            record.max_attempts = record.attempt + 1
        answer = await super().rescue(limit, observed=observed, now=now)
        for num, most in limits.items():
            self.store._table.rows[num].max_attempts = most
        return answer
