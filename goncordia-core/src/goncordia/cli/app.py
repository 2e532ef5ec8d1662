"""All commands under one roof."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from cyclopts import App, CycloptsError

from goncordia.cli import check, migrate, schedules, stats, worker
from goncordia.cli.demo import command as demo
from goncordia.cli.extras import plugins
from goncordia.cli.faults import USAGE, complain, reported

HELP = """\
A job queue for the database that you already have.

GONCORDIA_PLUGINS names plugins whose commands stand here, too, and whose middleware wraps the jobs
of a worker."""


def make() -> App:
    """The command line, which `run` parses by."""
    app = App(
        name="goncordia", help=HELP, version=version("goncordia-core"), help_format="plaintext"
    )
    for module in (demo, migrate, worker, check, schedules, stats):
        app.command(module.command, name=module.NAME, help_epilogue=module.EXAMPLES)
    plugins().extend(app)
    app.register_install_completion_command()  # pyright: ignore[reportUnknownMemberType] - its **kwargs
    return app


def run(arguments: Sequence[str]) -> int:
    """Run a command; its exit status, unless it exits by itself."""
    with reported(*arguments, debug="--debug" in arguments):
        app = make()
    try:
        app(list(arguments), exit_on_error=False, print_error=False, result_action="return_none")
    except CycloptsError as error:
        complain(str(error), arguments)
        return USAGE
    return 0
