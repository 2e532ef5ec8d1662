"""`enqueue`: typed arguments, checked before anything is written."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from uuid import UUID

import pytest

from .conftest import Shell

SHOP = """
from datetime import date

from goncordia import Args, Conflict, Job, Registry, Unique

jobs = Registry()


class Mail(Args, kind="mail", queue="post", priority=2):
    to: str
    on: date | None = None
    copies: int = 1

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise ValueError("no copies")


class Once(Args, kind="once", unique=Unique()):
    pass


class Only(Args, kind="only", unique=Unique(on_conflict=Conflict.RAISE)):
    pass


@jobs.worker
def mail(job: Job[Mail]) -> None: ...


@jobs.worker
def once(job: Job[Once]) -> None: ...


@jobs.worker
def only(job: Job[Only]) -> None: ...
"""
PLACE = "enqueue_shop:jobs"


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "enqueue_shop.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("enqueue_shop", None)


def only_job(shell: Shell):
    [row] = shell.do(lambda client: client.jobs()).rows
    return row


def test_the_class_says_what_nobody_does(shell: Shell) -> None:
    said = shell("enqueue", PLACE, "mail", '{"to": "ada", "on": "2030-01-01"}')
    row = only_job(shell)
    assert said == f"Enqueued: {row.id}\n"
    assert (row.kind, row.queue, row.priority, row.max_attempts) == ("mail", "post", 2, 25)
    assert row.args == b'{"to":"ada","on":"2030-01-01","copies":1}'


def test_options(shell: Shell) -> None:
    options = ["--queue", "fast", "--priority", "-3", "--max-attempts", "2", "--tag", "a"]
    options += ["--tag", "b", "--meta", '{"by": "me"}', "--run-at", "2030-01-01T01:00:00+01:00"]
    told = shell.json("enqueue", PLACE, "mail", '{"to": "ada"}', *options)
    row = only_job(shell)
    assert told == {"id": str(row.id), "status": "created", "other": None}
    assert (row.queue, row.priority, row.max_attempts) == ("fast", -3, 2)
    assert (row.tags, row.meta) == (("a", "b"), b'{"by":"me"}')
    assert (row.run_at.isoformat(), row.state) == ("2030-01-01T00:00:00+00:00", "scheduled")


def test_after_a_span(shell: Shell) -> None:
    shell("enqueue", PLACE, "once", "--in", "2d")
    row = only_job(shell)
    assert (row.run_at - row.created_at).days == 2


def test_arguments_may_come_from_stdin(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"to": "ada"}\n'))
    shell("enqueue", PLACE, "mail", "@-")
    assert b'"to":"ada"' in only_job(shell).args


def test_or_from_a_file(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "ada.json").write_text('{"to": "ada"}')
    shell("enqueue", PLACE, "mail", "@ada.json")
    assert b'"to":"ada"' in only_job(shell).args


def test_a_unique_job_says_who_holds_the_key(shell: Shell) -> None:
    holder = UUID(shell.json("enqueue", PLACE, "once")["id"])
    assert shell("enqueue", PLACE, "once") == f"Not enqueued: job {holder} holds its unique key.\n"
    told = shell.json("enqueue", PLACE, "once")
    assert told == {"id": str(holder), "status": "skipped", "other": str(holder)}
    shell("enqueue", PLACE, "only")
    shell("enqueue", PLACE, "only", status=1)
    assert "holds its unique key" in shell.err


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["mial"], "no kind 'mial' (did you mean 'mail'?): it has mail, once, only"),
        (["mail"], "Object missing required field `to`; mail has copies, on, to"),
        (["mail", '{"to": 3}'], "Expected `str`, got `int` - at `$.to`"),
        (["mail", '{"to": "a", "on": "soon"}'], "at `$.on`"),
        (["mail", '{"to": "a", "copys": 2}'], "'copys' (did you mean 'copies'?): mail has"),
        (["mail", '{"to": "a", "copies": 0}'], "no copies"),
        (["mail", "to=ada"], "write a JSON object, quoted for the shell"),
        (["mail", "@nobody.json"], "nobody.json can't be read"),
        (["mail", "[1]"], "write a JSON object"),
        (["once", '{"a": 1}'], "argument 'a': once has none"),
        (["once", "--meta", "3"], "--meta: Expected `object`"),
        (["once", "--queue", "no blanks"], "letters, digits"),
        (["once", "--priority", "99"], "use -16 (last) to 15 (first)"),
        (["once", "--max-attempts", "0"], "max_attempts=0"),
        (["once", "--tag", ""], "1 to 128 printable"),
        (["once", "--run-at", "2030-01-01"], "--run-at=2030-01-01T00:00:00 has no time zone"),
        (["once", "--in", "soon"], "--in"),
        (["once", "--in", "5m", "--run-at", "2030-01-01T00:00:00Z"], "not both"),
    ],
)
def test_what_is_wrong_writes_nothing(shell: Shell, arguments: list[str], remedy: str) -> None:
    shell("enqueue", PLACE, *arguments, status=2)
    assert remedy in shell.err
    assert shell.err.count("\n") == 1
    assert shell.states() == []


def test_a_registry_that_is_not_there(shell: Shell) -> None:
    shell("enqueue", "enqueue_shop:works", "mail", status=2)
    assert "it has jobs" in shell.err
