"""All commands under one roof."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from cyclopts import App, CycloptsError

from goncordia.cli import (
    amend,
    cancel,
    check,
    delete,
    enqueue,
    listing,
    migrate,
    pause,
    prune,
    queues,
    resume,
    retry,
    schedules,
    sessions,
    showing,
    stats,
    worker,
)
from goncordia.cli.demo import command as demo
from goncordia.cli.extras import plugins
from goncordia.cli.faults import USAGE, complain, reported
from goncordia.cli.watch import command as watch

HELP = """\
A job queue for the database that you already have.

GONCORDIA_PLUGINS names plugins whose commands stand here, too, and whose middleware wraps the jobs
of a worker.

Exit status: 0 done; 1 an error, or some of what was asked for was not done; 2 wrong usage, nothing
was done; 130 interrupted."""

COMMANDS = (
    demo,
    migrate,
    worker,
    check,
    enqueue,
    listing,
    showing,
    retry,
    cancel,
    amend,
    delete,
    pause,
    resume,
    queues,
    sessions,
    schedules,
    stats,
    watch,
    prune,
)
"""In the order in which help lists them."""


def make() -> App:
    """The command line, which `run` parses by."""
    app = App(
        name="goncordia", help=HELP, version=version("goncordia-core"), help_format="plaintext"
    )
    for module in COMMANDS:
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
