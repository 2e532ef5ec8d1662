"""`goncordia check`: whether a deploy can run the jobs that wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Never
from uuid import UUID

import msgspec
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Column, Table

from goncordia import upcast
from goncordia.args import Args
from goncordia.cli import loops
from goncordia.cli.faults import ERROR, reported
from goncordia.cli.load import load_registry
from goncordia.cli.parameters import Debug, Json, Url
from goncordia.cli.tables import show, show_json
from goncordia.client import Client
from goncordia.errors import ArgsDecodeError, PayloadAhead, UpcasterMissing
from goncordia.jobs import JobRow
from goncordia.lifecycle import LIVE
from goncordia.plugins import open_driver
from goncordia.registry import Registry

NAME = "check"
EXAMPLES = """\
Examples:
  goncordia check shop.jobs:jobs --driver sqlite:///jobs.db
  goncordia check shop.jobs:jobs billing.jobs:jobs --rows 100000
  goncordia check shop.jobs:jobs --json | jq '.kinds[].findings[]'"""

KINDS = 10_000
"""The most kinds that are looked at."""
PAGE = 500


class Problem(StrEnum):
    """What is wrong with jobs that wait."""

    UNKNOWN = "no worker handles the kind"
    AHEAD = "a later deploy stored them"
    MISSING = "an upcaster is missing"
    UNREADABLE = "their args can't be read"


class Finding(msgspec.Struct):
    """One thing that is wrong, as `--json` tells it."""

    problem: Problem
    version: int
    """Of the arguments."""
    jobs: int
    example: UUID
    """One of them."""
    told: str
    """What a worker would say to that one."""


class KindCheck(msgspec.Struct):
    """What was found of a kind, as `--json` tells it."""

    kind: str
    jobs: int
    """How many were looked at."""
    all: bool
    """Whether those are all there are."""
    findings: list[Finding]


class Check(msgspec.Struct):
    """All that the command tells."""

    ok: bool
    kinds: list[KindCheck]


def command(
    registry: Annotated[str, Parameter(help="Where the goncordia.Registry is: module:name.")],
    /,
    *others: Annotated[str, Parameter(help="More of them, where several services share a store.")],
    driver: Url,
    rows: Annotated[
        int,
        Parameter(
            help="The most jobs of each kind to look at, newest first.", validator=Number(gte=1)
        ),
    ] = 10_000,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Check that a deploy can run the jobs that wait: before it, or before going back.

    Of each kind that waits it finds whether a worker of the registry handles it, and whether the
    arguments of each job could be read, upcasters included. It runs no job and changes nothing. The
    exit status is 1 if anything is wrong.
    """
    with reported(driver, debug=debug):
        registries = [load_registry(place) for place in (registry, *others)]
        kinds = loops.run(lambda: _check(driver, handled(registries), rows), "asyncio")
    found = Check(not any(kind.findings for kind in kinds), kinds)
    if json:
        show_json(found)
    else:
        show(_told(found))
    if not found.ok:
        raise SystemExit(ERROR)


def handled(registries: Sequence[Registry]) -> dict[str, type[Args]]:
    """The class of each kind that has a worker."""
    return {worker.kind: worker.args for registry in registries for worker in registry}


async def _check(url: str, classes: Mapping[str, type[Args]], most: int) -> list[KindCheck]:
    async with open_driver(url) as driver:
        waiting = await driver.kinds(KINDS)
        client = Client(driver)
        return [await _kind(client, kind, classes.get(kind), most) for kind in waiting]


async def _kind(client: Client[Never], kind: str, args: type[Args] | None, most: int) -> KindCheck:
    check, findings = KindCheck(kind, 0, True, []), dict[tuple[Problem, int], Finding]()
    cursor = None
    while True:
        limit = min(PAGE, most - check.jobs)
        page = await client.jobs(kinds=[kind], states=LIVE, limit=limit, cursor=cursor)
        for row in page.rows:
            _note(findings, row, args)
        check.jobs += len(page.rows)
        cursor, check.all = page.cursor, page.cursor is None
        if cursor is None or check.jobs >= most:
            check.findings = list(findings.values())
            return check


def _note(
    findings: dict[tuple[Problem, int], Finding], row: JobRow, args: type[Args] | None
) -> None:
    problem = problem_of(row, args)
    if problem is not None:
        what, told = problem
        finding = Finding(what, row.version, 0, row.id, told)
        findings.setdefault((what, row.version), finding).jobs += 1


def problem_of(row: JobRow, args: type[Args] | None) -> tuple[Problem, str] | None:
    """What a worker whose class is `args` would have against a job, and how it says so."""
    if args is None:
        return Problem.UNKNOWN, f"no worker handles kind {row.kind!r}: register one, or delete them"
    try:
        upcast.read(args, row.args, row.version)
    except PayloadAhead as error:
        return Problem.AHEAD, str(error)
    except UpcasterMissing as error:
        return Problem.MISSING, str(error)
    except ArgsDecodeError as error:
        return Problem.UNREADABLE, str(error)
    return None


def _told(check: Check) -> RenderableType:
    looked = sum(kind.jobs for kind in check.kinds)
    parts = [kind for kind in check.kinds if not kind.all]
    lines = [f"jobs looked at: {looked}, kinds: {len(check.kinds)}"]
    if parts:
        names = ", ".join(kind.kind for kind in parts)
        lines.append(f"of {names} only the newest: --rows takes more")
    if check.ok:
        return "\n".join([*lines, "this deploy can run them all"])
    table = Table("kind", "version", "problem", Column("jobs", justify="right"), "as in", "told")
    for kind in check.kinds:
        for found in kind.findings:
            count = f"{found.jobs}" if kind.all else f"{found.jobs} or more"
            told = (found.problem.value, count, str(found.example), escape(found.told))
            table.add_row(kind.kind, str(found.version), *told)
    return Group(table, *lines)
