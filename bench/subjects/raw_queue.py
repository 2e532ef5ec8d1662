"""The shortest right loop on a bare client: claim so many, finish so many, until none are left."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from subject import Subject, Unsupported, background

Token = TypeVar("Token")
Claimed = TypeVar("Claimed")


class RawQueue(Subject, Generic[Token, Claimed]):
    """What the stores by hand share."""

    @abstractmethod
    async def take(self, size: int) -> tuple[Token, Sequence[Claimed]]:
        """Claim up to so many jobs, under a token."""

    @abstractmethod
    async def finish(self, claimed: Sequence[Claimed], token: Token) -> None:
        """They are done."""

    @asynccontextmanager
    async def telling(self) -> AsyncGenerator[None]:
        """While the block runs, each enqueue tells a worker, where the store has a voice."""
        raise Unsupported
        yield

    async def told(self) -> None:
        """Return when one was told."""
        raise Unsupported

    @asynccontextmanager
    async def worker(self, concurrency: int) -> AsyncGenerator[None]:
        """As in `Subject`."""
        async with self.telling(), background(self._run(concurrency)):
            yield

    async def _run(self, concurrency: int) -> None:
        while True:
            token, claimed = await self.take(concurrency)
            if claimed:
                # no nursery: raw isolates nobody, and what a job costs there is goncordia's to show
                await asyncio.gather(*(self.work() for _ in claimed))
                await self.finish(claimed, token)
            else:
                await self.told()

    async def drain(self, concurrency: int, n: int, seconds: float) -> float:
        """As in `Subject`; all jobs of a claim wait at once."""
        started = time.perf_counter()
        self.work.begin(started)
        while time.perf_counter() - started < seconds:
            token, claimed = await self.take(concurrency)
            if not claimed:
                break
            if self.work.delay:
                await self.work.loop.sleep(self.work.delay)
            await self.finish(claimed, token)
            self.work.count += len(claimed)
        return self.work.count / (time.perf_counter() - started)

    async def claim(self, size: int) -> float:
        """As in `Subject`."""
        self.prepare(size)
        await self.enqueue_many(0, size)
        started = time.perf_counter()
        token, claimed = await self.take(size)
        took = time.perf_counter() - started
        await self.finish(claimed, token)
        return took
