"""What docs/how-to/testing.md shows runs; and what the plugin costs who does not use it."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/testing.md").read_text()
FILES = dict(re.findall(r'```python title="(\w+\.py)"\n(.*?)```', PAGE, re.DOTALL))
STRICT = """\
[pytest]
addopts = --strict-markers
anyio_mode = strict
trio_mode = false
filterwarnings = error
"""


def run(folder: Path, *arguments: str, **plugins: bool) -> str:
    """Runs pytest there with these plugins alone; what it says."""
    chosen = [
        word for name, on in plugins.items() if on for word in ("-p", name.replace("__", "."))
    ]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *chosen, *arguments]
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": ""}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return f"{done.stdout}{done.stderr}\nexit {done.returncode}"


def write(folder: Path, **files: str) -> None:
    (folder / "pytest.ini").write_text(STRICT)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)


def test_every_file_of_the_page_is_found() -> None:
    assert len(FILES) == PAGE.count("```python")
    assert {"shop.py", "conftest.py", "test_gontest.py", "test_trio.py"} <= set(FILES)


def test_what_the_page_shows_runs(tmp_path: Path) -> None:
    write(tmp_path, **{name.removesuffix(".py"): text for name, text in FILES.items()})
    said = run(tmp_path, "-q", pytest_goncordia=True, anyio=True, pytest_trio__plugin=True)
    tests = sum(text.count("def test_") for text in FILES.values())
    assert "exit 0" in said, said
    passed = re.search(r"(\d+) passed", said)
    assert passed is not None
    assert int(passed[1]) > tests  # on two event loops where there is one
    assert "skipped" not in said


def test_the_message_is_as_the_page_shows(tmp_path: Path) -> None:
    failing = FILES["test_enqueued.py"].replace(
        "SendEmail, 1)\n    assert job",
        "SendEmail, where=lambda job: job.args.to == '')\n    assert job",
        1,
    )
    write(tmp_path, shop=FILES["shop.py"], test_enqueued=failing)
    said = run(
        tmp_path, "-k", "reminder", pytest_goncordia=True, anyio=True, pytest_trio__plugin=True
    )
    assert "exit 1" in said
    shown = re.search(r"```text\n(AssertionError.*?)```", PAGE, re.DOTALL)
    assert shown is not None
    for line in shown[1].strip().splitlines():
        assert re.sub(r"line \d+", "line", line) in re.sub(r"line \d+", "line", said), said
    traceback = said.partition("FAILURES")[2]
    assert "tracker.py" not in traceback  # it ends in the test's own line


def test_the_plugin_is_found_by_its_entry_point() -> None:
    found = entry_points(group="pytest11", name="goncordia")
    assert [entry.value for entry in found] == ["pytest_goncordia"]


UNUSED = """\
import sys

def test_nothing_of_goncordia_is_imported():
    assert "pytest_goncordia" in sys.modules
    assert not [name for name in sys.modules if name.split(".")[0] in ("goncordia", "anyio")]
"""


def test_it_costs_nothing_where_it_is_not_used(tmp_path: Path) -> None:
    write(tmp_path, test_unused=UNUSED)
    (tmp_path / "pytest.ini").unlink()
    assert "1 passed" in run(tmp_path, pytest_goncordia=True)


ALONE = """\
import sys

class Missing:
    def find_spec(self, name, *others):
        if name.split(".")[0] in ("trio", "hypothesis", "rich", "cyclopts", "opentelemetry"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())

from goncordia import Args, Job, Registry

class Mail(Args, kind="mail"):
    to: str

def test_without_trio_and_the_extras(goncordia_sync_client, goncordia_sync_tracker):
    jobs = Registry()

    @jobs.worker
    async def mail(job: Job[Mail]) -> None: ...

    goncordia_sync_client.enqueue(Mail("ada"))
    goncordia_sync_tracker.require_enqueued(Mail)
    assert goncordia_sync_tracker.drain(jobs).runs == 1
"""


def test_it_needs_nothing_that_is_optional(tmp_path: Path) -> None:
    write(tmp_path, test_alone=ALONE)
    (tmp_path / "pytest.ini").unlink()
    assert "1 passed" in run(tmp_path, pytest_goncordia=True)
