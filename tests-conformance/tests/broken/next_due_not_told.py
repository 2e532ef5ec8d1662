"""A claim doesn't say when the next job falls due: due jobs wait for the poll."""

from __future__ import annotations

from goncordia.memory import MemoryDriver

SUBJECT = ("claim", "next_due_in")


class Broken(MemoryDriver):
    async def claim(self, claim, *, now=None):
        answer = await super().claim(claim, now=now)
        answer.next_due_in = None
        return answer
