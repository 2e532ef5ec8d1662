"""Follow-up jobs are written before the fence is asked: those of a zombie, too."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("finish", "transaction", "job")


class Broken(MemoryDriver):
    async def finish(self, outcomes, *, tx=None, now=None):
        jobs = [job for outcome in outcomes for job in outcome.follow_ups]
        if jobs:
            await super().insert(jobs, tx=tx, now=now)
        return await super().finish(outcomes, tx=tx, now=now)
