"""The demo from end to end, and its audit, which must be able to fail."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from goncordia.cli.demo.audit import LINES, audit
from goncordia.cli.demo.command import AuditFailed, conclude
from rich.console import Console


class Ran(NamedTuple):
    status: int
    printed: str
    complained: str
    file: Path


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The demo, run once as a newcomer would, with its file kept."""
    file = tmp_path_factory.mktemp("demo") / "shop.db"
    command = [sys.executable, "-m", "goncordia.cli", "demo", "--path", str(file)]
    plain = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    plain.pop("FORCE_COLOR", None)
    done = subprocess.run(
        [*command, "--svg", str(file.with_suffix(".svg"))],
        capture_output=True,
        env=plain,
        encoding="utf-8",
        timeout=120,
    )
    return Ran(done.returncode, done.stdout, done.stderr, file)


def red(file: Path) -> set[str]:
    """The lines of the audit that do not hold."""
    return {
        line.says.partition("{n} ")[2]
        for line, finding in zip(LINES, audit(str(file)), strict=True)
        if not finding.holds
    }


def test_it_ends_well(ran: Ran) -> None:
    assert (ran.status, ran.complained) == (0, ""), ran.printed
    assert ran.printed.count("✔") == len(LINES)
    assert "✘" not in ran.printed


def test_it_tells_what_happens_in_plain_lines(ran: Ran) -> None:
    assert "\x1b" not in ran.printed
    story = [
        "300 orders, each in one transaction with its jobs",
        "10 jobs at once",
        "gets SIGKILL",
        "takes over",
        "its jobs are taken back",
        "gets SIGTERM",
        "The audit",
    ]
    places = [ran.printed.index(part) for part in story]
    assert places == sorted(places)
    assert "240 orders committed, 60 rolled back" in ran.printed
    assert "it is cancelled: requested" in ran.printed
    assert re.search(r"running \d+, completed \d+", ran.printed)


def test_the_file_has_what_was_asked_for(ran: Ran) -> None:
    """Asked again here, so that the audit is not believed on its own word."""
    with closing(sqlite3.connect(ran.file)) as connection:

        def ask(query: str) -> list[tuple[int | str, ...]]:
            return connection.execute(query).fetchall()

        assert ask("SELECT count(*), count(DISTINCT writer) FROM demo_order") == [(240, 2)]
        states = dict(
            connection.execute("SELECT state, count(*) FROM goncordia_job GROUP BY state")
        )
        assert states == {"completed": 514, "discarded": 15, "cancelled": 1}
        killed = ask("SELECT DISTINCT attempt FROM demo_killed JOIN goncordia_job ON id = job")
        assert killed == [(2,)]
        assert ask("SELECT count(*) >= 5, count(DISTINCT pid) FROM demo_killed") == [(1, 1)]
        assert ask("SELECT count(DISTINCT pid) FROM demo_run") == [(2,)]
        assert ask("SELECT count(*), count(DISTINCT number) FROM demo_payment") == [(240, 240)]


def test_its_picture_loads_nothing(ran: Ran) -> None:
    picture = ran.file.with_suffix(".svg").read_text("utf-8")
    assert "SIGKILL" in picture.replace("&#160;", " ")
    assert "url(http" not in picture


def test_it_writes_over_no_file(ran: Ran) -> None:
    command = [sys.executable, "-m", "goncordia.cli", "demo", "--path", str(ran.file)]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "it exists" in refused.stderr


JOB = "UPDATE goncordia_job_row SET {change} WHERE id = ({one})"
ONE = "SELECT id FROM goncordia_job_row WHERE kind = '{kind}' AND attempt = {attempt} LIMIT 1"


def change(kind: str, change: str, attempt: int = 1) -> str:
    """Change one job of the kind, that the killed worker did not hold."""
    return JOB.format(change=change, one=ONE.format(kind=kind, attempt=attempt))


BELONG = "jobs belong to them: every committed order has exactly its jobs"
COMMITTED = "orders committed, and every fifth was rolled back, as planned"
ROLLED_BACK = "orders were rolled back: not one of them has a job"
CHARGED = "orders charged, once each: payment and completion committed together"
CONFIRMED = "confirmations sent, by a plain function in a thread"
RESERVED = "reservations failed twice, then succeeded"
VAT = "VAT checks discarded, each with its error"
REVIEW = "review requests ran no sooner than a second after their order"
RATE = "exchange rates ran into their timeout, then came"
EXPORT = "export cancelled while it ran"
REPORT = "daily report made, though many orders asked for one"
KILLED = (
    "jobs that the killed worker ran: each shows two claims, by two processes, and one completion"
)
COPY = """
INSERT INTO goncordia_job_row
    (id, kind, queue, args, version, priority, state, run_at, created_at, attempt, max_attempts)
SELECT randomblob(16), kind, queue, {args}, 1, 0, 4, run_at, created_at, 1, 25
FROM goncordia_job_row WHERE kind = '{kind}' LIMIT 1"""

TAMPERED = {
    "a job is gone": (
        f"DELETE FROM goncordia_job_row WHERE id = ({ONE.format(kind='confirm', attempt=1)})",
        {BELONG},
    ),
    "a job is there twice": (COPY.format(kind="confirm", args="args"), {BELONG}),
    "a rolled-back order has a job": (
        COPY.format(kind="confirm", args="""CAST('{"order":5}' AS BLOB)"""),
        {ROLLED_BACK},
    ),
    "a job belongs to no order": (
        COPY.format(kind="confirm", args="CAST('{}' AS BLOB)"),
        {ROLLED_BACK},
    ),
    "an order is gone": (
        "DELETE FROM demo_order WHERE number = 14",
        {COMMITTED, ROLLED_BACK, CHARGED},
    ),
    "a rolled-back order is there": (
        "INSERT INTO demo_order (number, writer) VALUES (5, 'task')",
        {COMMITTED, BELONG, CHARGED},
    ),
    "an order that nobody planned": (
        "INSERT INTO demo_order (number, writer) VALUES (999, 'task')",
        {COMMITTED, CHARGED},
    ),
    "a job did not end": (change("confirm", "state = 2"), {CONFIRMED}),
    "a job ran once too often": (change("confirm", "attempt = 2"), {CONFIRMED}),
    "a job failed on its way": (
        change("charge", """errors = CAST('[{"type":"OSError"}]' AS BLOB)"""),
        {CHARGED},
    ),
    "a payment is gone": ("DELETE FROM demo_payment WHERE number = 12", {CHARGED}),
    "a payment was made twice": ("INSERT INTO demo_payment VALUES (12)", {CHARGED}),
    "a payment without an order": ("INSERT INTO demo_payment VALUES (5)", {CHARGED}),
    "a reservation failed once": (
        change("reserve", """errors = CAST('[{"type":"OutOfStock"}]' AS BLOB)""", 3),
        {RESERVED},
    ),
    "an error was not kept": (change("check_vat", "errors = NULL"), {VAT}),
    "a review came too soon": (change("ask_review", "attempted_at = run_at - 1"), {REVIEW}),
    "a review was not scheduled": (change("ask_review", "run_at = created_at"), {REVIEW}),
    "nobody met a timeout": ("UPDATE demo_run SET how = 'x' WHERE how = 'timeout'", {RATE}),
    "the export completed": (change("export_books", "state = 4"), {EXPORT}),
    "the export was not running": (
        "UPDATE demo_run SET how = 'x' WHERE how = 'requested'",
        {EXPORT},
    ),
    "there are two reports": (
        COPY.format(kind="daily_report", args="""CAST('{"day":"x"}' AS BLOB)"""),
        {REPORT},
    ),
    "two orders made the report": (
        "UPDATE demo_order SET report = 'created' WHERE report IS NOT NULL",
        {REPORT},
    ),
    "nobody was killed": ("DELETE FROM demo_killed", {CHARGED, CONFIRMED, KILLED}),
    "the second run did not end": (
        "UPDATE demo_run SET how = NULL WHERE job IN (SELECT job FROM demo_killed)",
        {KILLED},
    ),
    "a lost job is gone": (
        "INSERT INTO demo_killed SELECT 'no such job', pid FROM demo_killed LIMIT 1",
        {KILLED},
    ),
    "a lost job completed twice": (
        "INSERT INTO demo_run SELECT * FROM demo_run "
        "WHERE how = 'done' AND job IN (SELECT job FROM demo_killed)",
        {KILLED},
    ),
}


@pytest.mark.parametrize(("sql", "expected"), TAMPERED.values(), ids=TAMPERED)
def test_the_audit_sees_it(ran: Ran, tmp_path: Path, sql: str, expected: set[str]) -> None:
    file = tmp_path / "shop.db"
    with closing(sqlite3.connect(ran.file)) as source, closing(sqlite3.connect(file)) as copy:
        source.backup(copy)
        assert copy.execute(sql).rowcount > 0
        copy.commit()
    assert red(file) == expected


def said(file: Path, encoding: str) -> list[str]:
    out = io.TextIOWrapper(io.BytesIO(), encoding)
    with suppress(AuditFailed):
        conclude(Console(file=out, width=200), file, audit(str(file)))
    out.seek(0)
    return out.read().splitlines()


@pytest.mark.parametrize(("encoding", "cross"), [("utf-8", "✘"), ("ascii", "NO")])
def test_a_red_line_is_a_cross(ran: Ran, tmp_path: Path, encoding: str, cross: str) -> None:
    file = tmp_path / "shop.db"
    with closing(sqlite3.connect(ran.file)) as source, closing(sqlite3.connect(file)) as copy:
        source.backup(copy)
        copy.execute("INSERT INTO demo_payment VALUES (12)")
        copy.commit()
    lines = said(file, encoding)
    assert [line for line in lines if line.startswith(cross)] == [f"{cross} 240 {CHARGED}"]
    assert any("order 12: 2 payments" in line for line in lines)
    with pytest.raises(AuditFailed, match="1 of 12 lines do not hold"):
        conclude(Console(file=io.StringIO()), file, audit(str(file)))
    conclude(Console(file=io.StringIO()), ran.file, audit(str(ran.file)))


def test_every_line_was_seen_red() -> None:
    seen: Iterable[set[str]] = (expected for _, expected in TAMPERED.values())
    assert set().union(*seen) == {line.says.partition("{n} ")[2] for line in LINES}


SABOTAGE = """
import sqlite3, sys
from goncordia.cli.demo import scenario
from goncordia.cli.main import main

async def play(self, orders):
    "Nothing is ordered, and nothing runs."
    with sqlite3.connect(self._path) as connection:
        async with scenario.open_driver(self._url) as driver:
            await driver.migrate()
        scenario.write_plan(connection, orders)

scenario.Scenario.play = play
sys.argv = ["goncordia", "demo"]
main()
"""


def test_a_failed_audit_is_exit_status_1_and_keeps_the_file() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SABOTAGE], capture_output=True, encoding="utf-8", timeout=60
    )
    assert done.returncode == 1
    assert "✘ 0 orders committed" in done.stdout
    kept = re.search(r"do not hold: look into (\S+)", done.stderr)
    assert kept is not None
    assert Path(kept[1]).exists()
    shutil.rmtree(Path(kept[1]).parent)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path, loop: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "goncordia.cli", "demo", "--loop", loop],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "TMPDIR": str(tmp_path)},
        # a test run in the background of a shell ignores Ctrl-C, and so would its children
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        pid = next(line.split()[3] for line in process.stdout if "jobs at once" in line)
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == ""
    assert process.returncode == 130
    assert not list(tmp_path.iterdir())
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
