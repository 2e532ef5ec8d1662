"""One case on a fresh driver, on one event loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal

import anyio
import pytest
from goncordia.capabilities import Capabilities

from goncordia_conformance.bench import Bench
from goncordia_conformance.case import Case, lacking
from goncordia_conformance.loops import run
from goncordia_conformance.refused import check_refused
from goncordia_conformance.subject import Subject

FAILURES = (Exception, pytest.fail.Exception)
"""What `pytest.raises` raises is no `Exception`."""


@dataclass(slots=True)
class Trial:
    """What became of a case."""

    verdict: Literal["held", "refused", "broken"] = "broken"
    promised: Capabilities | None = None
    figures: Mapping[str, float] = field(default_factory=dict[str, float])
    error: BaseException | None = None


def try_case(case: Case, subject: Subject, loop: str) -> Trial:
    """Run it; where the store lacks what it needs, see that the store refuses it."""
    trial = Trial()
    try:
        run(lambda: _try(case, subject, trial), loop)
    except Exception as error:  # the driver did not open, close or answer
        trial.error = error
    if trial.error is not None:
        trial.error = trial.error.with_traceback(_from(trial.error.__traceback__, case))
    return trial


async def _try(case: Case, subject: Subject, trial: Trial) -> None:
    async with subject.open() as driver:
        bench = Bench(driver, subject)
        trial.promised = bench.promised
        trial.figures = bench.figures
        lacks = lacking(case.words, bench.promised)
        try:
            if lacks is None:
                await case.body(bench)
            else:
                await check_refused(bench, lacks)
        except anyio.get_cancelled_exc_class():
            raise
        except FAILURES as error:
            trial.error = error  # raised after the driver has closed, and outside of its groups
        else:
            trial.verdict = "held" if lacks is None else "refused"


def _from(tb: TracebackType | None, case: Case) -> TracebackType | None:
    """The traceback from the case on, without the event loop's part."""
    place = tb
    while place is not None:
        if place.tb_frame.f_code.co_filename == case.body.__code__.co_filename:
            return place
        place = place.tb_next
    return tb
