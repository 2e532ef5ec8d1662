"""`goncordia worker`: runs the jobs of a registry until it is told to stop."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from typing import Annotated, Literal

import anyio
from cyclopts import Parameter, validators

from goncordia.cli import loops
from goncordia.cli.extras import plugins
from goncordia.cli.faults import reported, scrub
from goncordia.cli.load import load_registry, load_schedules
from goncordia.cli.metrics import metrics
from goncordia.cli.parameters import Debug, Loop, Numbers, Url, numbers
from goncordia.cli.signals import STOPPING, Stops, end_at_the_third
from goncordia.cli.tally import Tally
from goncordia.logs import JobFields, JobLog, JsonLines
from goncordia.periodic import Schedules
from goncordia.plugins import open_driver
from goncordia.pool import worker_pool
from goncordia.registry import Registry

NAME = "worker"
EXAMPLES = """\
Examples:
  goncordia worker shop.jobs:jobs --driver sqlite:///jobs.db
  goncordia worker shop.jobs:jobs --concurrency 50 --queues mail default
  goncordia worker shop.jobs:jobs --queues mail default --weights mail=3
  goncordia worker shop.jobs:jobs --queue-limits video=2 --kind-limits render=1
  goncordia worker shop.jobs:jobs --schedules shop.jobs:schedules
  goncordia worker shop.jobs:jobs --loop trio --shutdown-timeout 300
  goncordia worker shop.jobs:jobs --metrics-port 9464

Ctrl-C or SIGTERM:
  the first   claims nothing more and lets running jobs end
  the second  cancels them and gives them back
  the third   ends the process, whatever hangs"""

log = logging.getLogger("goncordia.worker")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to work."""

    concurrency: Annotated[int, Parameter(help="How many jobs run at once.")] = 10
    queues: Annotated[
        tuple[str, ...] | None,
        Parameter(
            consume_multiple=True,
            negative="",
            help="The queues to work on; by default those of the registry's kinds, and default.",
        ),
    ] = None
    weights: Annotated[
        tuple[str, ...],
        Numbers("What part each queue gets where all are full, as mail=3; 1 each by default."),
    ] = ()
    queue_limits: Annotated[
        tuple[str, ...], Numbers("How many jobs of a queue run at once here, as video=2.")
    ] = ()
    kind_limits: Annotated[
        tuple[str, ...], Numbers("How many jobs of a kind run at once here, as render=1.")
    ] = ()
    shutdown_timeout: Annotated[
        float, Parameter(help="Seconds that running jobs get to end after the first Ctrl-C.")
    ] = 30.0
    session_ttl: Annotated[
        float, Parameter(help="Seconds of silence after which others take this worker's jobs.")
    ] = 60.0
    beat_every: Annotated[
        float, Parameter(help="Seconds between two signs of life; four must fit into the ttl.")
    ] = 5.0
    log_format: Annotated[
        Literal["text", "json"], Parameter(help="How the lines of the log look.")
    ] = "text"
    log_jobs: Annotated[
        bool,
        Parameter(negative="", help="Log each attempt that has ended, not only those that failed."),
    ] = False
    metrics_port: Annotated[
        int | None,
        Parameter(
            validator=validators.Number(gte=0, lte=65_535),
            help="Serve metrics for Prometheus there, at /metrics; 0 takes a free port.",
        ),
    ] = None
    metrics_host: Annotated[
        str, Parameter(help="Who may ask for metrics: by default this machine alone.")
    ] = "127.0.0.1"


def command(
    registry: Annotated[str, Parameter(help="Where the goncordia.Registry is: module:name.")],
    /,
    *,
    driver: Url,
    schedules: Annotated[
        str | None,
        Parameter(help="Where the goncordia.Schedules are whose jobs to enqueue: module:name."),
    ] = None,
    settings: Settings = Settings(),
    loop: Loop = "asyncio",
    debug: Debug = False,
) -> None:
    """Run the jobs of a registry until told to stop.

    The module is imported from the current directory or from what is installed.
    """
    with reported(driver, debug=debug):
        configure_logging(driver, settings)
        found = load_registry(registry)
        periodic = load_schedules(schedules) if schedules else Schedules()
        loops.run(lambda: _work(driver, found, periodic, settings), loop)


async def _work(url: str, registry: Registry, schedules: Schedules, settings: Settings) -> None:
    tally, extras = Tally(), plugins()
    with anyio.open_signal_receiver(*STOPPING) as signals:
        end_at_the_third()
        async with anyio.create_task_group() as tasks:
            stops = Stops(tasks.cancel_scope.cancel)
            tasks.start_soon(stops.obey, signals)
            async with (
                open_driver(url) as driver,
                metrics(driver, settings.metrics_host, settings.metrics_port) as measured,
                worker_pool(
                    driver,
                    registry,
                    concurrency=settings.concurrency,
                    queues=settings.queues,
                    weights=numbers(settings.weights, "--weights"),
                    queue_limits=numbers(settings.queue_limits, "--queue-limits"),
                    kind_limits=numbers(settings.kind_limits, "--kind-limits"),
                    schedules=schedules,
                    middleware=[
                        *(tally, JobLog(), *(m.middleware for m in measured)),
                        *extras.middleware,
                    ],
                    enqueuing=[*(m.enqueuing for m in measured), *extras.enqueuing],
                    shutdown_timeout=settings.shutdown_timeout,
                    session_ttl=settings.session_ttl,
                    beat_every=settings.beat_every,
                ) as pool,
            ):
                stops.stop = pool.stop
                _greet(driver.name, registry, settings)
                await stops.drain.wait()
            tasks.cancel_scope.cancel()
    log.info("ended; jobs: %s", tally)


def _greet(store: str, registry: Registry, settings: Settings) -> None:
    log.info(
        "started on %s: %d jobs at once, queues %s, kinds %s",
        store,
        settings.concurrency,
        ", ".join(settings.queues or sorted({*registry.queues, "default"})),
        ", ".join(registry.kinds),
    )


LINES = {
    "text": logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"),
    "json": JsonLines(),
}


class Scrubbed(logging.Formatter):
    """A formatter that lets no credentials of a URL through."""

    def __init__(self, url: str, lines: logging.Formatter) -> None:
        """Knows the store's own URL, and how a line looks."""
        super().__init__()
        self._url = url
        self._lines = lines

    def format(self, record: logging.LogRecord) -> str:
        """The line, without them."""
        return scrub(self._lines.format(record), [self._url])


def configure_logging(url: str, settings: Settings) -> None:
    """Log to stderr from INFO up; the application's module, imported later, may change it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Scrubbed(url, LINES[settings.log_format]))
    handler.addFilter(JobFields())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("goncordia.jobs").setLevel("INFO" if settings.log_jobs else "WARNING")
