"""huey, on a SQLite file; its handlers run in threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from huey import SqliteHuey
from huey.consumer import Consumer
from statements import CountsStatements
from subject import TO, Subject


class SUBJECT(CountsStatements, Subject):
    settings = (
        "SqliteHuey, WAL, fsync on, a thread for each job at once (30 at most), results not kept, "
        "polled each 10 ms; it has no batches"
    )

    async def open(self) -> None:
        self.huey = SqliteHuey("bench", filename=self.url, fsync=True, results=False)
        loop = asyncio.get_running_loop()

        @self.huey.task(name="note")
        def note(n: int, to: str) -> None:
            self.work.in_thread(loop)

        self.note = note

    async def close(self) -> None:
        self.huey.storage.close()

    async def clear(self) -> None:
        self.huey.flush()

    async def enqueue(self, n: int) -> None:
        self.note(n, TO)

    @asynccontextmanager
    async def worker(self, concurrency: int) -> AsyncGenerator[None]:
        consumer = Consumer(
            self.huey,
            workers=min(concurrency, 30),
            periodic=False,
            initial_delay=0.01,
            max_delay=0.01,
            check_worker_health=False,
        )
        consumer._set_signal_handlers = lambda: None
        consumer.start()
        try:
            yield
        finally:
            await asyncio.to_thread(consumer.stop, graceful=True)
