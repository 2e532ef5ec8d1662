"""Which of several errors a pool ends with."""

from __future__ import annotations

import logging
from typing import cast

import anyio

log = logging.getLogger("goncordia.pool")


def outermost(error: BaseException) -> BaseException:
    """What to show of what the pool's nursery raised: the nursery is an inner matter."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    group = cast("BaseExceptionGroup[BaseException]", error)
    causes = [each for each in group.exceptions if not _is_cancelled(each)]
    if len(causes) > 1:
        return group
    return (causes or group.exceptions)[0]


def raise_worst(error: BaseException | None, failure: Exception | None) -> None:
    """Raise `error`, with a note of the failure to clean up; that alone if it is but a cancel."""
    if failure is not None:
        if error is None or _is_cancelled(error):
            raise failure
        log.error("the pool could not clean up: %s", failure)
        error.add_note(f"Besides, the pool could not clean up: {failure}")
    if error is not None:
        raise error


def _is_cancelled(error: BaseException) -> bool:
    return isinstance(error, anyio.get_cancelled_exc_class())
