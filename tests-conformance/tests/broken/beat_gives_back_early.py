"""A beat gives back at once what it doesn't name: also a claim whose answer is on its way."""

from __future__ import annotations

from datetime import timedelta

from goncordia.memory import MemoryDriver
from goncordia.retention import RESEND_WINDOW

SUBJECT = ("beat", "released")


class Broken(MemoryDriver):
    async def beat(self, session, tokens, *, now=None):
        rows = self.store._table.rows.values()
        times = [(record, record.attempted_at) for record in rows if record.attempted_at]
        for record, at in times:
            record.attempted_at = at - RESEND_WINDOW - timedelta(microseconds=1)
        answer = await super().beat(session, tokens, now=now)
        for record, at in times:
            self.store._table.rows[record.id.int].attempted_at = at
        return answer
