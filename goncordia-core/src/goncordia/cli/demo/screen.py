"""What people see: a live screen on a terminal, plain lines at changes elsewhere."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from goncordia.cli.demo.audit import Finding
from goncordia.lifecycle import State

COLOURS = {
    State.AVAILABLE: "cyan",
    State.SCHEDULED: "blue",
    State.RETRYABLE: "yellow",
    State.RUNNING: "magenta",
    State.COMPLETED: "green",
    State.DISCARDED: "red",
    State.CANCELLED: "bright_black",
}
WIDTH, BAR = 100, 60
"""Columns of the screen, and of its longest bar."""
MARKS = {
    (True, False): ("✔", "green"),
    (False, False): ("✘", "bold red"),
    (True, True): ("ok", "green"),
    (False, True): ("NO", "bold red"),
}
"""By whether the line holds, and whether the terminal knows ASCII alone."""
SHOWN = 12
"""Offenders that a failed line of the audit names."""
EVERY = 1.0
"""Seconds between two plain lines of counts."""


class Screen:
    """Counts by state, and what is happening."""

    def __init__(self, console: Console, title: str) -> None:
        """Nothing shown yet."""
        self._console = console
        self._title = title
        self._began = time.monotonic()
        self._counts: Mapping[str, int] = {}
        self._events: list[Text] = []
        self._live: Live | None = None
        self._plain_at = 0.0

    @contextmanager
    def shown(self) -> Generator[None]:
        """Show it while the block runs."""
        if not self._console.is_terminal:
            self._console.print(self._title)
            yield
            return
        with Live(self.frame(), console=self._console, auto_refresh=False) as self._live:
            yield

    def say(self, event: str, style: str = "") -> None:
        """Something happened."""
        line = Text.assemble((f"{self._elapsed:5.1f} s  ", "dim"), (event, style))
        self._events.append(line)
        if self._live is None:
            self._console.print(line, soft_wrap=True)
        else:
            self._live.update(self.frame(), refresh=True)

    def count(self, counts: Mapping[str, int]) -> None:
        """So many jobs are in each state."""
        if counts == self._counts:
            return
        self._counts = counts
        if self._live is not None:
            self._live.update(self.frame(), refresh=True)
        elif self._elapsed - self._plain_at >= EVERY:
            self._plain_at = self._elapsed
            numbers = (f"{state} {counts[state]}" for state in State if counts.get(state))
            self._console.print(f"{self._elapsed:5.1f} s  {', '.join(numbers)}", soft_wrap=True)

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def frame(self) -> RenderableType:
        """The whole screen as it stands."""
        bars = Table.grid(padding=(0, 1))
        most = max(sum(self._counts.values()), 1)
        block = "#" if self._console.options.ascii_only else "█"
        for state in State:
            n = self._counts.get(state, 0)
            bar = block * (-(-n * BAR // most))
            bars.add_row(state.value, Text(f"{n:4}"), Text(bar, COLOURS[state]))
        return Panel(
            Group(bars, Text(), *self._events), title=self._title, title_align="left", width=WIDTH
        )


def picture(screen: Screen, findings: list[Finding]) -> str:
    """The end of the demo as SVG."""
    console = Console(record=True, file=io.StringIO(), width=WIDTH, highlight=False)
    console.print(screen.frame())
    report(console, findings)
    svg = console.export_svg(title="goncordia demo")
    return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # it loads nothing


def report(console: Console, findings: list[Finding]) -> None:
    """The audit, a tick or a cross a line."""
    plain = console.options.ascii_only
    console.print()
    console.print(Text("The audit, read from the file with plain SQL:", "bold"))
    for finding in findings:
        mark, style = MARKS[finding.holds, plain]
        line = Text.assemble((f"{mark} ", style), (finding.says, "" if finding.holds else "red"))
        console.print(line, soft_wrap=True)
        for offender in finding.offenders[:SHOWN]:
            console.print(Text(f"    {offender}", "red"), soft_wrap=True)
