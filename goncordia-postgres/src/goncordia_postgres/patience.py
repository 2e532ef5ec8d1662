"""Rows that somebody else has locked for a moment are tried again, before they count as busy.

A claim locks the rows that it considers, also those that it then leaves, until its end, which is a
matter of a millisecond; a caller's open transaction keeps its locks for as long as it likes.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

import anyio

A = TypeVar("A")
Q = TypeVar("Q")

PAUSES = (0.001, 0.003, 0.01, 0.03)
"""Seconds; up to half is taken off by chance."""


async def patient(
    questions: Sequence[Q], busy: A, ask: Callable[[Sequence[Q]], Awaitable[list[A]]]
) -> list[A]:
    """Ask, and ask again what was answered busy."""
    answers = await ask(questions)
    for pause in _pauses():
        left = _left(questions, answers, busy)
        if not left:
            break
        await anyio.sleep(pause)
        answers = _merged(answers, busy, await ask(left))
    return answers


def patient_here(questions: Sequence[Q], busy: A, ask: Callable[[Sequence[Q]], list[A]]) -> list[A]:
    """The same, without an event loop."""
    answers = ask(questions)
    for pause in _pauses():
        left = _left(questions, answers, busy)
        if not left:
            break
        time.sleep(pause)
        answers = _merged(answers, busy, ask(left))
    return answers


def _pauses() -> Iterator[float]:
    return (pause * (0.5 + random.random() / 2) for pause in PAUSES)


def _left(questions: Sequence[Q], answers: list[A], busy: A) -> list[Q]:
    if busy not in answers:
        return []
    return [each for each, answer in zip(questions, answers, strict=True) if answer == busy]


def _merged(answers: list[A], busy: A, news: list[A]) -> list[A]:
    new = iter(news)
    return [next(new) if answer == busy else answer for answer in answers]
