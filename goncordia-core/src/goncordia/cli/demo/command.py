"""`goncordia demo`: the scenario, its screen and its audit, on a file."""

from __future__ import annotations

import shutil
import tempfile
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
from goncordia.cli.faults import ERROR, reported
from goncordia.cli.parameters import Debug, Loop
from goncordia.errors import InvalidArgument

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


def command(
    *, path: File = None, loop: Loop = "asyncio", svg: Picture = None, debug: Debug = False
) -> int:
    """Watch orders and their jobs commit together, run, fail, retry and survive a killed worker.

    At the end an audit reads the file with plain SQL; the exit status is 1 if it finds a fault.
    """
    with reported(debug=debug):
        if path is not None:
            return _play(_fresh(path), loop, svg)
        folder = Path(tempfile.mkdtemp(prefix="goncordia-demo-"))
        status = _play(folder / "shop.db", loop, svg)
        if status == 0:
            shutil.rmtree(folder)
        return status


def _fresh(path: Path) -> Path:
    if path.exists():
        raise InvalidArgument(f"--path {path}: it exists; name a new file")
    return path.resolve()


def _play(file: Path, loop: loops.Name, svg: Path | None) -> int:
    console = Console(highlight=False)
    screen = Screen(console, f"goncordia demo: {file}")
    url = f"sqlite:///{quote(str(file))}"
    with screen.shown():
        loops.run(lambda: Scenario(str(file), url, loop, screen).play(orders()), loop)
    findings = audit(str(file))
    if svg is not None:
        svg.write_text(picture(screen, findings), "utf-8")
    return conclude(console, file, findings)


def conclude(console: Console, file: Path, findings: list[Finding]) -> int:
    """Print the audit; the exit status."""
    report(console, findings)
    faults = sum(not finding.holds for finding in findings)
    if not faults:
        return 0
    console.print(f"{faults} of {len(findings)} lines do not hold: look into {file}")
    return ERROR
