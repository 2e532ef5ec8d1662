"""Counts what a worker did, for its last line."""

from __future__ import annotations

from goncordia.args import Args
from goncordia.handler import Job
from goncordia.middleware import Next


class Tally:
    """Middleware that counts the handlers that returned and those that did not."""

    def __init__(self) -> None:
        """Nothing done yet."""
        self.begun = self.returned = 0

    async def __call__(self, job: Job[Args], call_next: Next) -> object:
        """Run the rest and count it."""
        self.begun += 1
        result = await call_next(job)
        self.returned += 1
        return result

    def __str__(self) -> str:
        """As in `128 run, 3 of them not to their end`."""
        others = self.begun - self.returned
        return f"{self.begun} run" + (f", {others} of them not to their end" if others else "")
