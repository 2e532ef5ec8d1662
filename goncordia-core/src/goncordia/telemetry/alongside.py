"""A task beside a block."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager

import anyio

from goncordia.pool.worst import outermost


@asynccontextmanager
async def alongside(
    run: Callable[[], Coroutine[object, object, object]], name: str
) -> AsyncGenerator[None]:
    """Run it while the block runs, and end it then; what either raises leaves as it is."""
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run, name=name)
            yield
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise outermost(group) from None
