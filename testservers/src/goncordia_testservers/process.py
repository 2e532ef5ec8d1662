"""One server's process and folder: the ground that every store's module stands on."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

GUARD = Path(__file__).with_name("guard.py")
PATIENCE = 60.0
"""Seconds for a server to become ready, or to end when asked."""
POLL = 0.02
"""Seconds between two looks whether it is ready."""
SHOWN = 2000
"""Characters of its log that an error quotes."""


class ServerFailed(Exception):
    """A server ended, or did not become ready or end in time; the message quotes its log."""


class NotInstalled(Exception):
    """A program is missing on this machine; the message says how to get it."""


def free_port() -> int:
    """A TCP port on the loopback interface that nobody listened on a moment ago."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def unprivileged() -> str | None:
    """The user that servers run as which refuse to be root; None where we are not root anyway."""
    return "nobody" if os.geteuid() == 0 else None


class ServerProcess:
    """A process that serves out of a folder of its own, and ends with the one that started it.

    `with` makes the folder and, at its end, stops the process and removes the folder. In between it
    can be started, stopped and killed again and again; what it keeps in the folder stays.
    """

    def __init__(
        self,
        name: str,
        *,
        user: str | None = None,
        stopped_by: signal.Signals = signal.SIGTERM,
        abandoned_by: signal.Signals = signal.SIGKILL,
    ) -> None:
        """`user` owns the folder and the process; `abandoned_by` ends it if its starter dies."""
        self.name = name
        self.pid = 0
        """Of the server while it runs."""
        self._user = user
        self._stopped_by = stopped_by
        self._abandoned_by = abandoned_by
        self._guard: subprocess.Popen[str] | None = None
        self._folder: Path | None = None

    def __enter__(self) -> Self:
        """Make the folder."""
        self._folder = Path(tempfile.mkdtemp(prefix=f"goncordia-{self.name}-"))
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill what still runs, and remove the folder."""
        self.stop(self._abandoned_by)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def folder(self) -> Path:
        """What the server keeps; its output goes to `log` in it."""
        if self._folder is None:
            raise RuntimeError(f"{self.name} has no folder yet: enter it by `with` first")
        return self._folder

    @property
    def log(self) -> str:
        """What the server has said so far."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._guard is not None and self._guard.poll() is None

    def start(
        self,
        command: Sequence[str | Path],
        ready: Callable[[], bool],
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start the server and wait until `ready` answers yes.

        Raises `ServerFailed` when it ends before, or takes more than a minute.
        """
        if self.running:
            raise RuntimeError(f"{self.name} runs already: stop it first")
        self._guard = subprocess.Popen(
            [sys.executable, "-IS", GUARD, *self._guarded, self.folder, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C in the terminal is not for servers
            env={**os.environ, **(env or {})},
        )
        assert self._guard.stdout is not None  # noqa: S101 - it is a pipe
        self.pid = int(self._guard.stdout.readline() or 0)
        self._await(ready, f"{self.name} did not become ready")

    def run(self, command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> None:
        """Run a program that prepares the folder, as the user that owns it."""
        result = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            user=self._user,
            group=pwd.getpwnam(self._user).pw_gid if self._user else None,
            extra_groups=[] if self._user else None,
        )
        if result.returncode:
            raise ServerFailed(f"{command[0]} failed:\n{(result.stdout + result.stderr)[-SHOWN:]}")

    def stop(self, how: signal.Signals | None = None) -> None:
        """Ask the server to end and wait until it has; nothing if it does not run."""
        if self._guard is None:
            return
        guard, self._guard = self._guard, None
        for order in (how or self._stopped_by, signal.SIGKILL):
            try:
                _tell(guard, order)
                guard.wait(PATIENCE)
                break
            except subprocess.TimeoutExpired:
                continue
        for pipe in (guard.stdin, guard.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        self.pid = 0

    def signal(self, number: signal.Signals) -> None:
        """Send the server a signal, `SIGSTOP` for instance."""
        if self._guard is not None:
            _tell(self._guard, number)

    @property
    def _guarded(self) -> tuple[str, str]:
        return str(int(self._abandoned_by)), self._user or ""

    def _await(self, ready: Callable[[], bool], failure: str) -> None:
        until = time.monotonic() + PATIENCE
        while not ready():
            if not self.running or time.monotonic() > until:
                self.stop(signal.SIGKILL)
                raise ServerFailed(f"{failure}; its log ends:\n{self.log[-SHOWN:]}")
            time.sleep(POLL)


class OwnServer(ABC):
    """A server of one's own: `with` starts it, and removes it and all that it kept."""

    process: ServerProcess

    @abstractmethod
    def begin(self) -> None:
        """Make what it needs in its folder, and start it."""

    def __enter__(self) -> Self:
        """Start it."""
        self.process.__enter__()
        try:
            self.begin()
        except BaseException:
            self.process.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.process.__exit__(kind, error, trace)


def _tell(guard: subprocess.Popen[str], number: signal.Signals) -> None:
    if guard.poll() is None and guard.stdin is not None:
        with suppress(BrokenPipeError):  # it ended by itself just now
            guard.stdin.write(f"{int(number)}\n")
            guard.stdin.flush()
