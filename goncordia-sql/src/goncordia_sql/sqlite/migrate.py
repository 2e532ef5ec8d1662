"""The schema's own migrations: forward only, each applied once, whoever comes first."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple, cast

from goncordia.answers import Step
from goncordia.errors import SchemaMismatch
from goncordia.statements import Op, Statement, change

from goncordia_sql.sqlite.env import Env
from goncordia_sql.sqlite.translate import MIGRATE

_TABLE = """
CREATE TABLE IF NOT EXISTS goncordia_schema (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT"""
_HAS_TABLE = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'goncordia_schema'"
_VERSION = "SELECT coalesce(max(version), 0) FROM goncordia_schema"
_APPLIED = "INSERT INTO goncordia_schema (version, name, applied_at) VALUES (?, ?, ?)"


class Migration(NamedTuple):
    """One file of the folder `schema`."""

    version: int
    name: str
    script: str


@cache
def migrations() -> tuple[Migration, ...]:
    """All that this version of the driver knows, in order."""
    folder = files("goncordia_sql.sqlite").joinpath("schema")
    found = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return tuple(
        Migration(int(name[:4]), name[5:-4], folder.joinpath(name).read_text("utf-8"))
        for name in found
    )


def newest() -> int:
    """The schema's version that this version of the driver works with."""
    return migrations()[-1].version


def migrate(env: Env) -> Op[list[Step]]:
    """Apply what is missing, in the transaction at hand."""
    yield Statement(_TABLE)
    version = yield from _version()
    _refuse_newer(version)
    steps: list[Step] = []
    for migration in migrations():
        if migration.version > version:
            for text in split(migration.script):
                yield Statement(text)
            yield from change(_APPLIED, (migration.version, migration.name, env.now))
            steps.append(Step(migration.version, migration.name))
    return steps


def check() -> Op[bool]:
    """Whether the schema is there and current; raises `SchemaMismatch` for a newer one."""
    reply = yield Statement(_HAS_TABLE)
    if not reply.rows:
        return False
    version = yield from _version()
    _refuse_newer(version)
    return version == newest()


def missing(path: str) -> SchemaMismatch:
    """The schema is not there, or older than this version of the driver."""
    return SchemaMismatch(f"{path}: the schema is missing or old: {MIGRATE}")


def split(script: str) -> Iterator[str]:
    """The statements of a script; one may span lines, and ends at the end of one."""
    text = ""
    for line in script.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            yield text
            text = ""


def _version() -> Op[int]:
    reply = yield Statement(_VERSION)
    return cast("int", reply.rows[0][0])


def _refuse_newer(version: int) -> None:
    if version > newest():
        raise SchemaMismatch(
            f"the schema has version {version}, and this goncordia-sql knows {newest()}: "
            "upgrade goncordia-sql here"
        )
