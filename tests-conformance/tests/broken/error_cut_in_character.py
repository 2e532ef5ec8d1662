"""An error's message is cut to the bytes of its column, in the middle of a character."""

from __future__ import annotations

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("errors", "message", "texts")
COLUMN = 1_999


class Broken(MemoryDriver):
    async def finish(self, outcomes, *, tx=None, now=None):
        return await super().finish([cut(o) for o in outcomes], tx=tx, now=now)


def cut(outcome):
    if outcome.error is None:
        return outcome
    message = outcome.error.message.encode()[:COLUMN].decode(errors="replace")
    error = msgspec.structs.replace(outcome.error, message=message)
    return msgspec.structs.replace(outcome, error=error)
