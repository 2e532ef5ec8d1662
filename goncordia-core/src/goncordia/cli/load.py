"""Finding the registry that a worker is to run: `module:attribute`."""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType

from goncordia.errors import InvalidArgument
from goncordia.registry import Registry

FORM = "write module:registry, as in shop.jobs:jobs"


def load_registry(place: str) -> Registry:
    """The registry at that place; modules of the current directory are found, too.

    Raises `InvalidArgument` where there is none, saying what is there instead.
    """
    name, colon, attribute = place.partition(":")
    if not (name and colon and attribute):
        raise InvalidArgument(f"{place!r} names no registry: {FORM}")
    found: object = _import(name)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise InvalidArgument(f"{place!r}: {name} has no {attribute}{_instead(name)}")
        found = getattr(found, part)
    if not isinstance(found, Registry):
        raise InvalidArgument(
            f"{place!r} is a {type(found).__name__}, not a goncordia.Registry{_instead(name)}"
        )
    if not len(found):
        raise InvalidArgument(
            f"{place!r} has no workers: import the modules whose functions it registers"
        )
    return found


def _import(name: str) -> ModuleType:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except Exception as error:  # whatever the application's module raises
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and f"{name}.".startswith(f"{missing}."):
            raise InvalidArgument(
                f"there is no module {missing!r} in {here} or among what is installed: {FORM}"
            ) from None
        raise InvalidArgument(
            f"{name} can't be imported: {type(error).__name__}: {error} (--debug shows where)"
        ) from error


def _instead(name: str) -> str:
    """The registries that the module does have."""
    names = [key for key, value in vars(sys.modules[name]).items() if isinstance(value, Registry)]
    return f"; it has {', '.join(names)}" if names else ""
