"""Hints between processes: one datagram to the socket of every listener in the folder.

A hint is never the truth: it may be missed, doubled or late, and whoever can't be reached polls.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time

import msgspec

from goncordia_sql.sqlite.env import News

SUPPORTED = hasattr(socket, "AF_UNIX")
SUFFIX = ".wake"
_MOST_QUEUES = 100
_LONGEST = 100
"""Bytes of a socket's path, of which the systems allow 104 to 108."""
_SETTLED = 100_000_000
"""Nanoseconds after which a folder's time of change is trusted to tell the next change apart."""


class Hint(msgspec.Struct, array_like=True):
    """What a datagram says."""

    queues: tuple[str, ...] | None = ()
    """With new work; None: any may have."""
    cancels: bool = False
    job: bytes | None = None
    """Not committed yet; who sees this job sees the rest."""


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Hint).decode


class Address:
    """The address of a socket in the folder, also where the path is too long for an address."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._base = folder
        self._fd = -1
        if len(os.fsencode(folder)) > _LONGEST - 32 and os.path.isdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                self._fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                self._base = f"/proc/self/fd/{self._fd}"

    def of(self, name: str) -> str:
        """What to bind or send to."""
        return f"{self._base}/{name}"

    def close(self) -> None:
        """Let go of the folder."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Post:
    """Sends hints; from any thread."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._address: Address | None = None
        self._socket: socket.socket | None = None
        self._names: tuple[str, ...] = ()
        self._seen = -1

    def open(self) -> None:
        """Be ready to send; the folder is there."""
        if SUPPORTED:
            self._address = Address(self._folder)
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    def send(self, news: News, *, committed: bool = True) -> None:
        """Tell every listener, without waiting for any."""
        if self._socket is None or self._address is None or not (names := self._listeners()):
            return
        queues = tuple(news.queues) if len(news.queues) <= _MOST_QUEUES else None
        data = encode(Hint(queues, news.cancels, None if committed else news.job))
        for name in names:
            self._send(self._socket, self._address.of(name), data)

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._address is not None:
            self._address.close()
            self._address = None
        self._seen = -1

    def _send(self, sender: socket.socket, address: str, data: bytes) -> None:
        try:
            sender.sendto(data, address)
        except ConnectionRefusedError:  # its process was killed
            with contextlib.suppress(OSError):
                os.unlink(address)
        except OSError:
            return  # gone, or so full of hints that one more says nothing new

    def _listeners(self) -> tuple[str, ...]:
        try:
            changed = os.stat(self._folder).st_mtime_ns
            if changed != self._seen:
                self._names = tuple(n for n in os.listdir(self._folder) if n.endswith(SUFFIX))
                self._seen = changed if time.time_ns() - changed > _SETTLED else -1
        except OSError:
            return ()  # no folder, no listener
        return self._names
