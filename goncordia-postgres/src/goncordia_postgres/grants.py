"""Who may do what, as GRANTs: a producer inserts, a worker works, an operator acts."""

from __future__ import annotations

from typing import Literal

from goncordia.errors import InvalidArgument

from goncordia_postgres.statements import SCHEMA, localized

Role = Literal["producer", "worker", "operator"]

_USAGE = 'GRANT USAGE ON SCHEMA "{schema}" TO {role}'
_ALL = "SELECT, INSERT, UPDATE, DELETE"
_TABLES: dict[Role, dict[str, str]] = {
    "producer": {
        "schema_version": "SELECT",
        "job_row": "INSERT, SELECT (id)",
        "unique_key": "INSERT, SELECT",
    },
    "worker": {
        "schema_version": "SELECT",
        "job_row": _ALL,
        "unique_key": _ALL,
        "session": _ALL,
        "queue": "SELECT, INSERT",
        "value": _ALL,
    },
    "operator": {
        "schema_version": "SELECT",
        "job_row": "SELECT, UPDATE, DELETE",
        "job": "SELECT",
        "unique_key": _ALL,
        "session": "SELECT",
        "queue": "SELECT, INSERT, UPDATE",
    },
}
"""By role, what it may do with each table; nobody but their owner changes tables."""


def grants(kind: Role, role: str, schema: str = SCHEMA) -> list[str]:
    """The statements that let a role of PostgreSQL's be of that kind.

    A producer enqueues, and sees of jobs their ids alone; it may not replace waiting ones
    (`Conflict.REPLACE`). A worker claims, ends and rescues. An operator looks, cancels, retries,
    deletes and pauses. A role may be of several kinds. Raises `InvalidArgument` for another kind.
    """
    if kind not in _TABLES:
        raise InvalidArgument(f"kind={kind!r}: use one of {', '.join(_TABLES)}")
    name = '"' + role.replace('"', '""') + '"'
    usage = _USAGE.format(schema=schema, role=name)
    tables = (
        f"GRANT {rights} ON goncordia.{table} TO {name}" for table, rights in _TABLES[kind].items()
    )
    return [usage, *(localized(text, schema) for text in tables)]
