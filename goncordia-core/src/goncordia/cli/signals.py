"""What Ctrl-C means to a worker: the first drains, the second stops, the third ends the process.

* The first SIGINT or SIGTERM: nothing more is claimed, what runs may end within the shutdown
  timeout.
* The second: handlers are cancelled at once and their jobs given back, the attempt not counted. A
  plain function in a thread can't be interrupted: the worker still waits for it, unless it asks
  `job.check_cancelled()`, and its outcome is recorded.
* The third: the process ends, by the signal, whatever its threads do. What was not written by then
  is rescued by other workers after the session's time to live, as after a crash.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import AsyncIterator

import anyio

log = logging.getLogger("goncordia.worker")

STOPPING = (signal.SIGINT, signal.SIGTERM)


class Stops:
    """What a worker waits for and works in."""

    def __init__(self) -> None:
        """Nobody has asked."""
        self.drain = anyio.Event()
        """The first signal came."""
        self.scope = anyio.CancelScope()
        """Cancelled by the second."""

    async def obey(self, signals: AsyncIterator[signal.Signals]) -> None:
        """Do what each signal means."""
        received = await anext(signals)
        log.info(
            "%s: what runs may end; once more to stop it and give its jobs back", received.name
        )
        self.drain.set()
        received = await anext(signals)
        log.warning("%s: stopping; once more to end even if a thread hangs", received.name)
        self.scope.cancel()
        received = await anext(signals)
        log.error("%s: ended; what was still held here is rescued by other workers", received.name)
        signal.signal(received, signal.SIG_DFL)
        os.kill(os.getpid(), received)
