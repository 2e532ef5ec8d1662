"""Attempts are compared with `>` in place of `>=`: each job fails once more than it may."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("finish", "attempt", "transaction")


class Broken(MemoryDriver):
    async def finish(self, outcomes, *, tx=None, now=None):
        records = [self.store._table.rows.get(outcome.id.int) for outcome in outcomes]
        held = [r for r in records if r is not None and r.holding is not None]
        for record in held:
            record.max_attempts += 1
        try:
            return await super().finish(outcomes, tx=tx, now=now)
        finally:
            for record in held:
                self.store._table.rows[record.id.int].max_attempts = record.max_attempts - 1
