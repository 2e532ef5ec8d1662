"""Proves what a goncordia driver keeps: subclass `DriverSuite`, give `open_driver`, run pytest."""

from goncordia_conformance import asserts as asserts  # first: it has the others rewritten
from goncordia_conformance.bench import Bench
from goncordia_conformance.case import Case, case
from goncordia_conformance.judge import Verdict, judge
from goncordia_conformance.search import Profile
from goncordia_conformance.subject import Opening
from goncordia_conformance.suite import DriverSuite

__all__ = ["Bench", "Case", "DriverSuite", "Opening", "Profile", "Verdict", "case", "judge"]
