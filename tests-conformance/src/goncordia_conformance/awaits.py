"""Cancelling an operation at any one of its awaits: enumerate them, or let Hypothesis pick."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any

import anyio


class CancelledAt:
    """Drives a coroutine, and cancels the scope round it when it suspends for the nth time."""

    def __init__(
        self, operation: Coroutine[Any, Any, Any], n: int, scope: anyio.CancelScope
    ) -> None:
        """`scope` is the innermost round the await of this."""
        self.operation = operation
        self.n = n
        self.scope = scope

    def __await__(self) -> Generator[Any, Any, Any]:
        """Run it to its end."""
        sent, thrown, suspended = None, None, 0
        while True:
            try:
                if thrown is not None:
                    asked = self.operation.throw(thrown)
                else:
                    asked = self.operation.send(sent)
            except StopIteration as stop:
                return stop.value
            if suspended == self.n:
                self.scope.cancel()
            suspended += 1
            sent, thrown = None, None
            try:
                sent = yield asked
            except BaseException as error:  # passed on
                thrown = error
