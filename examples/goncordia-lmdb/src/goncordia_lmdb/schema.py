"""The version of what is stored, written by `migrate` and looked at in every transaction."""

from __future__ import annotations

from goncordia.answers import Step
from goncordia.errors import SchemaMismatch

from goncordia_lmdb.table import Table

STEPS = (Step(1, "jobs"),)
VERSION = STEPS[-1].version


def migrate(table: Table) -> list[Step]:
    """Bring the folder up to date; the steps that this call applied."""
    found = _found(table)
    if found > VERSION:
        check(table)
    table.write("meta", b"version", b"%d" % VERSION)
    return [step for step in STEPS if step.version > found]


def check(table: Table) -> None:
    """Raise `SchemaMismatch` unless what is stored is of this version."""
    found = _found(table)
    if found < VERSION:
        raise SchemaMismatch(
            f"the folder's schema is version {found}, this driver's {VERSION}: run "
            "`goncordia migrate`, or await driver.migrate()"
        )
    if found > VERSION:
        raise SchemaMismatch(
            f"the folder's schema is version {found}, this driver knows {VERSION}: install the "
            "newer goncordia-lmdb"
        )


def _found(table: Table) -> int:
    return int(table.read("meta", b"version") or 0)
