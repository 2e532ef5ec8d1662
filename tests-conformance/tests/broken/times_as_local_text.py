"""The time of the next attempt is kept as text of the server's own zone and read as UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
from goncordia.memory import MemoryDriver

SUBJECT = ("run_at", "finish", "transaction")
HERE = timezone(timedelta(hours=1))


class Broken(MemoryDriver):
    async def finish(self, outcomes, *, tx=None, now=None):
        outcomes = [
            msgspec.structs.replace(o, when=o.when.astimezone(HERE).replace(tzinfo=UTC))
            if isinstance(o.when, datetime) and o.when.tzinfo
            else o
            for o in outcomes
        ]
        return await super().finish(outcomes, tx=tx, now=now)
