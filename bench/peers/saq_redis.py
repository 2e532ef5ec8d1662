"""SAQ on Redis."""

from __future__ import annotations

from peers.saq_queue import Saq


class SUBJECT(Saq):
    settings = "redis-py with hiredis; it has no batches"

    async def clear(self) -> None:
        await self.queue.redis.flushdb()
