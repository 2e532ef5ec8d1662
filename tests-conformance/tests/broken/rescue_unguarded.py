"""A rescue picks the jobs of the dead, then takes them back by id: two leaders do it twice."""

from __future__ import annotations

from anyio.lowlevel import checkpoint
from goncordia.jobs import AttemptError
from goncordia.memory import MemoryDriver

SUBJECT = ("rescue", "leader")


class Broken(MemoryDriver):
    async def rescue(self, limit, *, observed=None, now=None):
        table = self.store._table
        for lease in table.leases.values():
            moment = self.store._moment(now)
            lease.alive &= not lease.silent(moment.at, observed)
        dead = [lease for lease in table.leases.values() if not lease.alive]
        picked = [
            num for lease in dead for holding in lease.claims.values() for num in holding.jobs
        ]
        await checkpoint()
        for num in picked[:limit]:
            record = table.rows.get(num)
            if record is not None and record.holding is None and record.errors:
                last: AttemptError = record.errors[-1]
                record.blame(last)
        return await super().rescue(limit, observed=observed, now=now)
