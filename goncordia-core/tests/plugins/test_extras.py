"""Plugins that are no drivers: middleware, and commands for the command line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from goncordia import Args, Client, Job, Registry, worker_pool
from goncordia.cli.app import run
from goncordia.errors import PluginNotFound
from goncordia.memory import MemoryDriver
from goncordia.plugins import Plugins

Install = Callable[..., None]

EXTRA = """\
from goncordia.hookspecs import hookimpl

seen = []

async def note(job, call_next):
    seen.append(("NAME", job.kind))
    return await call_next(job)

@hookimpl
def goncordia_middleware():
    return [note]

@hookimpl
def goncordia_cli(app):
    @app.command(name="NAME-hello")
    def hello():
        print("hello from NAME")
"""


def install_extra(install: Install, name: str) -> None:
    install(
        f"goncordia-{name}",
        name,
        EXTRA.replace("NAME", name),
        entry_points=f"[goncordia.plugins]\n{name} = goncordia_{name}\n",
    )


class Work(Args, kind="work"):
    pass


@pytest.mark.anyio
async def test_the_middleware_of_plugins_wraps_jobs_in_the_order_of_their_names(
    install: Install,
) -> None:
    for name in ("inner", "outer"):
        install_extra(install, name)
    jobs = Registry()

    @jobs.worker
    async def work(job: Job[Work]) -> None:
        order.append(job.kind)

    order: list[str] = []
    outer, inner = layers = Plugins(["outer", "inner"]).middleware
    async with (
        MemoryDriver() as driver,
        worker_pool(driver, jobs, middleware=layers) as pool,
    ):
        await Client(driver).enqueue(Work())
        await pool.idle()
    assert order == ["work"]
    assert [layer.__module__ for layer in (outer, inner)] == ["goncordia_outer", "goncordia_inner"]
    for layer, name in ((outer, "outer"), (inner, "inner")):
        assert layer.__globals__["seen"] == [(name, "work")]


def test_a_plugin_adds_commands_where_the_environment_names_it(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install_extra(install, "greeter")
    assert run(["greeter-hello"]) == 2
    monkeypatch.setenv("GONCORDIA_PLUGINS", "greeter")
    assert run(["greeter-hello"]) == 0
    assert "hello from greeter" in capsys.readouterr().out


def test_a_missing_plugin_is_named_with_what_there_is(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install_extra(install, "greeter")
    with pytest.raises(PluginNotFound, match=r"'timing'.*greeter \(goncordia-greeter\)"):
        Plugins(["timing"])
    monkeypatch.setenv("GONCORDIA_PLUGINS", "timing")
    with pytest.raises(SystemExit) as ended:
        run(["stats"])
    assert ended.value.code == 1
    assert "no plugin 'timing'" in capsys.readouterr().err


def test_a_broken_plugin_is_named_with_its_cause_and_hurts_nobody_else(install: Install) -> None:
    install(
        "goncordia-broken",
        "broken",
        "raise ImportError('no libfoo.so')",
        entry_points="[goncordia.plugins]\nbroken = goncordia_broken\n",
    )
    install_extra(install, "greeter")
    assert len(Plugins(["greeter"]).middleware) == 1
    with pytest.raises(PluginNotFound, match=r"'broken' is broken: goncordia-broken.*libfoo"):
        Plugins(["broken"])


LAYER = """\
from contextlib import nullcontext
from goncordia.hookspecs import hookimpl

def layer(jobs, tx):
    return nullcontext()

@hookimpl
def goncordia_enqueuing():
    return [layer]
"""


def test_plugins_wrap_inserts_in_the_order_of_their_names(install: Install) -> None:
    for name in ("inner", "outer"):
        entry_points = f"[goncordia.plugins]\n{name} = goncordia_{name}\n"
        install(f"goncordia-{name}", name, LAYER, entry_points=entry_points)
    layers = Plugins(["outer", "inner"]).enqueuing
    assert [layer.__module__ for layer in layers] == ["goncordia_outer", "goncordia_inner"]
