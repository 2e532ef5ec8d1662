"""Weights and limits on the command line reach the pool, and are checked before it starts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from goncordia.cli.app import run
from goncordia.cli.parameters import numbers
from goncordia.errors import InvalidArgument

SHOP = """
from goncordia import Args, Job, Registry

jobs = Registry()

class Mail(Args, kind="mail"):
    to: str

@jobs.worker
async def mail(job: Job[Mail]) -> None: ...
"""


def test_names_and_numbers():
    assert numbers(["mail=3", "a=b=1", "mail=4"][::2], "--weights") == {"mail": 4}
    assert numbers([], "--weights") == {}


@pytest.mark.parametrize("text", ["mail", "mail=", "=3", "mail=x", "mail=-1", "mail=1.5", "a=²"])
def test_what_is_none_is_refused(text: str):
    with pytest.raises(InvalidArgument, match="--weights .*: write name=number, as in mail=3"):
        numbers([text], "--weights")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--weights", "default=3", "mial=2"], "weights: this pool has no 'mial'"),
        (["--queue-limits", "mial=2"], "queue_limits: this pool has no 'mial'"),
        (["--kind-limits", "mial=2"], "kind_limits: this pool has no 'mial', it has mail"),
        (["--kind-limits", "mail=0"], "kind_limits={'mail': 0}"),
        (["--weights", "mail"], "--weights mail: write name=number"),
    ],
)
def test_the_worker_refuses_what_its_pool_does_not_have(
    options, told, capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "limited_shop.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr("goncordia.cli.worker.configure_logging", print)  # it is the process's
    with pytest.raises(SystemExit) as ended:
        run(["worker", "limited_shop:jobs", "--driver", "memory:", *options])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
    sys.modules.pop("limited_shop", None)
