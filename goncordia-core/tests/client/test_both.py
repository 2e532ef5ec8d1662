"""The two clients are one, save that one of them is awaited."""

from __future__ import annotations

import inspect

import pytest
from goncordia.client import Client
from goncordia.operations import Operations
from goncordia.sync_client import SyncClient


def public(cls: type) -> set[str]:
    return {name for name in dir(cls) if not name.startswith("_")}


def parameters(cls: type, name: str) -> list[inspect.Parameter]:
    return list(inspect.signature(getattr(cls, name)).parameters.values())


def test_they_have_the_same_operations() -> None:
    assert public(Client) == public(SyncClient)
    assert {"enqueue", "enqueue_many", "cancel", "get", "jobs", "all_jobs"} < public(Client)


@pytest.mark.parametrize("name", [*sorted(public(Client)), "__init__"])
def test_each_takes_the_same(name: str) -> None:
    ours, theirs = parameters(Client, name), parameters(SyncClient, name)
    assert [(p.name, p.kind, p.default) for p in ours] == [
        (p.name, p.kind, p.default) for p in theirs
    ]
    if name != "__init__":
        assert [p.annotation for p in ours] == [p.annotation for p in theirs]


@pytest.mark.parametrize("name", sorted(public(Operations)))
def test_each_says_what_it_does(name: str) -> None:
    for cls in (Client, SyncClient):
        assert inspect.getdoc(getattr(cls, name))
