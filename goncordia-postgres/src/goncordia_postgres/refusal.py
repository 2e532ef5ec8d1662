"""Why a connection did not come about: for now, or for as long as nobody mends it.

libpq keeps the server's SQLSTATE to itself when it connects, so that the words have to tell. Only
those are believed that begin a server's FATAL message as PostgreSQL and pgbouncer write it in
English; whatever else is said, or in another language, counts as for now.
"""

from __future__ import annotations

import re

import psycopg
from goncordia.errors import GoncordiaError, StoreUnusable, Unavailable

_PASSWORD = "correct it in the address, in PGPASSWORD or in the file that PGPASSFILE names"  # noqa: S105 - a remedy
_REFUSALS = tuple(
    (re.compile(rf"FATAL:\s+(?:{words})"), remedy)
    for words, remedy in (
        (r"(password|SASL) authentication failed", f"the password is wrong: {_PASSWORD}"),
        (r'role ".*" does not exist|no such user', "there is no such user: create the role"),
        (r'role ".*" is not permitted to log in', "the role may not log in: ALTER ROLE ... LOGIN"),
        (r'database ".*" does not exist|no such database', "there is no such database: create it"),
        (r'permission denied for database "', "the role may not: GRANT CONNECT ON DATABASE"),
        (
            r"no pg_hba\.conf entry|pg_hba\.conf rejects|(Peer|certificate) authentication failed",
            "the server refuses this user: see its pg_hba.conf",
        ),
    )
)
_EACH = re.compile(r"^- host: .*?(?=^- host: |\Z)", re.MULTILINE | re.DOTALL)
"""What psycopg says of each of several hosts."""


def refusal(error: psycopg.OperationalError, place: str) -> GoncordiaError:
    """`StoreUnusable` where every host that was tried refuses for good, else `Unavailable`."""
    said = str(error)
    first = (said.splitlines() or [""])[0]
    if error.pgconn is not None and error.pgconn.needs_password:
        return StoreUnusable(f"{place}: the server wants a password: {_PASSWORD} ({first})")
    remedies = [_remedy(each) for each in _EACH.findall(said) or [said]]
    if remedies[-1] is not None and None not in remedies:
        return StoreUnusable(f"{place}: {remedies[-1]} ({first})")
    return Unavailable(f"{place}: the server can't be reached: {first}")


def _remedy(said: str) -> str | None:
    """What to do about a host's answer; None if it may be otherwise in a moment."""
    at = said.find("FATAL:")
    answers = (remedy for words, remedy in _REFUSALS if at >= 0 and words.match(said, at))
    return next(answers, None)
