"""Where wall time goes: a thousand looks a second at what the main thread runs.

Runs in the subject's own environment, so it needs nothing but the standard library.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from types import FrameType
from typing import Self

INTERVAL = 0.001

SERVER, LIBRARY, ENCODE, LOOP, OURS, BENCH = (
    *("waiting", "client library", "encode, decode", "event loop", "goncordia", "bench"),
)
PARTS = (SERVER, LIBRARY, ENCODE, LOOP, OURS, BENCH)

PLACES = (
    ("/selectors.py", SERVER),
    ("/_io_epoll.py", SERVER),
    ("/goncordia/codec.py", ENCODE),
    ("/goncordia/args.py", ENCODE),
    ("/goncordia_postgres/wire.py", ENCODE),
    ("/goncordia_postgres/rows.py", ENCODE),
    ("/goncordia_postgres/link.py", LIBRARY),  # drive psycopg's generators, which are C
    ("/goncordia_postgres/copying.py", LIBRARY),
    ("/goncordia_postgres/io.py", LIBRARY),
    ("/goncordia_dynamo/values.py", ENCODE),
    ("/goncordia_dynamo/record.py", ENCODE),
    ("/goncordia_dynamo/wire.py", LIBRARY),  # its own client of DynamoDB
    ("/goncordia_dynamo/http.py", LIBRARY),
    ("/goncordia_dynamo/sign.py", LIBRARY),
    ("/goncordia_dynamo/call.py", LIBRARY),
    ("/goncordia_dynamo/stream.py", LIBRARY),
    ("/goncordia_dynamo/io.py", LIBRARY),
    ("/goncordia_", OURS),
    ("/goncordia/", OURS),
    ("/psycopg", LIBRARY),
    ("/sqlite3/", LIBRARY),
    ("/redis/", LIBRARY),
    ("/asyncio/", LOOP),
    ("/anyio/", LOOP),
    ("/sniffio/", LOOP),
    ("/trio/", LOOP),
    ("/outcome/", LOOP),
    ("/threading.py", LOOP),
    ("/bench/", BENCH),
)
"""A part of a file's path, and what its time is spent on; the first that is found."""


class Sampler:
    """Seconds by part, while the block runs; what C does counts for its caller in Python."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._seen: Counter[str] = Counter()
        self._began = 0.0

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGALRM, self._look)
        self._began = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
        return self

    def __exit__(self, *exc: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        took = time.perf_counter() - self._began
        signal.signal(signal.SIGALRM, self._before)
        looks = sum(self._seen.values()) or 1
        self.seconds = {part: took * self._seen[part] / looks for part in PARTS}

    def _look(self, number: int, frame: FrameType | None) -> None:
        while frame is not None:  # the innermost that is known
            part = part_of(frame.f_code.co_filename)
            if part is not None:
                self._seen[part] += 1
                return
            frame = frame.f_back


def part_of(path: str) -> str | None:
    """What a file's time is spent on; None for one that works for its caller."""
    path = path.replace("\\", "/")
    return next((part for place, part in PLACES if place in path), None)
