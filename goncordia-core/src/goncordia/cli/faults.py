"""What a command says when something is wrong: one line with the remedy, and no credentials."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from goncordia.errors import GoncordiaError, InvalidArgument
from goncordia.plugins import redact
from goncordia.pool.verdict import sole

ERROR, USAGE = 1, 2
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


@contextmanager
def reported(*known: str, debug: bool) -> Generator[None]:
    """Turn an error of goncordia into a line and an exit status; `debug` shows its traceback.

    `known` are the URLs that the line must not give away. What is no error of goncordia is a bug,
    and goes through.
    """
    try:
        yield
    except Exception as raised:
        error = sole(raised)
        if not isinstance(error, GoncordiaError):
            raise
        if debug:
            sys.stderr.write(scrub("".join(traceback.format_exception(error)), known))
        complain(str(error), known)
        sys.exit(USAGE if isinstance(error, InvalidArgument) else ERROR)
