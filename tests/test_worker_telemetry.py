"""What a worker process tells: metrics over HTTP, spans by the plugin `otel`, lines of JSON."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from goncordia import SyncClient, open_sync_driver

APP = """\
from goncordia import Args, Job, Registry

class Mail(Args, kind="mail"):
    to: str

jobs = Registry()

@jobs.worker
async def mail(job: Job[Mail]) -> None:
    print("ran", flush=True)
"""

TRACED = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    with open_sync_driver(f"sqlite:///{tmp_path}/jobs.db") as driver:
        driver.migrate()
    return tmp_path


@contextmanager
def worker(app: Path, *options: str, **environment: str) -> Generator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "goncordia.cli", "worker", "app:jobs", *options]
    process = subprocess.Popen(
        [*command, "--driver", "sqlite:///jobs.db"],
        cwd=app,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def enqueue(app: Path) -> None:
    sys.path.insert(0, str(app))
    try:
        module = __import__("app")
        with open_sync_driver(f"sqlite:///{app}/jobs.db") as driver:
            SyncClient(driver).enqueue(module.Mail("secret-ada"))
    finally:
        sys.path.remove(str(app))
        del sys.modules["app"]


def read_until(stream, pattern: str) -> re.Match[str]:
    for line in stream:
        found = re.search(pattern, line)
        if found:
            return found
    raise AssertionError(f"it ended without {pattern!r}")


def test_a_worker_serves_its_metrics_on_this_machine_alone(app: Path) -> None:
    with worker(app, "--metrics-port", "0") as process:
        address = read_until(process.stderr, r"metrics on (http://127\.0\.0\.1:\d+/metrics)")[1]
        enqueue(app)
        assert process.stdout is not None
        read_until(process.stdout, "ran")
        text = ""
        while 'goncordia_job_status="completed"' not in text:  # counted once it has returned
            with urllib.request.urlopen(address, timeout=30) as response:
                text = response.read().decode()
    assert 'goncordia_queue_depth{goncordia_job_queue="default",' in text
    assert "secret-ada" not in text


def test_a_port_that_is_taken_ends_the_worker_with_a_line(app: Path) -> None:
    with worker(app, "--metrics-port", "0") as process:
        port = read_until(process.stderr, r":(\d+)/metrics")[1]
        second = subprocess.run(
            [sys.executable, "-m", "goncordia.cli", "worker", "app:jobs",
             "--metrics-port", port, "--driver", "sqlite:///jobs.db"],
            cwd=app, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert second.returncode == 2
    assert f"goncordia: nothing can be served on 127.0.0.1:{port}" in second.stderr
    assert "Traceback" not in second.stderr


def test_the_plugin_tells_the_providers_of_the_application(app: Path) -> None:
    (app / "app.py").write_text(APP + TRACED)
    with worker(app, GONCORDIA_PLUGINS="otel") as process:
        enqueue(app)
        assert process.stdout is not None
        read_until(process.stdout, '"name": "goncordia.process"')
        read_until(process.stdout, '"goncordia.job.kind": "mail"')


def test_so_does_it_where_a_job_is_enqueued_by_hand(app: Path) -> None:
    (app / "app.py").write_text(APP + TRACED)
    done = subprocess.run(
        [sys.executable, "-m", "goncordia.cli", "enqueue", "app:jobs", "mail", '{"to": "ada"}',
         "--driver", "sqlite:///jobs.db"],
        cwd=app, env={**os.environ, "GONCORDIA_PLUGINS": "otel"},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"name": "goncordia.enqueue"' in done.stdout
    with open_sync_driver(f"sqlite:///{app}/jobs.db") as driver:
        [row] = SyncClient(driver).jobs().rows
    assert json.loads(row.meta)["goncordia.trace"]["traceparent"]


BLOCK = """\
import sys

class Missing:
    def find_spec(self, name, *others):
        if name.split(".")[0] in ("opentelemetry", "prometheus_client", "h11"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from goncordia.cli.app import run
sys.exit(run(sys.argv[1:]))
"""


def without(app: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command where the extras are not installed."""
    return subprocess.run(
        [sys.executable, "-c", BLOCK, *arguments, "--driver", "sqlite:///jobs.db"],
        cwd=app,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_missing_extra_is_named(app: Path) -> None:
    ended = without(app, "worker", "app:jobs", "--metrics-port", "0")
    assert ended.returncode == 2
    assert "--metrics-port: " in ended.stderr
    assert re.search(r"pip install 'goncordia-core\[\w+\]'", ended.stderr)
    ended = without(app, "stats", GONCORDIA_PLUGINS="otel")
    assert ended.returncode == 1
    assert "pip install 'goncordia-core[otel]'" in ended.stderr


def test_nothing_of_it_is_needed_by_who_does_not_ask(app: Path) -> None:
    assert without(app, "stats").returncode == 0


def test_a_worker_logs_json_where_asked(app: Path) -> None:
    with worker(app, "--log-format", "json", "--log-jobs") as process:
        enqueue(app)
        told = read_until(process.stderr, r'^{.*"logger":"goncordia.jobs".*"job_kind":"mail".*}$')
    assert json.loads(told[0])["job_status"] == "completed"
    assert "secret-ada" not in told[0]
