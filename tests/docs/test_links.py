"""Every link in the documentation and the READMEs leads somewhere; no network is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(
    [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("*/README.md")]
)
LINK = re.compile(r"(?<!\\)\[(?:[^\]\[]|\[[^\]]*\])*\]\(\s*([^)\s]+)(?:\s+\"[^\"]*\")?\s*\)")
FENCE = re.compile(r"^( *)(```+).*?^\1\2$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
EXTERNAL = re.compile(r"[a-z][a-z0-9+.-]*:")


def prose(page: Path) -> str:
    return re.sub(r"`[^`\n]+`", lambda code: code[0], FENCE.sub("", page.read_text()))


def links(page: Path) -> list[str]:
    return LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """As python-markdown makes them of headings, and those that are set by hand."""
    found: dict[str, int] = {}
    made: set[str] = set()
    for heading in HEADING.findall(prose(page)):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        text = re.sub(r"[^\w\s-]", "", text.replace("`", "")).strip().lower()
        slug = re.sub(r"[-\s]+", "-", text)
        number = found.get(slug, 0)
        found[slug] = number + 1
        made.add(f"{slug}_{number}" if number else slug)
    return made | set(re.findall(r'(?:id|name)="([^"]+)"', page.read_text()))


def broken(page: Path) -> Iterator[str]:
    for link in links(page):
        if EXTERNAL.match(link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or not target.is_relative_to(ROOT):
            yield f"{link}: there is no such file"
        elif page.is_relative_to(DOCS) and not target.is_relative_to(DOCS):
            yield f"{link}: it is not on the site, which holds docs/ only"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            yield f"{link}: it has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_its_links_lead_somewhere(page: Path) -> None:
    assert not list(broken(page))


def test_no_page_is_an_island() -> None:
    """Each is linked from another page, not from the menu alone."""
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in PAGES
        for link in links(page)
        if not EXTERNAL.match(link) and not link.startswith("#")
    }
    islands = [page for page in DOCS.rglob("*.md") if page not in linked | {DOCS / "index.md"}]
    assert not islands


def test_a_broken_link_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    monkeypatch.setitem(globals(), "DOCS", tmp_path / "docs")
    page, other = tmp_path / "docs/page.md", tmp_path / "docs/other.md"
    page.parent.mkdir()
    (tmp_path / "README.md").write_text("")
    other.write_text("# What `is` here?\n\n## Twice\n\n## Twice\n\n```text\n# no heading\n```\n")
    page.write_text(
        "[a](other.md) [b](other.md#what-is-here) [c](other.md#twice_1) [d](https://x.org/y)\n"
        "[e](none.md) [f](other.md#no-heading) [g](../README.md) [`h`](other.md#twice_2)\n"
        "[i](#top)\n"
        "```text\n[j](nowhere.md)\n```\n"
    )
    told = [each.partition(":")[0] for each in broken(page)]
    assert told == ["none.md", "other.md#no-heading", "../README.md", "other.md#twice_2", "#top"]
