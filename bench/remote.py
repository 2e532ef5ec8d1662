"""A subject that runs in another process, and is asked for its figures."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from threading import Timer
from typing import Any

from measures import Scale

HERE = Path(__file__).parent
PATIENCE = 120.0
"""Seconds that a turn may take before the subject is given up."""


class Failed(Exception):
    """The subject could not do it; the message says why."""


class NotStarted(Failed):
    """It does not even start."""


class Remote:
    """One subject's process, which is started when it is needed."""

    def __init__(self, python: Path, module: str, url: str, log: Path) -> None:
        self._command = [str(python), str(HERE / "child.py"), module, url]
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self.settings = ""

    def take(
        self,
        measure: str,
        loop: str,
        scale: Scale,
        stock: tuple[int, int] | None = None,
        mark: Callable[[str], None] = lambda _: None,
    ) -> dict[str, float] | None:
        """The figures; None if the subject has no such thing. Raises `Failed`."""
        asked = {"measure": measure, "loop": loop, "scale": asdict(scale), "stock": stock}
        process = self._process or self._start()
        timer = Timer(PATIENCE, process.kill)
        timer.start()
        try:
            answer = self._ask(process, asked)
            while "mark" in answer:
                mark(answer["mark"])
                answer = self._ask(process, {})
        finally:
            timer.cancel()
        if "error" in answer:
            self.close()  # whatever it left behind
            raise Failed(answer["error"])
        return answer.get("figures")

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONPATH": str(HERE)},
            )
        greeting = self._answer(self._process)
        if "error" in greeting:
            self.close()
            raise NotStarted(greeting["error"])
        self.settings = greeting["settings"]
        return self._process

    def _ask(self, process: subprocess.Popen[str], asked: dict[str, Any]) -> dict[str, Any]:
        assert process.stdin is not None
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        return self._answer(process)

    def _answer(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            self.close()
            raise Failed(
                f"it ended, or took more than {PATIENCE:.0f} s: see .bench/{self._log.name}"
            )
        return json.loads(line)
