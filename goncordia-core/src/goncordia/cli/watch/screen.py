"""What people see of a frame: a live screen on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Column, Table
from rich.text import Text

from goncordia.cli.counts import shown
from goncordia.cli.tables import say, write
from goncordia.cli.watch.look import Frame, Line
from goncordia.reasons import spell, stamp

Show = Callable[[Frame], None]

NUMBERS = ("due", "dormant", "running", "oldest", "in/s", "done/s", "failed/s")


@contextmanager
def screen(*, json: bool) -> Generator[Show]:
    """How to show a frame while the block runs."""
    console = Console()
    if json:
        yield _json
    elif not console.is_terminal:
        yield _plain
    else:
        with Live(console=console, auto_refresh=False, screen=False) as live:
            yield lambda frame: live.update(picture(frame), refresh=True)


def picture(frame: Frame) -> RenderableType:
    """The whole screen."""
    table = Table("queue", *(Column(name, justify="right") for name in NUMBERS))
    for line in frame.queues:
        name = f"{line.queue} (paused)" if line.paused else line.queue
        style = "yellow" if line.paused else ""
        table.add_row(Text(name, style), *_numbers(line))
    title = Text(f"{stamp(frame.at)}   {_workers(frame)}   Ctrl-C ends", "bold")
    failures = [Text(text, "red", no_wrap=True) for text in _failures(frame)]
    below = [Text("the newest discarded jobs:"), *failures] if failures else []
    return Group(title, table, *below)


def _numbers(line: Line) -> Iterator[str]:
    for number in (line.due, line.dormant, line.running):
        yield shown(number)
    yield _oldest(line)
    for rate in (line.entered, line.completed, line.failed):
        yield "" if rate is None else f"{rate:.1f}"


def _oldest(line: Line) -> str:
    if line.oldest is None:
        return "" if line.due == 0 else "?"
    return spell(line.oldest)


def _workers(frame: Frame) -> str:
    return f"{frame.workers} live workers, {frame.slots} slots"


def _failures(frame: Frame) -> Iterator[str]:
    for failure in frame.failures:
        yield f"{failure.id} {failure.kind}: {failure.error}"


def _plain(frame: Frame) -> None:
    """A line for each queue, and one of all workers."""
    at = f"{frame.at:%H:%M:%S}"
    for line in frame.queues:
        paused = ["paused"] if line.paused else []
        told = [f"{name} {n}" for name, n in zip(NUMBERS, _numbers(line), strict=True) if n]
        say(f"{at}  {line.queue}: {', '.join([*paused, *told]) or 'nothing'}")
    say(f"{at}  {_workers(frame)}")


def _json(frame: Frame) -> None:
    """A line of JSON, at once: whoever reads it is a program that waits for it."""
    write(msgspec.json.encode(frame).decode() + "\n")
