"""Finding the registry and the schedules that a worker is to run: `module:attribute`."""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType
from typing import TypeVar

from goncordia.errors import InvalidArgument
from goncordia.periodic import Schedules
from goncordia.registry import Registry

T = TypeVar("T", Registry, Schedules)


def load_registry(place: str) -> Registry:
    """The registry at that place; modules of the current directory are found, too.

    Raises `InvalidArgument` where there is none, saying what is there instead.
    """
    found = _load(place, Registry, "write module:registry, as in shop.jobs:jobs")
    if not len(found):
        raise InvalidArgument(
            f"{place!r} has no workers: import the modules whose functions it registers"
        )
    return found


def load_schedules(place: str) -> Schedules:
    """The schedules at that place, as `load_registry` finds it."""
    found = _load(place, Schedules, "write module:schedules, as in shop.jobs:schedules")
    if not len(found):
        raise InvalidArgument(f"{place!r} has no schedules: import the modules that add them")
    return found


def _load(place: str, kind: type[T], form: str) -> T:
    name, colon, attribute = place.partition(":")
    if not (name and colon and attribute):
        raise InvalidArgument(f"{place!r} names no {kind.__name__.lower()}: {form}")
    found: object = _import(name, form)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise InvalidArgument(f"{place!r}: {name} has no {attribute}{_instead(name, kind)}")
        found = getattr(found, part)
    if not isinstance(found, kind):
        raise InvalidArgument(
            f"{place!r} is a {type(found).__name__}, not a goncordia.{kind.__name__}"
            + _instead(name, kind)
        )
    return found


def _import(name: str, form: str) -> ModuleType:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except Exception as error:  # whatever the application's module raises
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and f"{name}.".startswith(f"{missing}."):
            raise InvalidArgument(
                f"there is no module {missing!r} in {here} or among what is installed: {form}"
            ) from None
        raise InvalidArgument(
            f"{name} can't be imported: {type(error).__name__}: {error} (--debug shows where)"
        ) from error


def _instead(name: str, kind: type[object]) -> str:
    """What the module does have of the kind."""
    names = [key for key, value in vars(sys.modules[name]).items() if isinstance(value, kind)]
    return f"; it has {', '.join(names)}" if names else ""
