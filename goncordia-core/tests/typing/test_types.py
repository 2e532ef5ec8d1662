"""What the type checker refuses: a transaction of the wrong kind, above all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SNIPPET = Path(__file__).parent / "snippet.txt"


def test_pyright_refuses_exactly_the_lines_that_are_wrong(tmp_path: Path) -> None:
    """Elsewhere and by another name, so that the project's own check does not meet it."""
    code = tmp_path / "snippet.py"
    code.write_text(SNIPPET.read_text())
    run = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, code]
    done = subprocess.run(run, capture_output=True, text=True, check=False, cwd=tmp_path)
    found = json.loads(done.stdout)["generalDiagnostics"]
    errors = {each["range"]["start"]["line"] + 1 for each in found}
    lines = code.read_text().splitlines()
    wanted = {number for number, line in enumerate(lines, 1) if line.endswith("# E")}
    assert len(wanted) > 10
    assert errors == wanted, [each["message"] for each in found]
