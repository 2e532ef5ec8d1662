"""What `retry`, `cancel`, `amend` and `delete` share: count, ask, act, say what happened.

Up to `FEW` ids are acted on at once. Before more of them, and before whatever a filter finds, the
jobs are counted and the person is asked; a program says `--yes`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Never
from uuid import UUID

import msgspec
from rich.console import Console
from rich.prompt import Confirm

from goncordia.actions import Acted
from goncordia.cli.asking import ask
from goncordia.cli.choice import Care, Choice
from goncordia.cli.faults import reported
from goncordia.cli.tables import say, show_json
from goncordia.client import Client
from goncordia.errors import GoncordiaError, InvalidArgument
from goncordia.sweep import Sweep

FEW = 10
"""Ids that are acted on without a question."""

WHY: Mapping[Acted, str] = {
    Acted.CONFLICT: "another job holds the unique key by now",
    Acted.RUNNING: "it runs: cancel it first",
    Acted.WRONG_STATE: "its state does not allow it: goncordia show ID",
    Acted.MISSING: "there is no such job",
    Acted.BUSY: "an open transaction holds it: try again",
}
"""What is wrong with each answer that is no success."""


class NotDone(GoncordiaError):
    """Some of what was asked for was not done."""


class Answer(msgspec.Struct):
    """What became of one job, as `--json` tells it."""

    id: UUID
    answer: Acted


class Report(msgspec.Struct):
    """What became of all, as `--json` tells it."""

    found: int
    acted: Mapping[Acted, int]
    more: bool = False
    """The limit was reached, and there are others."""
    dry_run: bool = False
    jobs: Sequence[Answer] = ()
    """One by one, where they were named by ids."""


@dataclass(frozen=True)
class Deed:
    """What is done: its verb and participle, and how the client does it."""

    verb: str
    done: str
    by_ids: Callable[[Client[Never], Sequence[UUID]], Awaitable[list[Acted]]]
    by_filter: Callable[[Client[Never], bool], Awaitable[Sweep]]
    """Takes whether the run is dry."""


def act(
    deed: Deed,
    ids: Sequence[UUID],
    choice: Choice,
    care: Care,
    *,
    driver: str,
    json: bool,
    debug: bool,
) -> None:
    """Do it; a job that was not touched as wanted makes the exit status 1."""
    with reported(driver, debug=debug):
        choice.check(ids)
    if ids:
        report = _named(deed, ids, care, driver, debug=debug)
    else:
        report = _found(deed, care, driver, debug=debug)
    if json:
        show_json(report)
    else:
        _tell(deed, report)
    with reported(debug=debug):
        _check(report)


def _named(deed: Deed, ids: Sequence[UUID], care: Care, url: str, *, debug: bool) -> Report:
    if care.dry_run:
        return Report(len(ids), {}, dry_run=True)
    with reported(url, debug=debug):
        if len(ids) > FEW:
            confirm(f"{deed.verb} {len(ids)} jobs?", yes=care.yes)
    answers = ask(url, lambda client: deed.by_ids(client, ids), debug=debug)
    told = [Answer(id_, answer) for id_, answer in zip(ids, answers, strict=True)]
    return Report(len(ids), Counter(answers), jobs=told)


def _found(deed: Deed, care: Care, url: str, *, debug: bool) -> Report:
    if care.dry_run or not care.yes:
        counted = ask(url, lambda client: deed.by_filter(client, True), debug=debug)
        if care.dry_run or not counted.found:
            return Report(counted.found, {}, counted.more, care.dry_run)
        with reported(url, debug=debug):
            confirm(f"{deed.verb} {counted.found} jobs?", yes=False)
    swept = ask(url, lambda client: deed.by_filter(client, False), debug=debug)
    return Report(swept.found, swept.acted, swept.more)


def confirm(question: str, *, yes: bool) -> None:
    """Ask the person; raises `InvalidArgument` where there is none, `NotDone` for a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidArgument(
            f"{question} Nobody is there to answer: say --yes, or --dry-run to count only"
        )
    if not Confirm.ask(question, default=False, console=Console(stderr=True)):
        raise NotDone("nothing was touched")


def _tell(deed: Deed, report: Report) -> None:
    for job in report.jobs:
        say(f"{job.id} {job.answer}")
    if not report.jobs and not report.found:
        say("No job matches.")
    elif report.dry_run:
        say(f"{report.found} jobs would be {deed.done}{_more(report)}.")
    elif not report.jobs:
        done = report.acted.get(Acted.CHANGED, 0)
        asked = report.acted.get(Acted.REQUESTED, 0)
        stopping = f", {asked} running ones asked to stop" if asked else ""
        say(f"{done} jobs {deed.done}{stopping}{_more(report)}.")


def _more(report: Report) -> str:
    return "; there are more than the limit" if report.more else ""


def _check(report: Report) -> None:
    """Raise `NotDone` for what was refused."""
    refused = {answer: n for answer, n in report.acted.items() if answer in WHY}
    if refused:
        why = "; ".join(f"{answer} ({n}): {WHY[answer]}" for answer, n in refused.items())
        raise NotDone(
            f"{sum(refused.values())} of {report.found} jobs were left as they are: {why}"
        )
