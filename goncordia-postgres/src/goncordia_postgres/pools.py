"""Where a caller's pool connects to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast, runtime_checkable

from goncordia.errors import InvalidArgument
from psycopg.conninfo import make_conninfo


@runtime_checkable
class Pool(Protocol):
    """The part of a `psycopg_pool` pool that says where it connects to."""

    @property
    def conninfo(self) -> object:
        """The address."""
        ...

    @property
    def kwargs(self) -> object:
        """What is given to `connect` beside it."""
        ...


def address(database: str | Pool) -> str:
    """The address itself, or a pool's; raises `InvalidArgument` for anything else."""
    if isinstance(database, str):
        return database
    if isinstance(database, Pool):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped callers
        if not isinstance(database.conninfo, str) or callable(database.kwargs):
            raise InvalidArgument(_COMPUTED)
        given = cast("Mapping[str, str | int | None]", database.kwargs or {})
        params = {name: value for name, value in given.items() if name not in _PYTHON}
        return make_conninfo(database.conninfo, **params)
    raise InvalidArgument(
        f"database is a {type(database).__name__}: use a postgresql:// address or a psycopg pool"
    )


_COMPUTED = (
    "the pool computes its conninfo or kwargs anew for each connection: give the driver an address "
    "of its own, with passfile= for a password that changes (it is read for each connection)"
)
_PYTHON = frozenset({"autocommit", "context", "cursor_factory", "prepare_threshold", "row_factory"})
"""What psycopg's `connect` takes and libpq does not know."""
