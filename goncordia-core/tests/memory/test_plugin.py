from __future__ import annotations

import pytest
from goncordia.errors import InvalidArgument
from goncordia.memory import MemoryDriver, SyncMemoryDriver, plugin


@pytest.mark.parametrize("url", ["memory:", "memory://"])
def test_each_opening_is_a_fresh_store(url):
    one, two = plugin.goncordia_open(url), plugin.goncordia_open(url)
    assert isinstance(one, MemoryDriver)
    assert isinstance(two, MemoryDriver)
    assert one.store is not two.store
    assert isinstance(plugin.goncordia_open_sync(url), SyncMemoryDriver)


def test_other_urls_are_not_ours():
    assert plugin.goncordia_open("sqlite:///jobs.db") is None
    assert plugin.goncordia_open_sync("sqlite:///jobs.db") is None


def test_a_url_that_names_something_is_refused():
    with pytest.raises(InvalidArgument, match="no parts"):
        plugin.goncordia_open("memory://shared")
