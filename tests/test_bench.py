"""The bench's own logic; no test judges a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec

MEASURES = ["memory batch", "sqlite enqueue tx"]
CORE = Path(__file__).parent.parent / "bench" / "core.py"


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
