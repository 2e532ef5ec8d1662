from __future__ import annotations

import signal

import anyio
import pytest
from goncordia.cli.signals import Stops

pytestmark = pytest.mark.anyio


async def test_the_first_drains_and_the_second_stops() -> None:
    send, signals = anyio.create_memory_object_stream[signal.Signals]()
    stopped = anyio.Event()
    stops = Stops(stopped.set)
    with send, signals:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stops.obey, signals)
            assert not stops.drain.is_set()
            await send.send(signal.SIGTERM)
            await stops.drain.wait()
            assert not stopped.is_set()
            await send.send(signal.SIGINT)
            await stopped.wait()
            tasks.cancel_scope.cancel()
