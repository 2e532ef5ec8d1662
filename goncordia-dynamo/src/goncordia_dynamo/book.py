"""Which claims this process knows to be over, so that their entries leave the log of intents.

A session's item logs what each of its claims is about to take, before it takes anything: so what a
lost claim took is found. An entry may go when each of its jobs was finished, and not earlier; where
that is not known for sure (an answer was lost, another process finished a job) it stays, and `beat`
looks at the jobs themselves after the resend window.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID


class Book:
    """The claims of this process's sessions."""

    def __init__(self) -> None:
        self._books: dict[UUID, _Pages] = {}

    def claimed(self, session: UUID, token: UUID, jobs: Iterable[UUID]) -> None:
        """A claim was answered in full, at the first try."""
        pages = self._books.setdefault(session, _Pages())
        if token not in pages.doubtful:
            pages.open[token] = set(jobs)
            pages.close(token)

    def doubt(self, session: UUID, token: UUID) -> None:
        """The claim is sent again: a first try may still be on its way."""
        pages = self._books.setdefault(session, _Pages())
        pages.doubtful.add(token)
        pages.open.pop(token, None)
        pages.spent.discard(token)

    def ended(self, token: UUID, job: UUID) -> None:
        """The token holds the job no more."""
        for pages in self._books.values():
            if token in pages.open:
                pages.open[token].discard(job)
                pages.close(token)

    def spent(self, session: UUID) -> list[UUID]:
        """Tokens whose entries may go."""
        pages = self._books.get(session)
        return [] if pages is None else list(pages.spent)

    def over(self, session: UUID, tokens: Iterable[UUID]) -> None:
        """The jobs themselves were looked at: none is held under these tokens."""
        self._books.setdefault(session, _Pages()).spent.update(tokens)

    def removed(self, session: UUID, tokens: Iterable[UUID]) -> None:
        """Their entries are gone."""
        if (pages := self._books.get(session)) is not None:
            pages.spent.difference_update(tokens)

    def forget(self, session: UUID) -> None:
        """The session is over."""
        self._books.pop(session, None)


class _Pages:
    """One session's."""

    def __init__(self) -> None:
        self.open: dict[UUID, set[UUID]] = {}
        """The jobs that are not finished yet, by token."""
        self.spent: set[UUID] = set()
        self.doubtful: set[UUID] = set()

    def close(self, token: UUID) -> None:
        """The entry may go once nothing is open."""
        if not self.open[token]:
            del self.open[token]
            self.spent.add(token)
