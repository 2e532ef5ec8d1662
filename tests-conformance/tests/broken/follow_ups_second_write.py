"""Follow-up jobs are written after the outcome: who is cancelled in between loses them."""

from __future__ import annotations

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("finish", "follow")


class Broken(MemoryDriver):
    async def finish(self, outcomes, *, tx=None, now=None):
        bare = [msgspec.structs.replace(outcome, follow_ups=()) for outcome in outcomes]
        answers = await super().finish(bare, tx=tx, now=now)
        done = zip(outcomes, answers, strict=True)
        jobs = [job for o, answer in done if answer == "done" for job in o.follow_ups]
        if jobs:
            await super().insert(jobs, tx=tx, now=now)
        return answers
