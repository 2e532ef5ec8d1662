"""Whatever was claimed over an hour ago is rescued, though its worker beats (River's rescuer)."""

from __future__ import annotations

from datetime import timedelta

from goncordia.clock import utc_now
from goncordia.memory import MemoryDriver

SUBJECT = ("rescue",)
BLIND = "missed"
LONGEST = timedelta(hours=1)


class Broken(MemoryDriver):
    async def rescue(self, limit, *, observed=None, now=None):
        at = now or utc_now()
        rows = self.store._table.rows.values()
        held = [(r.holding.session, r.attempted_at or at) for r in rows if r.holding]
        old = {lease for lease, since in held if lease.alive and at - since >= LONGEST}
        for lease in old:
            lease.alive = False
        answer = await super().rescue(limit, observed=observed, now=now)
        for lease in old:
            self.store._table.leases.setdefault(lease.id, lease).alive = True
        return answer
