"""The worker's session is the fence: after a release its old token ends the job's next run."""

from __future__ import annotations

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("finish", "transaction", "recorded")


class Broken(MemoryDriver):
    def __init__(self, **options):
        super().__init__(**options)
        self.owners = {}

    async def claim(self, claim, *, now=None):
        self.owners[claim.token] = claim.session
        return await super().claim(claim, now=now)

    async def finish(self, outcomes, *, tx=None, now=None):
        return await super().finish([self._same(o) for o in outcomes], tx=tx, now=now)

    def _same(self, outcome):
        record = self.store._table.rows.get(outcome.id.int)
        if record is None or record.holding is None:
            return outcome
        if self.owners.get(outcome.token) != record.holding.session.id:
            return outcome
        return msgspec.structs.replace(outcome, token=record.holding.token)
