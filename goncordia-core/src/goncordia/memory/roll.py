"""All ids in order, for pages. Ids mostly come in order, so that sorting is rare and cheap."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Iterator, Sized
from typing import Protocol

_SLACK = 64


class _Ids(Container[int], Sized, Protocol): ...


class Roll:
    """The ids that were ever inserted, less those tidied away."""

    __slots__ = ("_ids", "_sorted")

    def __init__(self) -> None:
        self._ids: list[int] = []
        self._sorted = True

    def add(self, id: int) -> None:
        """One id more."""
        if self._ids and id <= self._ids[-1]:
            self._sorted = False
        self._ids.append(id)

    def tidy(self, living: _Ids) -> None:
        """Drop the ids of the gone, once they prevail."""
        if len(self._ids) > 2 * len(living) + _SLACK:
            self._ids = [num for num in self._ids if num in living]

    def newest(self, before: int | None) -> Iterator[int]:
        """The ids below that one, greatest first."""
        if not self._sorted:
            self._ids = sorted(set(self._ids))
            self._sorted = True
        end = len(self._ids) if before is None else bisect_left(self._ids, before)
        return (self._ids[i] for i in range(end - 1, -1, -1))
