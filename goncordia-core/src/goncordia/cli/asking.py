"""Asking a store through a client, from the outside of an event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Never, TypeVar

from goncordia.cli import loops
from goncordia.cli.extras import plugins
from goncordia.cli.faults import reported
from goncordia.client import Client
from goncordia.plugins import open_driver

R = TypeVar("R")


def ask(url: str, work: Callable[[Client[Never]], Awaitable[R]], *, debug: bool) -> R:
    """The answer of the store at that URL; an error of goncordia ends the process, reported."""
    with reported(url, debug=debug):
        return loops.run(lambda: _ask(url, work), "asyncio")


async def _ask(url: str, work: Callable[[Client[Never]], Awaitable[R]]) -> R:
    async with open_driver(url) as driver:
        return await work(Client(driver, enqueuing=plugins().enqueuing))
