"""The entry of the console script: says what to install where the libraries are missing."""

from __future__ import annotations

import sys
from importlib.util import find_spec

NEEDED = ("cyclopts", "rich")
REMEDY = "goncordia: its command line is an extra: pip install 'goncordia-core[cli]'"


def main() -> None:
    """Run the command of `sys.argv`; exits with 0, 1 for an error, 2 for wrong usage."""
    if not all(find_spec(name) for name in NEEDED):
        sys.exit(REMEDY)
    from goncordia.cli.app import run

    sys.exit(run(sys.argv[1:]))
