"""The suite itself: what an author writes, what a failure tells, and that cheating fails."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from goncordia.capabilities import Capabilities
from goncordia.memory import MemoryDriver
from goncordia_conformance import DriverSuite, judge
from goncordia_conformance.catalogue import NOUNS, catalogue
from goncordia_conformance.search import Profile

WHOLE = """
from goncordia.memory import MemoryDriver
from goncordia_conformance import DriverSuite


class Driver(MemoryDriver):
    {body}


class TestDriver(DriverSuite):
    def open_driver(self):
        return Driver()

    def begin(self, driver):
        return driver.begin()
"""
SOUND = '"""Does what it says."""'
TOKENLESS = """
    async def finish(self, outcomes, *, tx=None, now=None):
        rows = self.store._table.rows
        for outcome in outcomes:
            record = rows.get(outcome.id.int)
            if record is not None and record.holding is not None:
                outcome.token = record.holding.token
        return await super().finish(outcomes, tx=tx, now=now)
"""


def run(folder: Path, body: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Pytest over an author's whole test file, in a folder without any configuration."""
    (folder / "test_driver.py").write_text(WHOLE.format(body=body))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def test_an_authors_file_is_all_it_takes(tmp_path: Path) -> None:
    result = run(
        tmp_path,
        SOUND,
        "-W",
        "error",
        "--goncordia-report",
        "-k",
        "unique or (machine and asyncio)",
    )
    assert result.returncode == 0, result.stdout
    [path] = (tmp_path / "goncordia-report").glob("*.json")
    told = json.loads(path.read_text())
    assert told["capabilities"]["unique"]["status"] == "held"
    assert set(told["state machine"]) == {"test_machine[asyncio]"}
    assert "| `unique` | yes | held |" in path.with_suffix(".md").read_text()
    assert "all promises kept" in path.with_suffix(".txt").read_text()


@pytest.mark.one_python("lowest")
def test_a_failure_reads_like_a_story_and_comes_again(tmp_path: Path) -> None:
    options = ("--goncordia-seed=3", "--goncordia-report", "-k", "machine and asyncio")
    first, again = (run(tmp_path, TOKENLESS, *options).stdout for _ in range(2))
    story = first[first.index("after these steps") : first.index("Again:")]
    assert "--goncordia-seed=3" in again[again.index("Again:") :]
    for part in ("1. +0 s: ", "insert [", "j1(", " claims ", "token=c1", "the store"):
        assert part in story
    assert "--goncordia-seed=3" in first[first.index("Again:") :]
    [path] = (tmp_path / "goncordia-report").glob("*.json")
    assert json.loads(path.read_text())["broken"] == ["test_machine[asyncio]"]


def test_a_failing_case_shows_its_values(tmp_path: Path) -> None:
    out = run(tmp_path, TOKENLESS, "-k", "finish_under_another_token").stdout
    assert "[<Finished.DONE: 'done'>] == [<Finished.LOST: 'lost'>]" in out
    assert "anyio/_core" not in out


def test_no_test_can_be_overridden() -> None:
    with pytest.raises(TypeError, match="test_machine"):
        type("TestX", (DriverSuite,), {"test_machine": None})
    cheat = type("Cheat", (), {"test_insert_keeps_every_byte": None})
    with pytest.raises(TypeError, match="test_insert_keeps_every_byte"):
        type("TestX", (cheat, DriverSuite), {})
    late = type("TestX", (DriverSuite,), {})
    late().test_no_test_is_overridden()
    setattr(late, "test_claim_takes_a_job_once", None)  # noqa: B010 - no such name is declared
    with pytest.raises(AssertionError, match="test_claim_takes_a_job_once"):
        late().test_no_test_is_overridden()


def test_every_capability_has_a_case_of_its_own() -> None:
    words = {word.partition("=")[0] for case in catalogue().values() for word in case.words}
    assert words == {field.name for field in fields(Capabilities)}


def test_every_noun_has_cases_and_every_case_a_guarantee() -> None:
    assert {case.noun for case in catalogue().values() if case.part == "case"} == set(NOUNS)
    assert all(case.body.__doc__ for case in catalogue().values())


def test_what_is_neither_generator_nor_context_is_refused() -> None:
    async def open_driver() -> MemoryDriver:
        return MemoryDriver()

    tiny = Profile("tiny", 1, 1, 1, 1.0)
    verdict = judge(open_driver, profile=tiny, cases=False, races=False)  # type: ignore[arg-type] - the point
    assert verdict.caught
    assert "one `yield`" in verdict.message


def test_a_driver_that_hides_its_transactions_is_told_to_give_begin() -> None:
    verdict = judge(MemoryDriver, profile=Profile("short", 1, 20, 20, 9.0), cases=False)
    assert verdict.caught
    assert "give the suite `begin(driver)`" in verdict.message
