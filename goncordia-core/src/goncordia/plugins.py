"""Finding drivers: by URL scheme among the entry points, loaded late and alone.

Only the plugin that was asked for is imported, into a plugin manager of its own, so that a broken
neighbour hurts nobody. This is the one module that touches pluggy's untyped caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import NamedTuple, Never, TypeVar, cast, overload

from pluggy import PluginManager

from goncordia import hookspecs
from goncordia.driver import Driver, SyncDriver
from goncordia.errors import DriverNotFound, GoncordiaError, InvalidArgument, PluginNotFound
from goncordia.handles import check_handle
from goncordia.middleware import Enqueuing, Middleware

Tx = TypeVar("Tx")

KNOWN = {
    "cassandra": "goncordia-cassandra",
    "clickhouse": "goncordia-clickhouse",
    "dynamodb": "goncordia-dynamo",
    "firestore": "goncordia-firestore",
    "mariadb": "goncordia-sql",
    "memory": "goncordia-core",
    "mongodb": "goncordia-mongo",
    "mongodb+srv": "goncordia-mongo",
    "mysql": "goncordia-sql",
    "postgres": "goncordia-postgres",
    "postgresql": "goncordia-postgres",
    "redis": "goncordia-redis",
    "rediss": "goncordia-redis",
    "sqlite": "goncordia-sql",
}
"""Which distribution to install for a scheme."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:(?://)?)([^?#]*)(.*)", re.DOTALL)


@overload
def open_driver(url: str) -> Driver[Never]: ...
@overload
def open_driver(url: str, *, tx: type[Tx]) -> Driver[Tx]: ...
def open_driver(url: str, *, tx: type | None = None) -> Driver[Never]:
    """The driver of a URL, which connects when entered: `async with open_driver(...) as driver`.

    `tx` is the kind of transaction that its callers will pass. Raises `DriverNotFound`,
    `InvalidArgument` for a URL that the driver refuses, `HandleMismatch` and
    `TransactionsUnsupported` for a kind of transaction that it does not take.
    """
    driver = cast("Driver[Never]", _open("goncordia_open", url))
    if tx is not None:
        check_handle(driver, tx)
    return driver


@overload
def open_sync_driver(url: str) -> SyncDriver[Never]: ...
@overload
def open_sync_driver(url: str, *, tx: type[Tx]) -> SyncDriver[Tx]: ...
def open_sync_driver(url: str, *, tx: type | None = None) -> SyncDriver[Never]:
    """As `open_driver`, for code without an event loop."""
    driver = cast("SyncDriver[Never]", _open("goncordia_open_sync", url))
    if tx is not None:
        check_handle(driver, tx)
    return driver


def print_schema(url: str, form: str) -> str:
    """All that `migrate` sets up in a URL's store, as `sql` or `cloudformation`.

    Nothing is connected. Raises `InvalidArgument` where the store has no such form, and what
    `open_driver` does.
    """
    _, printed = _ask("goncordia_schema", url, form=form)
    if printed is None:
        scheme = url.partition(":")[0]
        raise InvalidArgument(
            f"{scheme} prints no {form}: leave --{form} out, and let migrate set it up"
        )
    return cast("str", printed)


class Plugins:
    """Plugins that are no drivers, loaded by the names of their entry points.

    Raises `PluginNotFound` for a name that nobody offers, or whose plugin is broken.
    """

    def __init__(self, names: Iterable[str]) -> None:
        """Load them; their order is the order in which their middleware wraps, outermost first."""
        self._manager = _manager()
        for name in reversed(tuple(dict.fromkeys(names))):  # pluggy calls the last one first
            offers, unreadable = _offers(hookspecs.PLUGINS)
            offer = next((offer for offer in offers if offer.entry.name == name), None)
            if offer is None:
                raise PluginNotFound(
                    f"no plugin {name!r} is installed{_there(offers, unreadable)}. Remedy: "
                    "install the distribution that has it, or name another"
                )
            try:
                self._manager.register(offer.entry.load())
            except Exception as error:
                raise PluginNotFound(_broken(f"plugin {name!r}", offer, _cause(error))) from error

    @property
    def middleware(self) -> tuple[Middleware, ...]:
        """What wraps the execution of every job: give it to `worker_pool(middleware=...)`."""
        said = cast("list[Iterable[Middleware]]", self._manager.hook.goncordia_middleware())
        return tuple(layer for layers in said for layer in layers)

    @property
    def enqueuing(self) -> tuple[Enqueuing, ...]:
        """What wraps each insert: give it to `Client(enqueuing=...)` and to `worker_pool`."""
        said = cast("list[Iterable[Enqueuing]]", self._manager.hook.goncordia_enqueuing())
        return tuple(layer for layers in said for layer in layers)

    def extend(self, app: object) -> None:
        """Let them add commands to the command line's `cyclopts.App`."""
        self._manager.hook.goncordia_cli(app=app)


def redact(url: str) -> str:
    """The URL for messages: without user, password and query."""
    found = _PARTS.fullmatch(url)
    if found is None:
        return "***"
    scheme, place, query = found.groups()
    if "@" in query:  # of a value, or of a password with a question mark in it
        return f"{scheme}***"
    _, at, host = place.rpartition("@")
    return f"{scheme}{'***' if at else ''}{at}{host}{'?***' if query else ''}"


class _Offer(NamedTuple):
    """An entry point, and who made it."""

    distribution: str
    entry: EntryPoint

    def __str__(self) -> str:
        return f"{self.distribution} (entry point {self.entry.name} = {self.entry.value})"


def _open(hook: str, url: str) -> object:
    offer, driver = _ask(hook, url)
    if driver is None:
        raise DriverNotFound(
            f"{offer} did not answer {hook} for {redact(url)}: it has no such driver, or does not "
            "know such a URL"
        )
    return driver


def _ask(hook: str, url: str, **more: str) -> tuple[_Offer, object]:
    found = _SCHEME.match(url)
    if found is None:
        raise InvalidArgument("the URL has no scheme; write it like sqlite:///jobs.db")
    offer = _find(hookspecs.DRIVERS, found[1].lower())
    manager = _manager()
    try:
        manager.register(offer.entry.load())
        return offer, getattr(manager.hook, hook)(url=url, **more)
    except GoncordiaError:
        raise
    except Exception as error:
        cause = _cause(error).replace(url, redact(url))
        raise DriverNotFound(_broken(f"driver for {redact(url)}", offer, cause)) from (
            None if url in str(error) else error
        )


def _manager() -> PluginManager:
    """One for each opening: what is loaded for one caller says nothing to another."""
    manager = PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _broken(what: str, offer: _Offer, cause: str) -> str:
    return (
        f"the {what} is broken: {offer} failed with {cause}. Install it anew: "
        f"pip install --force-reinstall {offer.distribution}"
    )


def _find(group: str, name: str) -> _Offer:
    """The first on the path, as with modules."""
    offers, unreadable = _offers(group)
    for offer in offers:
        if offer.entry.name == name:
            return offer
    message = f"no driver is installed for the scheme {name!r}{_there(offers, unreadable)}"
    if name in KNOWN:
        remedy = f"pip install {KNOWN[name]}"
    else:
        remedy = f"install its driver, or use one of {', '.join(KNOWN)}"
    raise DriverNotFound(f"{message}. Remedy: {remedy}")


def _there(offers: Sequence[_Offer], unreadable: Sequence[str]) -> str:
    """What there is instead."""
    there = sorted({f"{offer.entry.name} ({offer.distribution})" for offer in offers})
    message = "; there are " + ", ".join(there) if there else ""
    return message + ("; unreadable: " + ", ".join(unreadable) if unreadable else "")


def _offers(group: str) -> tuple[Sequence[_Offer], Sequence[str]]:
    """What is installed in the group, and the distributions that can't be read."""
    offers: list[_Offer] = []
    unreadable: list[str] = []
    for distribution in distributions():
        try:
            entries = distribution.entry_points.select(group=group)
        except Exception as error:  # a broken neighbour hurts nobody, and is named if it matters
            unreadable.append(f"{_name(distribution)} ({type(error).__name__}: {error})")
        else:
            offers += [_Offer(_name(distribution), entry) for entry in entries]
    return offers, unreadable


def _name(distribution: Distribution) -> str:
    try:
        return distribution.metadata["Name"]
    except Exception:  # no metadata at all
        return f"a distribution in {distribution.locate_file('')}"
