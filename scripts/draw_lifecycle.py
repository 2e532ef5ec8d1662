"""Draws the life of a job in docs/architecture.md anew from the table in `goncordia.lifecycle`."""

from __future__ import annotations

from pathlib import Path

from goncordia.lifecycle import markdown, mermaid

PAGE = Path(__file__).parent.parent / "docs/architecture.md"


def drawn(page: str) -> str:
    """The page, with what stands between its two markers drawn anew."""
    above, start, rest = page.partition("<!-- drawn by `make diagram` -->\n")
    _, end, below = rest.partition("<!-- end -->\n")
    picture = f"```mermaid\n{mermaid()}\n```\n\n{markdown()}\n"
    return f"{above}{start}\n{picture}\n{end}{below}"


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
