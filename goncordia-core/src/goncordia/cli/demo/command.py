"""`goncordia demo`: the scenario, its screen and its audit, on a file."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from cyclopts import Parameter
from rich.console import Console

from goncordia.cli import loops
from goncordia.cli.demo.audit import Finding, audit
from goncordia.cli.demo.orders import orders
from goncordia.cli.demo.scenario import Scenario
from goncordia.cli.demo.screen import Screen, picture, report
from goncordia.cli.faults import leaves, reported
from goncordia.cli.parameters import Debug, Loop
from goncordia.errors import GoncordiaError, InvalidArgument

NAME = "demo"
EXAMPLES = """\
Examples:
  goncordia demo
  goncordia demo --path shop.db   keeps the file, to look at with sqlite3
  goncordia demo --loop trio"""

File = Annotated[
    Path | None,
    Parameter(name="--path", help="Where to make the file, and keep it; it must not be there yet."),
]

Picture = Annotated[
    Path | None, Parameter(name="--svg", help="Where to draw what the end looks like, as SVG.")
]


class PictureFailed(GoncordiaError):
    """The picture could not be written, for want of room on the disk, say."""


class AuditFailed(GoncordiaError):
    """The file is not as it must be at the end."""


def command(
    *, path: File = None, loop: Loop = "asyncio", svg: Picture = None, debug: Debug = False
) -> None:
    """Watch orders and their jobs commit together, run, fail, retry and survive a killed worker.

    At the end an audit reads the file with plain SQL; the exit status is 1 if it finds a fault.
    """
    with reported(debug=debug):
        if svg is not None:
            _check(svg)
        if path is not None:
            _play(_fresh(path), loop, svg)
            return
        with _folder() as folder:
            _play(folder / "shop.db", loop, svg)


@contextmanager
def _folder() -> Generator[Path]:
    """A directory that is kept only to look into what went wrong."""
    folder = Path(tempfile.mkdtemp(prefix="goncordia-demo-"))
    try:
        yield folder
    except BaseException as error:
        interrupted = any(isinstance(leaf, KeyboardInterrupt) for leaf in leaves(error))
        if interrupted or not any(folder.iterdir()):
            shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)


def _fresh(path: Path) -> Path:
    if path.exists():
        raise InvalidArgument(f"--path {path}: it exists; name a new file")
    return path.resolve()


def _check(svg: Path) -> None:
    """Refuse, before anything is played, where no picture can be written."""
    there = svg if svg.exists() else svg.parent
    if svg.is_dir() or not svg.parent.is_dir() or not os.access(there, os.W_OK):
        raise InvalidArgument(
            f"--svg {svg}: it can't be written; name a file in a directory that is there and yours"
        )


def _play(file: Path, loop: loops.Name, svg: Path | None) -> None:
    console = Console(highlight=False)
    screen = Screen(console, f"goncordia demo: {file}")
    url = f"sqlite:///{quote(str(file))}"
    with screen.shown():
        loops.run(lambda: Scenario(str(file), url, loop, screen).play(orders()), loop)
    findings = audit(str(file))
    if svg is not None:
        try:
            svg.write_text(picture(screen, findings), "utf-8")
        except OSError as error:
            raise PictureFailed(f"--svg {svg}: {error}") from error
    conclude(console, file, findings)


def conclude(console: Console, file: Path, findings: list[Finding]) -> None:
    """Print the audit; raises `AuditFailed` where a line does not hold."""
    report(console, findings)
    faults = sum(not finding.holds for finding in findings)
    if faults:
        raise AuditFailed(f"{faults} of {len(findings)} lines do not hold: look into {file}")
