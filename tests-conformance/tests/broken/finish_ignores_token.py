"""An outcome is recorded whoever sends it: a zombie overwrites the job of who has it now."""

from __future__ import annotations

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("finish", "transaction")


class Broken(MemoryDriver):
    async def finish(self, outcomes, *, tx=None, now=None):
        return await super().finish([self._let_in(o) for o in outcomes], tx=tx, now=now)

    def _let_in(self, outcome):
        record = self.store._table.rows.get(outcome.id.int)
        if record is None or record.holding is None:
            return outcome
        return msgspec.structs.replace(outcome, token=record.holding.token)
