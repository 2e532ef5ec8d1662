"""Running a command on the event loop of the user's choice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import Literal, TypeVar

import anyio

from goncordia.errors import InvalidArgument

R = TypeVar("R")
Name = Literal["asyncio", "trio", "uvloop"]


def run(work: Callable[[], Awaitable[R]], loop: Name) -> R:
    """Run to the end; raises `InvalidArgument` for a loop that is not installed."""
    if find_spec(loop) is None:
        raise InvalidArgument(f"--loop {loop}: it is not installed; pip install {loop}")
    if loop == "uvloop":
        return anyio.run(work, backend="asyncio", backend_options={"use_uvloop": True})
    return anyio.run(work, backend=loop)
