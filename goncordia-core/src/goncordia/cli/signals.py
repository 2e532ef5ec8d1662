"""What Ctrl-C means to a worker: the first drains, the second stops, the third ends the process.

* The first SIGINT or SIGTERM: nothing more is claimed, what runs may end within the shutdown
  timeout.
* The second: handlers are cancelled at once and their jobs given back, the attempt not counted. A
  plain function in a thread can't be interrupted: unless it asks `job.check_cancelled()` the worker
  waits for it, beats on so that nobody else gets its job, and records its outcome.
* The third: the process ends, by the signal, whatever hangs: a thread, or the event loop itself.
  The jobs that it held are rescued by other workers once the session's time to live has passed, as
  after a crash.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from itertools import count
from types import FrameType

import anyio

log = logging.getLogger("goncordia.worker")

Handler = Callable[[int, FrameType | None], object] | int | None
"""What Python has for a signal."""

STOPPING = (signal.SIGINT, signal.SIGTERM)
LAST = 3
FAREWELL = b"ended; the jobs that were still held here are rescued by other workers\n"


class Stops:
    """What a worker waits for, and what is called when it is to hurry."""

    def __init__(self, stop: Callable[[], None]) -> None:
        """Nobody has asked; the second signal calls `stop`."""
        self.stop = stop
        self.drain = anyio.Event()
        """The first signal came."""

    async def obey(self, signals: AsyncIterator[signal.Signals]) -> None:
        """Do what the first and the second mean."""
        received = await anext(signals)
        log.info("%s: running jobs may end; once more cancels and gives them back", received.name)
        self.drain.set()
        received = await anext(signals)
        log.warning("%s: stopping; once more to end whatever hangs", received.name)
        self.stop()


def end_at_the_third() -> None:
    """End the process at the third of `STOPPING`; call it where they are received already.

    The event loop has no say in it: a handler may have blocked it.
    """
    heard = count(1)

    def hear(before: Handler, number: int, frame: FrameType | None) -> None:
        if next(heard) >= LAST:
            os.write(sys.stderr.fileno(), FAREWELL)  # logging may be what was interrupted
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif callable(before):
            before(number, frame)

    for number in STOPPING:
        signal.signal(number, partial(hear, signal.getsignal(number)))
