"""What is judged: how an author opens a driver, and how a transaction on it begins."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Never, TypeVar, cast

from goncordia.driver import Driver
from typing_extensions import TypeVar as TypeVarWithDefault

T = TypeVar("T")
D = TypeVarWithDefault("D", bound=Driver[Never], default=Driver[Never])

Handle = Never
"""A caller's transaction, of whatever type: the author's `begin` and `tx` fit each other."""

Opening = AsyncIterator[T] | AbstractAsyncContextManager[T]
"""An async generator that yields once, or an async context manager."""


class Subject:
    """A driver to judge: fresh, migrated and empty each time it is opened."""

    def __init__(
        self,
        open_driver: Callable[[], Opening[D]],
        begin: Callable[[D], Opening[object]] | None = None,
        url: Callable[[D], str] | None = None,
    ) -> None:
        """`begin` is needed where the driver has transactions, `url` where processes share it."""
        self._open = open_driver
        self._url = cast("Callable[[Driver[Never]], str] | None", url)
        self._begin = cast("Callable[[Driver[Never]], Opening[Never]] | None", begin)

    @property
    def transacts(self) -> bool:
        """Whether it was said how a transaction begins."""
        return self._begin is not None

    def open(self) -> AbstractAsyncContextManager[Driver[Never]]:
        """A fresh driver."""
        return _context(self._open(), "open_driver")

    def url(self, driver: Driver[Never]) -> str | None:
        """Where another process finds the same store; None: the author did not say."""
        return None if self._url is None else self._url(driver)

    def begin(self, driver: Driver[Never]) -> AbstractAsyncContextManager[Handle]:
        """A transaction: commits at a clean exit, rolls back on an exception."""
        if self._begin is None:
            raise AssertionError(
                "the driver declares transactions: give the suite `begin(driver)`, an async "
                "generator that yields one, commits at a clean exit and rolls back on an exception"
            )
        return _context(self._begin(driver), "begin")


def _context(opening: Opening[T], name: str) -> AbstractAsyncContextManager[T]:
    if isinstance(opening, AbstractAsyncContextManager):
        return opening
    if isinstance(opening, AsyncGenerator):
        return asynccontextmanager(lambda: cast("AsyncGenerator[T]", opening))()
    raise TypeError(
        f"{name} gave {opening!r}: write it as an async generator (`async def {name}(...)` with "
        "one `yield`), or let it return an async context manager"
    )
