"""`goncordia enqueue`: a job of a kind that the registry knows, its arguments checked before."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Never
from uuid import UUID

import msgspec
from cyclopts import Parameter

from goncordia.answers import Insertion
from goncordia.args import Args
from goncordia.cli.asking import ask
from goncordia.cli.faults import reported
from goncordia.cli.load import load_registry
from goncordia.cli.parameters import Debug, In, Json, RunAt, Url
from goncordia.cli.tables import say, show_json
from goncordia.cli.times import when
from goncordia.client import Client
from goncordia.enqueue import Enqueue, Enqueued
from goncordia.errors import InvalidArgument
from goncordia.registry import Registry

NAME = "enqueue"
EXAMPLES = """\
Examples:
  goncordia enqueue shop.jobs:jobs send_email '{"to": "ada"}'
  goncordia enqueue shop.jobs:jobs report '{}' --in 10m --tag monthly
  goncordia enqueue shop.jobs:jobs import @arguments.json --json"""

Place = Annotated[str, Parameter(help="Where the goncordia.Registry is: module:name.")]
Kind = Annotated[str, Parameter(help="The kind, as in the class of its arguments.")]
Given = Annotated[str, Parameter(help="The arguments, as JSON; @FILE reads a file, @- stdin.")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Options:
    """What the class of the arguments says otherwise."""

    queue: Annotated[str | None, Parameter(help="Where it waits.")] = None
    priority: Annotated[int | None, Parameter(help="-16 (last) to 15 (first).")] = None
    run_at: RunAt = None
    wait: In = None
    max_attempts: Annotated[int | None, Parameter(help="How often it may be tried.")] = None
    tag: Annotated[
        tuple[str, ...],
        Parameter(name="--tag", negative="", show_default=False, help="May be said several times."),
    ] = ()
    meta: Annotated[str | None, Parameter(help="Free data, a JSON object.")] = None

    def of(self, args: Args) -> Enqueue:
        """The job to enqueue."""
        return Enqueue(
            args,
            queue=self.queue,
            priority=self.priority,
            run_at=when(self.run_at, self.wait),
            max_attempts=self.max_attempts,
            tags=self.tag,
            meta=_object(self.meta, "--meta") if self.meta else None,
        )


class EnqueuedView(msgspec.Struct):
    """The answer, as `--json` tells it."""

    id: UUID
    """The job that does the work."""
    status: Insertion
    other: UUID | None
    """The job that it replaced, or for which it was skipped."""


def command(
    registry: Place,
    kind: Kind,
    args: Given = "{}",
    /,
    *,
    options: Options = Options(),
    driver: Url,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Enqueue a job; its arguments are checked by the kind's class before anything is written.

    What is not said is as the class says. The module is imported from the current directory or
    from what is installed.
    """
    with reported(driver, debug=debug):
        request = options.of(checked(load_registry(registry), kind, args))

    async def enqueue(client: Client[Never]) -> Enqueued:
        [answer] = await client.enqueue_many([request])
        return answer

    answer = ask(driver, enqueue, debug=debug)
    if json:
        show_json(EnqueuedView(answer.job_id, answer.status, answer.other))
    else:
        say(_said(answer))


def checked(registry: Registry, kind: str, text: str) -> Args:
    """The arguments of that kind; raises `InvalidArgument` for another kind or what is no such."""
    worker = registry.get(kind)
    if worker is None:
        raise InvalidArgument(
            f"the registry knows no kind {kind!r}{_like(kind, registry.kinds)}: it has "
            f"{', '.join(registry.kinds)}"
        )
    text = _read(text[1:]) if text.startswith("@") else text
    names = {field.encode_name for field in msgspec.structs.fields(worker.args)}
    has = f"{kind} has {', '.join(sorted(names)) or 'none'}"
    for name in _object(text, "arguments"):
        if name not in names:
            raise InvalidArgument(f"argument {name!r}{_like(name, names)}: {has}")
    try:
        return msgspec.json.decode(text, type=worker.args)
    except Exception as error:  # a `__post_init__` may raise anything
        raise InvalidArgument(f"arguments of {kind}: {error}; {has}") from error


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise InvalidArgument(f"arguments: {file} can't be read: {error}") from error


def _object(text: str, what: str) -> dict[str, object]:
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except msgspec.MsgspecError as error:
        raise InvalidArgument(
            f'{what}: {error}; write a JSON object, quoted for the shell: \'{{"to": "ada"}}\''
        ) from error


def _like(name: str, names: Collection[str]) -> str:
    close = difflib.get_close_matches(name, names, 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _said(answer: Enqueued) -> str:
    if answer.status is Insertion.SKIPPED:
        return f"Not enqueued: job {answer.other} holds its unique key."
    replaced = f", in place of job {answer.other}" if answer.other else ""
    return f"Enqueued: {answer.id}{replaced}"
