"""SAQ on PostgreSQL."""

from __future__ import annotations

from peers.saq_queue import Saq


class SUBJECT(Saq):
    settings = "psycopg binary, pool of 4 to 20 (its default), LISTEN; it has no batches"

    async def clear(self) -> None:
        async with self.queue.pool.connection() as db:
            await db.execute("TRUNCATE saq_jobs")
