"""Which entries of its sessions' logs this process knows to be over, and on which pages all stand.

A session logs what each of its claims is about to take, before it takes anything: so what a lost
claim took is found. An entry may go when each of its jobs was finished, and not earlier; where that
is not known for sure (an answer was lost, another process finished a job) it stays, and `beat`
looks at the jobs themselves after the resend window.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

UNIT = 1024
"""Bytes of an item that are written for one unit."""


class Book:
    """The claims of this process's sessions."""

    def __init__(self) -> None:
        self._books: dict[UUID, _Pages] = {}

    def opened(self, session: UUID, taken: Sequence[int]) -> None:
        """A session begins, with so many bytes on each of its pages beside entries."""
        self._books[session] = _Pages(taken)

    def page(self, session: UUID, token: UUID, size: int, now: datetime) -> int:
        """Where a claim's entry of that size is written: where it stands, or where that is cheap.

        Of a session that began elsewhere only the first page is known.
        """
        return self._of(session).place(token, size, now)

    def claimed(self, session: UUID, token: UUID, jobs: Iterable[UUID]) -> None:
        """A claim was answered in full, at the first try."""
        pages = self._of(session)
        if token not in pages.doubtful:
            pages.open[token] = set(jobs)
            pages.close(token)

    def doubt(self, session: UUID, token: UUID) -> None:
        """The claim is sent again: a first try may still be on its way."""
        pages = self._of(session)
        pages.doubtful.add(token)
        pages.open.pop(token, None)
        pages.spent.discard(token)

    def ended(self, token: UUID, job: UUID) -> None:
        """The token holds the job no more."""
        for pages in self._books.values():
            if token in pages.open:
                pages.open[token].discard(job)
                pages.close(token)

    def spent(self, session: UUID, page: int) -> list[UUID]:
        """Tokens whose entries on that page may go."""
        pages = self._books.get(session)
        return [] if pages is None else [each for each in pages.spent if pages.on(page, each)]

    def over(self, session: UUID, tokens: Iterable[UUID]) -> None:
        """The jobs themselves were looked at: none is held under these tokens."""
        self._of(session).spent.update(tokens)

    def removed(self, session: UUID, tokens: Iterable[UUID]) -> None:
        """Their entries are gone."""
        if (pages := self._books.get(session)) is not None:
            for token in tokens:
                pages.spent.discard(token)
                pages.entries.pop(token, None)

    def strays(
        self, session: UUID, tokens: Collection[UUID], settled: Callable[[datetime], bool]
    ) -> dict[UUID, int]:
        """Claims that may have entries and that the worker knows not of, with their pages."""
        pages = self._of(session)
        return {
            token: entry.page
            for token, entry in pages.entries.items()
            if token not in tokens and token not in pages.spent and settled(entry.at)
        }

    def knows(self, session: UUID) -> bool:
        """Whether all its pages are known."""
        pages = self._books.get(session)
        return pages is not None and bool(pages.taken)

    def forget(self, session: UUID) -> None:
        """The session is over."""
        self._books.pop(session, None)

    def _of(self, session: UUID) -> _Pages:
        return self._books.setdefault(session, _Pages(()))


class _Entry(NamedTuple):
    """Of one claim, written or about to be."""

    page: int
    size: int
    at: datetime


class _Pages:
    """One session's."""

    def __init__(self, taken: Sequence[int]) -> None:
        self.taken = taken
        """Bytes on each page beside entries; empty where only the first page is known."""
        self.entries: dict[UUID, _Entry] = {}
        self.open: dict[UUID, set[UUID]] = {}
        """The jobs that are not finished yet, by token."""
        self.spent: set[UUID] = set()
        self.doubtful: set[UUID] = set()

    def close(self, token: UUID) -> None:
        """The entry may go once nothing is open."""
        if not self.open[token]:
            del self.open[token]
            self.spent.add(token)

    def on(self, page: int, token: UUID) -> bool:
        """Whether the token's entry stands there; what is not known stands on the first."""
        entry = self.entries.get(token)
        return (0 if entry is None else entry.page) == page

    def place(self, token: UUID, size: int, now: datetime) -> int:
        """Choose a page for an entry, the first of those that cost least, and note it there."""
        if (known := self.entries.get(token)) is not None:
            page = known.page
        else:
            units = self._units(size)
            page = units.index(min(units))
        self.entries[token] = _Entry(page, size, now)
        return page

    def _units(self, size: int) -> list[int]:
        """What an entry more costs on each page: an item is billed as it was or as it becomes."""
        before = list(self.taken or (0,))
        after = [taken + size for taken in before]
        for token, entry in self.entries.items():
            before[entry.page] += entry.size
            after[entry.page] += 0 if token in self.spent else entry.size
        return [-(-max(sizes) // UNIT) for sizes in zip(before, after, strict=True)]
