"""What a command says when something is wrong: one line with the remedy, and no credentials."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import cast

from goncordia.errors import GoncordiaError, InvalidArgument
from goncordia.plugins import redact

ERROR, USAGE, INTERRUPTED = 1, 2, 130
"""Exit statuses."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"]+")


def scrub(text: str, known: Iterable[str] = ()) -> str:
    """The text with every URL as `redact` shows it; `known` may hold some with blanks in them."""
    for word in known:
        if ":" in word and word in text:
            text = text.replace(word, redact(word))
    return _URL.sub(lambda url: redact(url[0]), text)


def complain(text: str, known: Iterable[str] = ()) -> None:
    """Print an error as one line on stderr."""
    line = " ".join(scrub(text, known).split())
    print(f"goncordia: {line}", file=sys.stderr)  # noqa: T201, a command speaks by printing


def leaves(error: BaseException) -> Iterator[BaseException]:
    """What was raised, out of all groups."""
    if isinstance(error, BaseExceptionGroup):
        for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from leaves(inner)
    else:
        yield error


@contextmanager
def reported(*known: str, debug: bool) -> Generator[None]:
    """Turn an error of goncordia into a line and an exit status; `debug` shows its traceback.

    `known` are the URLs that the line must not give away. What is no error of goncordia is a bug,
    and goes through.
    """
    try:
        yield
    except BaseException as raised:
        errors = list(leaves(raised))
        if any(isinstance(error, KeyboardInterrupt) for error in errors):
            sys.exit(INTERRUPTED)
        for error in errors:
            if isinstance(error, SystemExit):
                raise error from None
        if not all(isinstance(error, GoncordiaError) for error in errors):
            raise
        for error in errors:
            if debug:
                sys.stderr.write(scrub("".join(traceback.format_exception(error)), known))
            complain(str(error), known)
        sys.exit(USAGE if isinstance(errors[0], InvalidArgument) else ERROR)
