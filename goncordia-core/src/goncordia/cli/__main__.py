"""`python -m goncordia.cli`: the command line of the very Python that runs."""

from __future__ import annotations

from goncordia.cli.main import main

if __name__ == "__main__":
    main()
