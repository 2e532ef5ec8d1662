"""The suite, checked: each broken driver is caught, and the page that says so lists them all."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from goncordia.actions import Cancel
from goncordia.answers import Finished, QueueChange
from goncordia.jobs import completed, failed
from goncordia.memory import MemoryDriver
from goncordia_conformance import Bench, judge
from goncordia_conformance.bench import error
from goncordia_conformance.subject import Subject


def _shelf() -> ModuleType:
    spec = spec_from_file_location("shelf", Path(__file__).parent / "shelf.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["shelf"] = module_from_spec(spec)  # for its dataclasses
    spec.loader.exec_module(module)
    return module


shelf = _shelf()
NAMES: list[str] = shelf.names()
ROW = re.compile(
    r"^\| `(\w+)`.*? \| .* \| (?:`(\w+)`)? \| (\d*) \| (?:`(\w+)`)? \| \d+ of \d+ \|$", re.M
)
ROWS = {name: row for name, *row in ROW.findall(shelf.TABLE.read_text())}
"""By flaw: the test that caught it without directed cases, its steps, the directed case."""
SHORT = 4
"""Stories of so many steps are found at once; for longer ones a directed case is quicker."""


def quickest(name: str) -> list[str]:
    """The parts of the suite, first the one that is quick to catch it by what the page says."""
    alone, steps, case = ROWS.get(name, ("", "", ""))
    if alone and alone != "test_machine":
        first = "race"
    else:
        first = "machine" if steps and int(steps) <= SHORT else "case" if case else "machine"
    return [first, *(part for part in ("case", "race", "machine") if part != first)]


@pytest.mark.one_python("newest")
@pytest.mark.parametrize("name", NAMES)
def test_broken_driver_is_caught(name: str) -> None:
    flaw = shelf.load(name)
    verdicts = (flaw.judge(1, part) for part in quickest(name))
    verdict = next((verdict for verdict in verdicts if verdict.caught), None)
    assert verdict is not None, f"the suite does not catch this: {flaw.what}"
    assert flaw.named(verdict), f"{flaw.subject} not in the findings of:\n{verdict.message}"


def test_shelf_is_full() -> None:
    assert len(NAMES) >= 44
    assert sum(bool(shelf.load(name).blind) for name in NAMES) == 10


def test_page_lists_every_flaw() -> None:
    """`make test-broken` writes it."""
    assert sorted(ROWS) == NAMES
    for name in NAMES:
        assert shelf.load(name).what in shelf.TABLE.read_text()


def test_enough_fall_without_directed_cases() -> None:
    assert sum(bool(alone) for alone, _, _ in ROWS.values()) >= 30


def test_sound_driver_is_not_caught() -> None:
    """By what catches the others; the machine is tried on it in `test_memory`."""
    verdict = judge(MemoryDriver, lambda driver: driver.begin(), machine=False)
    assert not verdict.caught, verdict.message


@pytest.mark.anyio
@pytest.mark.parametrize("name", NAMES)
async def test_broken_driver_works_in_ordinary_use(name: str) -> None:
    """A flaw that fails whoever calls proves nothing: each is to be found, not to be met."""
    async with shelf.load(name).driver() as driver:
        await ordinary_use(Bench(driver, Subject(MemoryDriver, lambda driver: driver.begin())))


async def ordinary_use(bench: Bench) -> None:
    """One job a call, one worker, no surprises."""
    jobs = [bench.new(args=b'{"n": 1}') for _ in range(4)]
    for job in jobs:
        await bench.insert(job)
    worker = await bench.worker()
    taken = [job for _ in range(8) for job in await worker.take(1)]
    assert {job.id for job in taken} == {job.id for job in jobs}
    bench.wait(5)
    assert await worker.alive([job.token for job in taken])
    await bench.driver.rescue(10, now=bench.now)
    done = [await bench.finish(completed(job)) for job in taken[:3]]
    done += [await bench.finish(failed(taken[3], error(bench), timedelta(0)))]
    assert done == [[Finished.DONE]] * 4
    assert await bench.insert() == await bench.finish() == await bench.act(Cancel()) == []
    await bench.act(Cancel(), jobs[0])
    await worker.leave()
    assert set(await bench.ids()) == {job.id for job in jobs}
    await bench.driver.queues(QueueChange("other", True), now=bench.now)
    assert (await bench.driver.compare_and_set("k", None, b"v", now=bench.now)).won
    assert await bench.driver.stats(now=bench.now)
    async with bench.begin() as tx:
        await bench.insert(bench.new(), tx=tx)
