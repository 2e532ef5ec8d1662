"""The diagram and the table in docs/architecture.md are those of the code."""

from __future__ import annotations

import runpy
from pathlib import Path

from goncordia.lifecycle import Event, State, markdown, mermaid

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/architecture.md").read_text()


def test_the_page_is_what_redrawing_it_gives() -> None:
    drawn = runpy.run_path(str(ROOT / "scripts/draw_lifecycle.py"))["drawn"]
    assert drawn(PAGE) == PAGE, "run: make diagram"
    assert mermaid() in PAGE
    assert markdown() in PAGE


def test_redrawing_mends_a_page_that_lags_behind() -> None:
    drawn = runpy.run_path(str(ROOT / "scripts/draw_lifecycle.py"))["drawn"]
    assert drawn(PAGE.replace("running: claim", "running: grab")) == PAGE


def test_they_show_every_state_and_event() -> None:
    for state in State:
        assert f"--> {state}:" in mermaid()
        assert state in markdown()
    for event in Event:
        assert event in mermaid()
        assert f"| {event} |" in markdown()
