"""What a plugin may implement: a driver for a URL scheme, a bridge to foreign handles, extras.

A plugin is a module (or any object) with functions marked `@hookimpl`, named by an entry point. In
the group `goncordia.drivers` the entry point's name is the URL scheme, in `goncordia.handles` it is
the top-level module of the handle's type, in `goncordia.plugins` whatever its author likes; it is
loaded when somebody asks for that name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Never

from pluggy import HookimplMarker, HookspecMarker

from goncordia.driver import Driver, SyncDriver
from goncordia.middleware import Enqueuing, Middleware

PROJECT = "goncordia"
DRIVERS = "goncordia.drivers"
HANDLES = "goncordia.handles"
PLUGINS = "goncordia.plugins"

hookspec = HookspecMarker(PROJECT)
hookimpl = HookimplMarker(PROJECT)


@hookspec(firstresult=True)
def goncordia_open(url: str) -> Driver[Never] | None:
    """The driver that the URL names, not yet entered; None: not mine.

    A URL that names nothing raises `InvalidArgument`; nothing is connected yet.
    """


@hookspec(firstresult=True)
def goncordia_open_sync(url: str) -> SyncDriver[Never] | None:
    """The same store for code without an event loop; None where there is no such driver."""


@hookspec(firstresult=True)
def goncordia_schema(url: str, form: str) -> str | None:
    """All that `migrate` sets up, for people who apply their own; None: not in such a form.

    `form` is `sql` or `cloudformation`. Nothing is connected.
    """


@hookspec(firstresult=True)
def goncordia_foreign_handle(tx: object, dialect: str) -> object | None:
    """The driver's own kind of handle inside a foreign one; None: not mine.

    `dialect` is the `name` of the driver that is to write through it.
    """


@hookspec
def goncordia_middleware() -> Iterable[Middleware]:
    """Middleware that wraps the execution of every job, outermost first."""
    return ()


@hookspec
def goncordia_enqueuing() -> Iterable[Enqueuing]:
    """What wraps each insert, by clients, `job.then` and schedules, outermost first."""
    return ()


@hookspec
def goncordia_cli(app: object) -> None:
    """Add commands to the command line's `cyclopts.App`."""
