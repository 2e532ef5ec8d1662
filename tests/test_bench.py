"""The bench's own logic; no test judges a time."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

MEASURES = ["memory batch", "sqlite enqueue tx"]
BENCH = Path(__file__).parent.parent / "bench"
CORE, RUN = BENCH / "core.py", BENCH / "run.py"


def bench(results: Path, *options: str) -> list[str]:
    """The lines that a run of one round prints."""
    run = subprocess.run(
        [sys.executable, CORE, "--seconds=0", "--results", results, *options, *MEASURES],
        env={**os.environ, "QUICK": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_a_run_appends_a_line_for_each_measure_and_subject(tmp_path: Path) -> None:
    results = tmp_path / "core.jsonl"
    results.write_text('{"measure": "of an earlier run"}\n')
    rows = [msgspec.json.decode(line) for line in bench(results, "--json")]
    _, *lines = [msgspec.json.decode(line) for line in results.read_text().splitlines()]

    assert all(set(x) == {"store", "subject", "measure", "value", "unit", "at"} for x in lines)
    assert all(x["measure"].startswith(x["store"] + " ") and x["value"] > 0 for x in lines)
    kept = {(x["measure"], x["subject"]): x["value"] for x in lines}
    assert {m for m, subject in kept if subject == "goncordia"} == {row["measure"] for row in rows}
    for row in rows:
        assert kept[row["measure"], "goncordia"] == row["goncordia"]
        assert kept.get((row["measure"], "raw")) == row["raw"]
    measures = {row["measure"] for row in rows}
    assert {"memory batch 1000", "sqlite enqueue tx", "sqlite enqueue tx open"} <= measures
    assert "memory enqueue" not in measures


def test_the_table_marks_what_misses_its_floor(tmp_path: Path) -> None:
    title, *rows = bench(tmp_path / "core.jsonl")
    assert title.split() == ["measure", "raw", "goncordia", "ratio", "floor", "is"]
    judged = [row.split() for row in rows if "<=" in row or ">=" in row]
    assert judged
    for words in judged:
        sign = next(word for word in words if word in ("<=", ">="))
        bound = float(words[words.index(sign) + 1].rstrip("x"))
        value = float(words[-2].rstrip("x") if words[-2].endswith("x") else words[-3])
        reached = value <= bound if sign == "<=" else value >= bound
        assert words[-1] == ("holds" if reached else "MISSED")


def run(store: str, results: Path, *options: str) -> list[str]:
    """What a quick run prints, in the environment that runs the tests."""
    done = subprocess.run(
        [sys.executable, RUN, store, "--here", "--results", results, *options],
        env={**os.environ, "QUICK": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_every_subject_is_measured_by_the_same_names(tmp_path: Path) -> None:
    results = tmp_path / "memory.jsonl"
    printed = run("memory", results, "pool 10", "batch 1000", "memory")
    lines = [msgspec.json.decode(line) for line in results.read_text().splitlines()]
    keys = {"store", "subject", "measure", "value", "unit", "repeat", "at", "machine"}
    assert all(set(line) == keys and line["store"] == "memory" for line in lines)
    measured = {(line["subject"], line["measure"], line["unit"]) for line in lines}
    assert {
        ("goncordia", "batch 1000", "jobs/s"),
        ("goncordia", "pool 10", "jobs/s"),
        ("goncordia", "memory per 1000 running", "KiB"),
        ("raw", "pool 100", "jobs/s"),
    } <= measured
    assert ("raw", "batch 1000", "jobs/s") not in measured
    title = next(line for line in printed if "goncordia/raw" in line)
    assert title.split()[:2] == ["goncordia", "raw"]
    assert any(line.startswith("raw: ") for line in printed)


def test_a_subject_that_fails_is_named_and_not_fatal(tmp_path: Path) -> None:
    printed = run("sqlite", tmp_path / "sqlite.jsonl", "batch 1000")
    failed = [line for line in printed if line.startswith("FAILED huey: not started: ")]
    assert failed
    assert "ModuleNotFoundError" in failed[0]
    row = next(line for line in printed if line.startswith("batch 1000"))
    assert row.split()[-2:] == ["-", row.split()[-1]]


@pytest.fixture
def logic(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """A module of the bench."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module


def test_ratios_are_of_medians_and_of_the_best_peer(
    logic: Callable[[str], ModuleType],
) -> None:
    table = logic("table")
    rates = {"goncordia": [9.0, 10.0, 11.0], "raw": [20.0], "a": [4.0], "b": [5.0, 1.0, 6.0]}
    assert table.against_raw(rates) == 0.5
    assert table.against_best(rates, "jobs/s") == 2.0
    assert table.against_best(rates, "ms") == 2.5
    assert table.against_best({"goncordia": [1.0], "raw": [1.0]}, "ms") is None
    assert table.spread([9.0, 10.0, 11.0]) == 0.1
    assert table.row("pool 1", "jobs/s", ["raw"], {}).split() == ["pool", "1", "-"]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (12_345, "jobs/s", "12.3 k/s"),
        (999, "jobs/s", "999 /s"),
        (12_345, "us", "12.3 ms"),
        (1.234, "ms", "1.23 ms"),
        (0, "%", "0.00 %"),
    ],
)
def test_figures_are_short(
    logic: Callable[[str], ModuleType], value: float, unit: str, text: str
) -> None:
    assert logic("table").figure(value, unit) == text


def test_what_several_processes_did_is_added_up(logic: Callable[[str], ModuleType]) -> None:
    shares = logic("session").shares
    both = [
        {"share": 10.0, "writes": 30.0, "wasted": 1.0},
        {"share": 5.0, "writes": 10.0, "wasted": 1},
    ]
    assert shares("four", "wasted writes", both) == {"four": 15.0, "wasted writes": 5.0}
    assert shares("one", "wasted writes", both[:1]) == {"one": 10.0}
    assert shares("two", "wasted writes", [{"share": 1.0}, {"share": 2.0}]) == {"two": 3.0}


def test_what_the_server_counted_is_told_by_job_and_by_second(
    logic: Callable[[str], ModuleType],
) -> None:
    seen = {"idle begins": 5, "idle ends": 9, "jobs begin": 10, "jobs end": 60}
    taken = {"jobs": 100.0, "idle seconds": 2.0, "idle cpu": 1.5}
    assert logic("session").observed(taken, seen) == {
        "idle cpu": 1.5,
        "queries per job": 0.5,
        "idle queries": 2.0,
    }
    assert logic("session").observed({"idle cpu": 1.5}, {}) == {"idle cpu": 1.5}
    without_worker = {"jobs begin": 1, "jobs end": 3}
    assert logic("session").observed({"jobs": 4.0}, without_worker) == {"queries per job": 0.5}
    itself = {"jobs": 4.0, "queries per job": 0.25}
    assert logic("session").observed(itself, {}) == {"queries per job": 0.25}


def test_raw_on_postgres_is_told_of_jobs_and_shares_them_with_a_second_process(
    tmp_path: Path,
) -> None:
    results = tmp_path / "postgres.jsonl"
    only = ("pickup", "pool 100 one", "memory")
    printed = run("postgres", results, *only, "--subject=raw")
    measured = {msgspec.json.decode(line)["measure"] for line in results.read_text().splitlines()}
    assert {
        *("pickup p50", "pickup p99", "pool 100 one process", "pool 100 two processes"),
        *("memory per 1000 running", "queries per job", "cpu per job"),
    } <= measured
    assert any(line.startswith("seconds by measure: ") for line in printed)
    assert not any(line.startswith("FAILED") for line in printed)


def test_adapters_are_short_and_say_their_settings() -> None:
    for path in [*BENCH.glob("peers/*.py"), *BENCH.glob("subjects/raw_*.py")]:
        text = path.read_text()
        assert len(text.splitlines()) <= 80, path
        assert "class SUBJECT(" not in text or "    settings = " in text, path


def line(measure: str, subject: str, value: float, repeat: int, minute: int) -> dict[str, object]:
    at = f"2026-01-01T00:{minute:02}:00Z"
    its = {"store": "memory", "subject": subject, "measure": measure, "value": value}
    return {**its, "unit": "jobs/s", "repeat": repeat, "at": at, "machine": "m"}


def two_runs(path: Path, ours: float) -> None:
    """Two runs of three repeats, a minute apart; raw is the same in both."""
    lines = [
        line("pool 1", subject, value, repeat, minute)
        for minute, us in ((0, 50.0), (1, ours))
        for subject, value in (("goncordia", us), ("raw", 100.0))
        for repeat in (1, 2, 3)
    ]
    path.write_text("".join(msgspec.json.encode(each).decode() + "\n" for each in lines))


@pytest.mark.parametrize(
    ("ours", "verdict"), [(50.0, "same"), (30.0, "WORSE by 40%"), (75.0, "better by 50%")]
)
def test_the_last_two_runs_are_compared_by_their_ratios(
    logic: Callable[[str], ModuleType], tmp_path: Path, ours: float, verdict: str
) -> None:
    two_runs(tmp_path / "memory.jsonl", ours)
    pair = logic("compare").last_two(logic("results").runs(tmp_path / "memory.jsonl"))
    assert pair is not None
    [told] = logic("compare").changes(*pair)
    assert told.startswith("pool 1")
    assert told.endswith(verdict)
    assert "0.50x" in told


def test_one_run_is_compared_with_nothing(
    logic: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    two_runs(tmp_path / "memory.jsonl", 1.0)
    runs = logic("results").runs(tmp_path / "memory.jsonl")
    assert len(runs) == 2
    assert logic("results").repeated(runs) == runs
    assert logic("compare").last_two(runs[:1]) is None
    assert logic("compare").last_two([]) is None


def test_a_quick_run_does_not_count_beside_a_whole_one(
    logic: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    path = tmp_path / "memory.jsonl"
    two_runs(path, 1.0)
    quick = msgspec.json.encode(line("pool 1", "raw", 7.0, 1, 30)).decode()
    path.write_text(path.read_text() + quick + "\n")
    runs = logic("results").runs(path)
    assert len(runs) == 3
    assert logic("results").repeated(runs) == runs[:2]
    assert logic("results").repeated(runs[2:]) == runs[2:]


def test_what_is_drawn_has_its_spread(logic: Callable[[str], ModuleType], tmp_path: Path) -> None:
    two_runs(tmp_path / "memory.jsonl", 60.0)
    *_, run = logic("results").runs(tmp_path / "memory.jsonl")
    run.values["claim 100 at 10k queued", "raw"] = [1.0, 3.0, 2.0]
    run.units["claim 100 at 10k queued"] = "us"
    rates, backlog = logic("plot").charts("memory", run)
    assert (rates.name, rates.labels) == ("memory-rates", ["pool 1"])
    assert rates.series["goncordia"][0].middle == 60.0
    [bar] = backlog.series["raw, queued"]
    assert (bar.least, bar.middle, bar.most) == (1.0, 2.0, 3.0)


def test_time_is_told_by_the_file_that_spends_it(logic: Callable[[str], ModuleType]) -> None:
    part = logic("sampler").part_of
    assert part("/v/site-packages/goncordia/codec.py") == "encode, decode"
    assert part("/v/site-packages/goncordia/pool/runner.py") == "goncordia"
    assert part("/usr/lib/python3.13/asyncio/events.py") == "event loop"
    assert part("/usr/lib/python3.13/selectors.py") == "waiting"
    assert part("/usr/lib/python3.13/contextlib.py") is None


def test_what_other_commands_leave_is_no_run_of_the_bench(
    logic: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    for name in ("postgres", "core", "scale-postgres", "chaos-postgres", "chaos-sqlite"):
        (tmp_path / f"{name}.jsonl").touch()
    assert list(logic("results").files(tmp_path)) == ["postgres"]


def test_the_scale_of_rows_is_written_with_its_plans(tmp_path: Path) -> None:
    command = [sys.executable, BENCH / "scale.py", "postgres", "--rows=12000"]
    subprocess.run(
        [*command, "--minutes=0.001", "--results", tmp_path], check=True, capture_output=True
    )
    report = (tmp_path / "scale-postgres.md").read_text()
    lines = (tmp_path / "scale-postgres.jsonl").read_text().splitlines()
    measures = [msgspec.json.decode(each)["measure"] for each in lines]
    assert [each for each in measures if each.startswith("claim")] == [
        "claim 100, 10,000 finished",
        "claim 100, 12,000 finished",
        "claim 100, 10,000 queued, 12,000 finished",
        "claim 100, 12,000 queued, 12,000 finished",
        "claim 100, a transaction has been open for 0 s",
    ]
    assert report.count("Buffers: shared") >= 3
    assert "job_row_waiting" in report
    assert "Seq Scan on job_row" not in report
