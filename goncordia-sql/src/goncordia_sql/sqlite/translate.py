"""SQLite's result codes as errors that say what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from goncordia.errors import (
    GoncordiaError,
    InvalidArgument,
    SchemaMismatch,
    StoreUnusable,
    TransactionConflict,
    Unavailable,
)

MIGRATE = "run `goncordia migrate`, or await driver.migrate()"

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_ANSWERS: Mapping[int, tuple[type[GoncordiaError], str]] = {
    sqlite3.SQLITE_BUSY: (
        Unavailable,
        "another connection holds the write lock; is a transaction left open? Send it again",
    ),
    sqlite3.SQLITE_LOCKED: (Unavailable, "another connection holds a lock; send it again"),
    sqlite3.SQLITE_PROTOCOL: (Unavailable, "its locks are contended; send it again"),
    sqlite3.SQLITE_INTERRUPT: (Unavailable, "the statement was interrupted; send it again"),
    sqlite3.SQLITE_NOMEM: (Unavailable, "out of memory"),
    sqlite3.SQLITE_FULL: (Unavailable, "the disk is full: make room, then send it again"),
    sqlite3.SQLITE_IOERR: (Unavailable, "the disk failed: see the system's log"),
    sqlite3.SQLITE_READONLY: (
        StoreUnusable,
        "the file is read-only: give this user the right to write it and its directory",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        StoreUnusable,
        "the file can't be opened: does its directory exist, and may this user write there?",
    ),
    sqlite3.SQLITE_PERM: (StoreUnusable, "access is not permitted: see the file's owner and mode"),
    sqlite3.SQLITE_AUTH: (StoreUnusable, "the connection's authorizer refuses the statement"),
    sqlite3.SQLITE_CORRUPT: (
        StoreUnusable,
        "the file is damaged: stop the workers, restore a backup or `sqlite3 FILE .recover`",
    ),
    sqlite3.SQLITE_NOTADB: (StoreUnusable, "the file is no SQLite database: check the path"),
    sqlite3.SQLITE_TOOBIG: (InvalidArgument, "a value is larger than SQLite takes"),
}


def translate(error: sqlite3.Error, path: str) -> Exception:
    """What the driver raises for it; the error itself where it is a bug."""
    code = _primary(error)
    if code in _ANSWERS:
        kind, remedy = _ANSWERS[code]
        return kind(f"{path}: {remedy} ({error})")
    if code == sqlite3.SQLITE_ERROR and "no such" in str(error):
        return SchemaMismatch(f"{path}: the schema is missing or old: {MIGRATE} ({error})")
    return error


def translate_in_tx(error: sqlite3.Error, path: str) -> Exception:
    """The same, where it happened in the caller's own transaction."""
    if _primary(error) in _BUSY:
        return TransactionConflict(
            f"{path}: another connection wrote since this transaction first read, or is writing "
            f"now. Roll back and rerun it; begin it with BEGIN IMMEDIATE ({error})"
        )
    if isinstance(error, sqlite3.ProgrammingError):
        return InvalidArgument(f"tx can't be used here: {error}")
    return translate(error, path)


def is_busy(error: sqlite3.Error) -> bool:
    """Whether somebody else holds the lock."""
    return _primary(error) in _BUSY


def _primary(error: sqlite3.Error) -> int:
    """The result code without its extension; 0 where Python itself raised the error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
