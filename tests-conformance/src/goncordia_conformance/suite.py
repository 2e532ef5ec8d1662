"""The suite that an author subclasses: `open_driver`, perhaps `begin`, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Generic

import msgspec
import pytest

from goncordia_conformance.case import Case
from goncordia_conformance.catalogue import catalogue
from goncordia_conformance.loops import LOOPS
from goncordia_conformance.options import chosen
from goncordia_conformance.report import CAPABILITIES, FIGURES, SEARCH, TRIAL
from goncordia_conformance.search import search
from goncordia_conformance.subject import D, Opening, Subject
from goncordia_conformance.trial import try_case

Record = Callable[[str, object], None]
Test = Callable[..., None]


class DriverSuite(Generic[D]):
    """Every promise of the contract, as tests of one driver.

    `open_driver` gives a fresh, migrated, empty driver each time; an async generator that yields it
    once will do. `begin` gives a transaction on it, for drivers that take one: it commits at a
    clean exit, rolls back on an exception or a cancellation, and has done so when it is left.
    `url` names the store of a driver, for stores that several processes share. Tests can't be
    overridden.
    """

    def open_driver(self) -> Opening[D]:
        """Open a fresh, migrated, empty driver."""
        raise NotImplementedError(f"{type(self).__name__} needs open_driver")

    def begin(self, driver: D) -> Opening[object]:
        """Begin a transaction of the kind that the driver takes as `tx`."""
        raise NotImplementedError(f"{type(self).__name__} needs begin")

    def url(self, driver: D) -> str:
        """The address of the store, under which other processes open it, too."""
        raise NotImplementedError(f"{type(self).__name__} needs url")

    def __init_subclass__(cls, **options: object) -> None:
        """Refuse a subclass that passes by replacing tests."""
        super().__init_subclass__(**options)
        if changed := _changed(cls):
            raise TypeError(
                f"{cls.__name__} overrides {', '.join(changed)}: the suite's tests are the "
                "certificate and can't be replaced. If one is wrong for your store, declare the "
                "weaker capability, or report it as a bug of goncordia-conformance."
            )

    def test_no_test_is_overridden(self) -> None:
        """Also what was replaced after the class was made."""
        assert not _changed(type(self))

    @pytest.mark.parametrize("loop", LOOPS)
    def test_machine(
        self, loop: str, record_property: Record, request: pytest.FixtureRequest
    ) -> None:
        """Any sequence of operations, in lockstep with the memory reference."""
        __tracebackhide__ = True
        profile, seed = chosen(request.config)
        found = search(_subject(self), loop, profile, seed)
        told = {"seed": found.seed, "examples": found.examples, "steps": found.steps}
        record_property(SEARCH, json.dumps(told | {"profile": profile.name}))
        if found.broken is not None:
            again = (
                f"Again: pytest --goncordia-profile={profile.name} --goncordia-seed={found.seed}"
            )
            pytest.fail(f"{found.broken}\n{again} {request.node.nodeid}", pytrace=False)
        if found.trouble is not None:
            raise found.trouble


def _subject(suite: DriverSuite[D]) -> Subject:
    transacts = type(suite).begin is not DriverSuite.begin
    shared = type(suite).url is not DriverSuite.url
    return Subject(
        suite.open_driver, suite.begin if transacts else None, suite.url if shared else None
    )


def _test(case: Case) -> Test:
    @pytest.mark.parametrize("loop", LOOPS)
    def test(self: DriverSuite[D], loop: str, record_property: Record) -> None:
        __tracebackhide__ = True
        trial = try_case(case, _subject(self), loop)
        if trial.promised is not None:
            promised = msgspec.to_builtins(trial.promised, str_keys=True)
            record_property(CAPABILITIES, json.dumps(promised))
        record_property(TRIAL, json.dumps({"words": case.words, "verdict": trial.verdict}))
        record_property(FIGURES, json.dumps(dict(trial.figures)))
        if trial.error is not None:
            raise trial.error

    test.__name__ = case.test
    test.__qualname__ = f"DriverSuite.{case.test}"
    test.__doc__ = case.guarantee
    return test


def _collect() -> Mapping[str, Test]:
    tests = {name: _test(case) for name, case in catalogue().items()}
    for name, test in tests.items():
        setattr(DriverSuite, name, test)
    own = ("test_no_test_is_overridden", "test_machine", "__init_subclass__")
    return tests | {name: vars(DriverSuite)[name] for name in own}


def _changed(cls: type[object]) -> list[str]:
    """Tests that are not, or no more, the suite's own."""
    return [name for name, test in TESTS.items() if _found(cls, name) is not test]


def _found(cls: type[object], name: str) -> object:
    """What the class has under the name, as it was written."""
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)


TESTS: Mapping[str, Test] = _collect()
