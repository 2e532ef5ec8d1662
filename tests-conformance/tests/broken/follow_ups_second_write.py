"""Follow-up jobs are written after the outcome: who is cancelled in between loses them."""

from __future__ import annotations

import msgspec
from goncordia.memory import MemoryDriver
from goncordia.memory.finish import holds

SUBJECT = ("finish", "follow", "faults")


class Broken(MemoryDriver):
    async def finish(self, outcomes, *, tx=None, now=None):
        rows = self.store._table.rows
        held = [o for o in outcomes if o.id.int in rows and holds(rows[o.id.int], o.token)]
        bare = [msgspec.structs.replace(outcome, follow_ups=()) for outcome in outcomes]
        answers = await super().finish(bare, tx=tx, now=now)
        jobs = [job for outcome in held for job in outcome.follow_ups]
        if jobs:
            await super().insert(jobs, tx=tx, now=now)
        return answers
