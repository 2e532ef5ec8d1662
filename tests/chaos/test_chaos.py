"""Chaos over each store, for a moment: `make chaos STORE=...` takes an hour."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.arena import trial
from chaos.blows import BLOWS
from chaos.postgres import PostgresStore
from chaos.stores import SqliteStore, Store

PYTHON: dict[type[Store], str] = {PostgresStore: "lowest", SqliteStore: "newest"}


@pytest.mark.parametrize(
    "store",
    [
        pytest.param(store, id=store.name, marks=pytest.mark.one_python(PYTHON[store]))
        for store in BLOWS
    ],
)
def test_nothing_is_lost_and_nothing_done_twice(
    store: type[Store], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blows = BLOWS[store]
    outcome = trial(store, blows, tmp_path, seconds=1, seed=1, loops=["asyncio", "trio"])
    with capsys.disabled():
        print(f"\n{store.name}:\n{outcome}")  # noqa: T201 - how long each recovery takes
    assert outcome.complaints == []
    assert outcome.deserters == []
    assert outcome.recovery.keys() == {blow.__name__ for blow in blows}
