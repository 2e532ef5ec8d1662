"""Inserting."""

from __future__ import annotations

from goncordia.answers import Insertion

from goncordia_conformance.bench import Bench
from goncordia_conformance.case import case


@case()
async def sent_again_answers_existing(bench: Bench) -> None:
    """An insert whose answer was lost may be sent again: the job is not doubled."""
    jobs = [bench.new(), bench.new()]
    await bench.there(*jobs)
    assert [answer.status for answer in await bench.insert(*jobs)] == [Insertion.EXISTING] * 2
    assert sorted(await bench.ids()) == sorted(job.id for job in jobs)
