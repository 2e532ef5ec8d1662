"""Worker processes that are killed, frozen and replaced."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from chaos.work import LEDGER

TESTS = Path(__file__).parents[1]
TTL, BEAT = 3.0, 0.5
"""Seconds: of the workers' sessions, and between their beats."""
PATIENCE = 60.0
"""Seconds in which a worker ends that is asked to."""


class Crew:
    """So many `goncordia worker` processes on one store, whoever dies."""

    def __init__(self, url: str, folder: Path, size: int, loops: list[str]) -> None:
        """`folder` takes their logs and their ledger; `loops` are what they run on, by turns."""
        self.ledger = folder / "ledger"
        self.last_words: list[str] = []
        """Of each that ended by itself."""
        self._command = [
            *(sys.executable, "-m", "goncordia.cli", "worker", "chaos.work:jobs", "--driver", url),
            *("--session-ttl", str(TTL), "--beat-every", str(BEAT)),
        ]
        self._folder = folder
        self._loops = loops
        self._workers: list[subprocess.Popen[bytes]] = []
        self._logs: dict[int, Path] = {}
        self._size = size

    def __enter__(self) -> Self:
        """Start them all."""
        self.tend()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Whoever is left is killed."""
        for worker in self._workers:
            worker.kill()
            worker.wait()

    @property
    def log(self) -> str:
        """The last that each of them said."""
        return "\n".join(path.read_text()[-3000:] for path in self._logs.values())

    @property
    def ready(self) -> bool:
        """Whether all have begun: one that meets a store that is away ends at once, and says so."""
        self.tend()
        return all("started on" in self._logs[worker.pid].read_text() for worker in self._workers)

    def tend(self) -> None:
        """Replace those who are gone."""
        gone = [worker for worker in self._workers if worker.poll() is not None]
        self.last_words += [self._logs[worker.pid].read_text()[-1000:] for worker in gone]
        self._workers = [worker for worker in self._workers if worker not in gone]
        while len(self._workers) < self._size:
            self._workers.append(self._hire())

    def kill(self, chance: random.Random) -> None:
        """One of them, by SIGKILL; another one is hired."""
        worker = chance.choice(self._workers)
        self._workers.remove(worker)
        worker.kill()
        worker.wait()
        self.tend()

    def freeze(self, chance: random.Random) -> Callable[[], None]:
        """One of them stands still until the answer is called."""
        worker = chance.choice(self._workers)
        worker.send_signal(signal.SIGSTOP)
        return lambda: worker.send_signal(signal.SIGCONT)

    def dismiss(self) -> list[int]:
        """Ask all to end; their exit codes."""
        for worker in self._workers:
            worker.send_signal(signal.SIGTERM)
        codes = [worker.wait(PATIENCE) for worker in self._workers]
        self._workers.clear()
        return codes

    def _hire(self) -> subprocess.Popen[bytes]:
        number = len(self._logs)
        path = self._folder / f"log.{number}"
        with path.open("wb") as log:
            worker = subprocess.Popen(
                [*self._command, "--loop", self._loops[number % len(self._loops)]],
                cwd=TESTS,
                env={**os.environ, LEDGER: str(self.ledger)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._logs[worker.pid] = path
        return worker
