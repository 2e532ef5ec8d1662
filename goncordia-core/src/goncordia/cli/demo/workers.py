"""Worker processes: `goncordia worker`, as anybody would start it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from anyio.abc import Process

from goncordia.cli.demo.journal import FILE
from goncordia.errors import GoncordiaError

CONCURRENCY = 10
TTL, BEAT = 4.0, 0.5
"""Seconds; short, so that a killed worker is missed soon."""
FAREWELL = 5.0
"""Seconds that a killed process may take to be gone."""


class WorkerDied(GoncordiaError):
    """A worker process of the demo ended by itself."""


@asynccontextmanager
async def worker(path: str, url: str, loop: str) -> AsyncGenerator[Process]:
    """A worker process on the file, killed at the end of the block if it still runs."""
    command = [
        sys.executable, "-m", "goncordia.cli", "worker", "goncordia.cli.demo.handlers:jobs",
        "--driver", url, "--loop", loop, "--concurrency", str(CONCURRENCY),
        "--session-ttl", str(TTL), "--beat-every", str(BEAT),
    ]  # fmt: skip
    with log_file(path).open("ab") as log:
        process = await anyio.open_process(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, FILE: path},
        )
        try:
            yield process
        finally:
            with anyio.move_on_after(FAREWELL, shield=True):
                if process.returncode is None:
                    process.kill()
                await process.aclose()


def log_file(path: str) -> Path:
    """Where the workers of a file log."""
    return Path(f"{path}.log")


def died(process: Process, path: str) -> WorkerDied:
    """What to raise for a process that should have gone on."""
    log = log_file(path)
    lines = log.read_text("utf-8", "replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "nothing")
    return WorkerDied(
        f"worker {process.pid} ended with status {process.returncode}; the last that it said, in "
        f"{log}: {last}"
    )
