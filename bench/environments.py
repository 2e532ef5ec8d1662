"""An environment for each subject, so that a peer's dependencies never touch ours."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".bench"


class NotMade(Exception):
    """What was asked for can't be installed; the message is the installer's."""


def python(name: str, requires: Sequence[str]) -> Path:
    """The Python of an environment that holds what is required; it is made once."""
    home, wanted = FOLDER / name, "\n".join((sys.version, *requires))
    made = home / "made"
    if not made.exists() or made.read_text() != wanted:
        print(f"making .bench/{name}: {' '.join(requires)}", file=sys.stderr, flush=True)
        shutil.rmtree(home, ignore_errors=True)
        base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
        _uv("venv", "--no-project", "--python", str(base), str(home))
        pins = ("-c", "constraints.txt") if any(word.startswith("./") for word in requires) else ()
        _uv("pip", "install", "--python", str(home), *pins, *requires)
        made.write_text(wanted)
    return home / "bin" / "python"


def versions(name: str, packages: Sequence[str]) -> dict[str, str]:
    """Of those packages, as installed."""
    frozen = _uv("pip", "freeze", "--python", str(FOLDER / name))
    found = dict(line.split("==", 1) for line in frozen.splitlines() if "==" in line)
    return {package: found[package] for package in packages if package in found}


def _uv(*words: str) -> str:
    result = subprocess.run(
        [ROOT / "scripts/uv", *words, "--quiet"], cwd=ROOT, capture_output=True, text=True
    )
    if result.returncode:
        raise NotMade(result.stderr.strip()[-300:])
    return result.stdout
