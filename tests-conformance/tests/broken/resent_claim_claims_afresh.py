"""A claim sent again takes as much again, beside what its token holds already."""

from __future__ import annotations

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("claim",)


class Broken(MemoryDriver):
    async def claim(self, claim, *, now=None):
        table = self.store._table
        lease = table.leases.get(claim.session)
        holding = None if lease is None else lease.claims.get(claim.token)
        if not claim.resend or holding is None:
            return await super().claim(claim, now=now)
        held = [table.rows[num].line.name for num in holding.jobs]
        wants = {queue: n + held.count(queue) for queue, n in claim.wants.items()}
        return await super().claim(msgspec.structs.replace(claim, wants=wants), now=now)
