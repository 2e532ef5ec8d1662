"""A session's id is made of the worker's name: after a restart it inherits the dead one's jobs."""

from __future__ import annotations

from uuid import NAMESPACE_OID, uuid5

from goncordia.memory import MemoryDriver
from goncordia.memory.session import Lease

SUBJECT = ("join", "session")


class Broken(MemoryDriver):
    async def join(self, worker, ttl, *, now=None):
        leases = self.store._table.leases
        one = uuid5(NAMESPACE_OID, worker.name)
        lease = Lease(one, worker, ttl, self.store._moment(now).at)
        if one in leases:
            lease.claims = leases[one].claims
        leases[one] = lease
        return lease.shown()
