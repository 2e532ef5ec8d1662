"""A claim writes its rows, then the session's list of them: cancelled in between it loses jobs."""

from __future__ import annotations

from anyio.lowlevel import checkpoint
from goncordia.memory import MemoryDriver

SUBJECT = ("claim", "cancel")


class Broken(MemoryDriver):
    async def claim(self, claim, *, now=None):
        answer = await super().claim(claim, now=now)
        lease = self.store._table.leases[claim.session]
        holding = lease.claims.pop(claim.token, None)
        await checkpoint()
        if holding is not None:
            lease.claims[claim.token] = holding
        return answer
