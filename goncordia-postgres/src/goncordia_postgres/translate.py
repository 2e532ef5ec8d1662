"""PostgreSQL's error codes as errors that say what to do."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from goncordia.errors import (
    GoncordiaError,
    InvalidArgument,
    SchemaMismatch,
    StoreUnusable,
    TransactionConflict,
    Unavailable,
)

from goncordia_postgres.migrate import MIGRATE

_AGAIN = (Unavailable, "send it again")
_CODES: Mapping[str, tuple[type[GoncordiaError], str]] = {
    "08": (Unavailable, "the connection is lost, send it again"),
    "22021": (InvalidArgument, "PostgreSQL's text has no place for the character NUL"),
    "22P05": (InvalidArgument, "the database's encoding has no such character; use UTF8"),
    "25006": (
        Unavailable,
        "the server is read-only: a standby, or on its way to be one. Send it again",
    ),
    "25P02": (
        InvalidArgument,
        "the transaction of tx is aborted by an error before: roll it back and rerun it",
    ),
    "28": (StoreUnusable, "the server refuses this user: see its pg_hba.conf"),
    "3D000": (StoreUnusable, "there is no such database: create it"),
    "3F000": (SchemaMismatch, f"the schema is missing: {MIGRATE}"),
    "40": (Unavailable, "it met another transaction, send it again"),
    "42501": (
        StoreUnusable,
        "this role lacks a privilege: see `grants` in the driver's documentation",
    ),
    "42703": (SchemaMismatch, f"the schema is old: {MIGRATE}"),
    "42704": (SchemaMismatch, f"the schema is old: {MIGRATE}"),
    "42883": (SchemaMismatch, f"the schema is old: {MIGRATE}"),
    "42P01": (SchemaMismatch, f"the schema is missing or old: {MIGRATE}"),
    "53": (Unavailable, "the server is out of a resource"),
    "54": (InvalidArgument, "a value is larger than PostgreSQL takes"),
    "55P03": (
        Unavailable,
        "an open transaction holds an id or a unique key of this call: send it again",
    ),
    "57": (Unavailable, "the server stops, or cancelled the statement: send it again"),
    "58": (Unavailable, "the server's system failed: see its log"),
    "XX": (StoreUnusable, "the server found itself damaged: see its log"),
}
"""By SQLSTATE, or its class."""
_CONFLICTS = frozenset({"40001", "40P01", "55P03"})


def translate(error: psycopg.Error, place: str) -> Exception:
    """What the driver raises for it; the error itself where it is a bug."""
    return _translated(error, error.sqlstate, place)


def translate_in_tx(error: Exception, place: str) -> Exception:
    """The same, where it happened in the caller's own transaction, through any library."""
    code = getattr(error, "sqlstate", None)
    if code in _CONFLICTS:
        return TransactionConflict(
            f"{place}: another transaction is in the way. Roll back and rerun yours ({error})"
        )
    return _translated(error, code, place)


def _translated(error: Exception, code: str | None, place: str) -> Exception:
    found = None if code is None else _CODES.get(code) or _CODES.get(code[:2])
    if found is not None:
        kind, remedy = found
        return kind(f"{place}: {remedy} ({_line(error)})")
    if code is None and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return Unavailable(f"{place}: the server did not answer, send it again ({_line(error)})")
    return error


def _line(error: Exception) -> str:
    """The first line alone: the others may quote values."""
    return (str(error).splitlines() or [type(error).__name__])[0]
