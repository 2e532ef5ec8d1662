"""What Ctrl-C means to a worker: the first drains, the second stops, the third ends the process.

* The first SIGINT or SIGTERM: nothing more is claimed, what runs may end within the shutdown
  timeout.
* The second: handlers are cancelled at once and their jobs given back, the attempt not counted. A
  plain function in a thread can't be interrupted: unless it asks `job.check_cancelled()` the worker
  waits for it, beats on so that nobody else gets its job, and records its outcome.
* The third: the process ends, by the signal, whatever its threads do. The jobs that they held are
  rescued by other workers once the session's time to live has passed, as after a crash.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import AsyncIterator, Callable

import anyio

log = logging.getLogger("goncordia.worker")

STOPPING = (signal.SIGINT, signal.SIGTERM)


class Stops:
    """What a worker waits for, and what is called when it is to hurry."""

    def __init__(self, stop: Callable[[], None]) -> None:
        """Nobody has asked; the second signal calls `stop`."""
        self.stop = stop
        self.drain = anyio.Event()
        """The first signal came."""

    async def obey(self, signals: AsyncIterator[signal.Signals]) -> None:
        """Do what each signal means."""
        received = await anext(signals)
        log.info("%s: running jobs may end; once more cancels and gives them back", received.name)
        self.drain.set()
        received = await anext(signals)
        log.warning("%s: stopping; once more to end even if a thread hangs", received.name)
        self.stop()
        received = await anext(signals)
        log.error("%s: ended; what was still held here is rescued by other workers", received.name)
        signal.signal(received, signal.SIG_DFL)
        os.kill(os.getpid(), received)
