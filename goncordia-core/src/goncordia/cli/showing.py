"""`goncordia show`: all about one job, and why it is where it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, cast
from uuid import UUID

import msgspec
from cyclopts import Parameter

from goncordia.cli.asking import ask
from goncordia.cli.parameters import Debug, Json, Url
from goncordia.cli.rows import JobView, view
from goncordia.cli.tables import say, show_json
from goncordia.reasons import Explanation, Reasons, stamp, told

NAME = "show"
EXAMPLES = """\
Examples:
  goncordia show 01a20dd1-bfc3-7cef-9839-abc7283d2c48
  goncordia show 01a20dd1-bfc3-7cef-9839-abc7283d2c48 --json | jq '.reasons[].reason'"""


class Shown(msgspec.Struct):
    """A job with the reasons, as `--json` tells it."""

    job: JobView
    reasons: Sequence[Reasons]
    why: str
    """The same reasons, for people."""


def command(
    id: Annotated[UUID, Parameter(help="Its id.")],
    /,
    *,
    driver: Url,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show all about a job, and why it waits, runs or ended.

    Its arguments, meta and result are shown, too.
    """
    explanation = ask(driver, lambda client: client.explain(id), debug=debug)
    if json:
        job = view(explanation.job)
        show_json(Shown(job, explanation.reasons, str(explanation)))
    else:
        for line in _lines(explanation):
            say(line)


def _lines(explanation: Explanation) -> Iterator[str]:
    job = view(explanation.job)
    for name, value in _fields(job):
        yield f"{name:<13} {value}"
    yield from ("", "Why:", *(f"- {reason}" for reason in explanation.reasons))
    if job.errors:
        yield from ("", "Errors:")
    for error in job.errors:
        yield f"- {stamp(error.at)}: {told(error)}"
    if job.errors and job.errors[-1].traceback:
        yield from ("", job.errors[-1].traceback.rstrip())


def _fields(job: JobView) -> Iterator[tuple[str, str]]:
    """What there is to say of it, a line each."""
    yield from (("id", str(job.id)), ("kind", f"{job.kind}, version {job.version}"))
    yield from (("queue", job.queue), ("state", job.state), ("priority", str(job.priority)))
    yield "attempt", f"{job.attempt} of {job.max_attempts}"
    if job.snoozes:
        yield "snoozes", str(job.snoozes)
    for name in ("created_at", "run_at", "attempted_at", "finished_at", "expire_at"):
        at = getattr(job, name)
        if at is not None:
            yield name.replace("_", " "), stamp(at)
    if job.tags:
        yield "tags", ", ".join(job.tags)
    for name in ("args", "meta", "result"):
        value = cast("object", getattr(job, name))
        if value is not None:
            yield name, msgspec.json.encode(value).decode()
