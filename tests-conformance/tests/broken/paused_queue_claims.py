"""A paused queue still gives jobs."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("claim", "paused")


class Broken(MemoryDriver):
    async def claim(self, claim, *, now=None):
        lines = self.store._table.lines.values()
        paused = {line: line.paused_at for line in lines}
        for line in lines:
            line.paused_at = None
        try:
            return await super().claim(claim, now=now)
        finally:
            for line, at in paused.items():
                line.paused_at = at
