"""A beat gives back at once what it doesn't name: also a claim whose answer is on its way."""

from __future__ import annotations

from datetime import timedelta

from goncordia.memory import MemoryDriver
from goncordia.retention import RESEND_WINDOW

SUBJECT = ("beat", "released")


class Broken(MemoryDriver):
    async def beat(self, session, tokens, *, now=None):
        table = self.store._table
        lease = table.leases.get(session)
        for holding in lease.claims.values() if lease else ():
            for num in holding.jobs:
                table.rows[num].attempted_at -= RESEND_WINDOW + timedelta(microseconds=1)
        return await super().beat(session, tokens, now=now)
