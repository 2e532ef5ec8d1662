"""Runs a page of the documentation in the current folder, block by block, as its reader would.

    python run_page.py PAGE asyncio|trio

* ```python  runs in the page's one namespace, where `await` works at the top; a `text` block right
  after it is what it prints.
* ```python title="shop/jobs.py"  is written to that file, and so is any other block with a title.
* ```console  lines that begin with `$` are run by a shell; what follows is what they print, with
  `...` for what differs each time; `export` holds for the rest. `goncordia worker` runs beside the
  rest, and is told to stop in the end. A command whose comment says `# exits with 1` must.

Other blocks are for reading. The first thing that is not as the page says ends it, with status 1.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import inspect
import io
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import types
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from typing import NamedTuple

import anyio

BLOCK = re.compile(
    r'^( *)```(\w+)(?: title="([^"]+)")?[^\n]*\n(.*?)^ *```$', re.DOTALL | re.MULTILINE
)
NOT_HERE = ("pip ", "sudo ", "docker ", "pipx ", "uv ", "systemctl ", "createdb ")
PATIENCE = 60.0
"""Seconds after which a command hangs."""


class Block(NamedTuple):
    """A fenced block."""

    language: str
    title: str
    text: str
    line: int
    prints: str | None
    """What the page says that it prints."""


class Wrong(Exception):
    """The page does not say what happens."""


def blocks(page: str) -> list[Block]:
    """The blocks of a page that do something."""
    found = list(BLOCK.finditer(page))
    made: list[Block] = []
    for place, match in enumerate(found):
        following = found[place + 1] if place + 1 < len(found) else None
        prints = None
        if (
            following
            and following[2] == "text"
            and not page[match.end() : following.start()].strip()
        ):
            prints = text_of(following)
        line = page.count("\n", 0, match.start()) + 1
        made.append(Block(match[2], match[3] or "", text_of(match), line, prints))
    return made


def text_of(match: re.Match[str]) -> str:
    """Without the indentation of a list or a tab."""
    return re.sub(rf"^{match[1]}", "", match[4], flags=re.MULTILINE)


def check(said: str, printed: str, line: int) -> None:
    """Raise `Wrong` unless that was printed."""
    if not OutputChecker().check_output(said, printed, ELLIPSIS | NORMALIZE_WHITESPACE):
        diff = difflib.unified_diff(said.splitlines(), printed.splitlines(), "said", "printed")
        raise Wrong(f"line {line}:\n" + "\n".join(diff))


class Worker:
    """A worker that has started."""

    def __init__(self, command: str) -> None:
        words = shlex.split(command, comments=True)
        self.process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        self.log: list[str] = []
        self.started = threading.Event()
        self.listener = threading.Thread(target=self.listen)
        self.listener.start()
        if not self.started.wait(PATIENCE):
            self.process.kill()
            raise Wrong(f"{command} does not start: {self.log}")

    def listen(self) -> None:
        for line in self.process.stderr or ():
            self.log.append(line)
            if "started on" in line:
                self.started.set()
        self.started.set()

    def end(self) -> None:
        status = self.process.wait(PATIENCE)
        self.listener.join()
        if self.process.stderr:
            self.process.stderr.close()
        if status:
            raise Wrong(f"{self.process.args}: {status}\n{''.join(self.log)}")


class Reader:
    """Does what a page says."""

    def __init__(self) -> None:
        self.module = types.ModuleType("__main__")
        self.workers: list[Worker] = []
        self.strays: list[str] = []
        """What was raised where nobody could catch it, a coroutine never awaited for one."""
        sys.unraisablehook = lambda stray: self.strays.append(str(stray.exc_value))

    async def read(self, page: str) -> None:
        try:
            for block in blocks(page):
                if block.title:
                    Path(block.title).parent.mkdir(parents=True, exist_ok=True)
                    Path(block.title).write_text(block.text)
                elif block.language == "python":
                    await self.python(block)
                elif block.language == "console":
                    self.console(block)
        finally:
            self.dismiss()

    async def python(self, block: Block) -> None:
        source = "\n" * block.line + block.text
        code = compile(
            source, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
        )
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            result = eval(code, vars(self.module))
            if inspect.iscoroutine(result):
                await result
        check(block.prints or "", printed.getvalue(), block.line)
        if self.strays:
            raise Wrong(f"line {block.line}: {self.strays}")

    def console(self, block: Block) -> None:
        for found in re.finditer(r"^\$ (.*(?:\\\n.*)*)\n((?:(?!\$ ).*\n)*)", block.text, re.M):
            command, said = found[1], found[2]
            if command.startswith(NOT_HERE):
                continue
            if command.startswith("export "):
                name, _, value = command.removeprefix("export ").partition("=")
                os.environ[name] = value
                continue
            if command.startswith("goncordia worker"):
                self.workers.append(Worker(command))
                continue
            self.run(command, said, block.line)

    def run(self, command: str, said: str, line: int) -> None:
        ended = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, timeout=PATIENCE
        )
        wanted = 1 if "# exits with 1" in command else 0
        if ended.returncode != wanted:
            raise Wrong(f"line {line}: $ {command}: {ended.returncode}\n{ended.stderr}")
        if said.strip():
            check(said, ended.stdout + ended.stderr, line)

    def dismiss(self) -> None:
        for worker in self.workers:
            worker.process.send_signal(signal.SIGTERM)
        for worker in self.workers:
            worker.end()


if __name__ == "__main__":
    reader, text = Reader(), Path(sys.argv[1]).read_text()
    sys.modules["__main__"] = reader.module
    try:
        anyio.run(reader.read, text, backend=sys.argv[2])
    except Wrong as wrong:
        sys.exit(str(wrong))
