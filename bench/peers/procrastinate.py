"""procrastinate, on psycopg's pool."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from procrastinate import App, PsycopgConnector
from subject import TO, Subject, background


class SUBJECT(Subject):
    settings = (
        "psycopg binary, pool of 4 to 20, LISTEN, polled each second, finished jobs deleted "
        "(delete_jobs=successful), batch_defer for batches"
    )

    async def open(self) -> None:
        connector = PsycopgConnector(conninfo=self.url, min_size=4, max_size=20)
        self.app = App(connector=connector)
        work = self.work

        @self.app.task(name="note")
        async def note(n: int, to: str) -> None:
            await work()

        self.note = note
        await self.app.open_async()
        if not await self.app.check_connection_async():
            await self.app.schema_manager.apply_schema_async()
        self.db = await connector.pool.getconn()
        await self.db.set_autocommit(True)

    async def close(self) -> None:
        await self.db.set_autocommit(False)
        await self.app.connector.pool.putconn(self.db)
        await self.app.close_async()

    async def clear(self) -> None:
        await self.db.execute("TRUNCATE procrastinate_jobs, procrastinate_events CASCADE")

    async def enqueue(self, n: int) -> None:
        await self.note.defer_async(n=n, to=TO)

    async def enqueue_tx(self, n: int) -> None:
        async with self.db.transaction():
            await self.note.configure(connection=self.db).defer_async(n=n, to=TO)

    async def enqueue_many(self, first: int, n: int) -> None:
        await self.note.batch_defer_async(*({"n": i, "to": TO} for i in range(first, first + n)))

    @asynccontextmanager
    async def worker(self, concurrency: int) -> AsyncGenerator[None]:
        running = self.app.run_worker_async(
            concurrency=concurrency,
            fetch_job_polling_interval=1,
            delete_jobs="successful",
            install_signal_handlers=False,
            shutdown_graceful_timeout=1,
        )
        async with background(running):
            yield
