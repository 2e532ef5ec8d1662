"""The schema's own migrations: forward only, each applied once, under a lock of their own.

Each says which is the oldest version of the schema that a driver may know and still work with what
it left behind, so that workers of yesterday's deploy go on while it is applied and after.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple, cast

from goncordia.answers import Step
from goncordia.errors import InvalidArgument, SchemaMismatch
from goncordia.statements import Op, Row, Statement

from goncordia_postgres.statements import IDENTITY, SCHEMA, localized

MIGRATE = "run `goncordia migrate`, or await driver.migrate()"

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('goncordia migrations', 0))"
_PATIENCE = "SELECT set_config('lock_timeout', $1::text, true)"
_HAS_SCHEMA = "SELECT 1 FROM pg_namespace WHERE nspname = $1::text"
_CREATE_SCHEMA = 'CREATE SCHEMA "{}"'
_TABLE = """
CREATE TABLE IF NOT EXISTS goncordia.schema_version (
    version integer CONSTRAINT schema_version_pk PRIMARY KEY,
    name text NOT NULL,
    oldest integer NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT statement_timestamp()
)"""
_HAS_TABLE = "SELECT to_regclass('goncordia.schema_version') IS NOT NULL"
_VERSION = (
    "SELECT coalesce(max(version), 0), coalesce(max(oldest), 0) FROM goncordia.schema_version"
)
_RECORD = "INSERT INTO goncordia.schema_version (version, name, oldest)"
_APPLIED = _RECORD + " VALUES ($1::int8, $2::text, $3::int8)"


class Migration(NamedTuple):
    """One file of the folder `schema`."""

    version: int
    name: str
    script: str
    oldest: int
    """The oldest version that a driver may know and work with the schema after it."""


OLDEST: dict[int, int] = {1: 1}
"""By version of the schema."""


@cache
def migrations() -> tuple[Migration, ...]:
    """All that this version of the driver knows, in order."""
    folder = files("goncordia_postgres").joinpath("schema")
    found = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return tuple(
        Migration(
            int(name[:4]),
            name[5:-4],
            folder.joinpath(name).read_text("utf-8"),
            OLDEST[int(name[:4])],
        )
        for name in found
    )


def newest() -> int:
    """The schema's version that this version of the driver works with."""
    return migrations()[-1].version


def migrate(schema: str) -> Op[list[Step]]:
    """Apply what is missing, in the transaction at hand."""
    yield Statement(_PATIENCE, ("0",))  # whoever migrates now is waited for
    yield Statement(_LOCK)
    yield Statement(_PATIENCE, ("5s",))  # but a table in use is not, with all others behind us
    reply = yield Statement(_HAS_SCHEMA, (schema,))
    if not reply.rows:
        yield Statement(_CREATE_SCHEMA.format(schema))
    yield Statement(_TABLE)
    version, oldest = yield from _version()
    refuse_newer(oldest)
    steps: list[Step] = []
    for migration in migrations():
        if migration.version > version:
            for text in split(migration.script):
                yield Statement(text)
            yield Statement(_APPLIED, (migration.version, migration.name, migration.oldest))
            steps.append(Step(migration.version, migration.name))
    return steps


def statements(version: int, schema: str = SCHEMA) -> list[str]:
    """The SQL of one migration, for the tool that applies an application's own.

    In Alembic: `for statement in statements(1): op.execute(statement)`; in Django:
    `migrations.RunSQL(statements(1))`. Raises `InvalidArgument` for a version that there is not.
    """
    found = [migration for migration in migrations() if migration.version == version]
    if not found:
        raise InvalidArgument(f"version={version!r}: there are 1 to {newest()}")
    step = found[0]
    first = [f'CREATE SCHEMA IF NOT EXISTS "{schema}"', _TABLE.strip()] if version == 1 else []
    noted = f"{_RECORD} VALUES ({step.version}, '{step.name}', {step.oldest})"
    return [localized(text, schema) for text in (*first, *split(step.script), noted)]


def script(schema: str = SCHEMA) -> str:
    """All migrations as SQL, for people who apply them by hand."""
    parts = [f"BEGIN;\n{_LOCK};"]
    for step in migrations():
        parts.append(f"-- {step.version:04} {step.name}")
        parts += [f"{text};" for text in statements(step.version, schema)]
    return "\n\n".join([*parts, "COMMIT;"])


def check(place: str) -> Op[Row]:
    """Which database this is.

    Raises `SchemaMismatch` unless the schema is there and this driver can work with it.
    """
    reply = yield Statement(_HAS_TABLE)
    version, oldest = (yield from _version()) if reply.rows[0][0] else (0, 0)
    refuse_newer(oldest)
    if version < newest():
        raise SchemaMismatch(
            f"{place}: the schema has version {version}, and this goncordia-postgres needs "
            f"{newest()}: {MIGRATE}"
        )
    reply = yield Statement(IDENTITY)
    return tuple(reply.rows[0])


def refuse_newer(oldest: int) -> None:
    """Raise `SchemaMismatch` for a schema that this driver is too old for."""
    if oldest > newest():
        raise SchemaMismatch(
            f"the schema works with drivers that know version {oldest}, and this "
            f"goncordia-postgres knows {newest()}: upgrade goncordia-postgres here"
        )


def split(text: str) -> Iterator[str]:
    """The statements of a script; each ends at the end of a line."""
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if line.rstrip().endswith(";"):
            yield statement.strip().rstrip(";")
            statement = ""


def _version() -> Op[tuple[int, int]]:
    reply = yield Statement(_VERSION)
    return cast("tuple[int, int]", reply.rows[0])
