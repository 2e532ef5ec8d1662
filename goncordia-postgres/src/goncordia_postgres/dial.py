"""Opening a connection. It blocks, as libpq looks names up: on an event loop, in a thread."""

from __future__ import annotations

import psycopg
from goncordia.statements import Statement
from psycopg import pq
from psycopg.waiting import wait

from goncordia_postgres.link import Link
from goncordia_postgres.place import SETTINGS, Place
from goncordia_postgres.refusal import refusal
from goncordia_postgres.translate import translate


def _settings(local: bool) -> str:
    flag = str(local).lower()
    return ", ".join(f"set_config('{name}', '{value}', {flag})" for name, value in SETTINGS.items())


_SET = f"SELECT {_settings(local=False)}"
_TERMS = Statement(f"SELECT {_settings(local=True)}")
"""Behind a pooler, where a setting of the session would reach whoever comes next."""


class Dialled:
    """A connection of the driver's own, and its link."""

    def __init__(self, connection: psycopg.Connection, link: Link) -> None:
        self._connection = connection
        self.link = link

    @property
    def usable(self) -> bool:
        """Whether it stands, and nothing is left of what it did last."""
        link = self.link
        return not link.worn and link.pgconn.status == pq.ConnStatus.OK and link.rests

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()


def dial(place: Place, conninfo: str | None = None) -> Dialled:
    """Connect; raises `Unavailable`, or `StoreUnusable` where the server refuses for good."""
    try:
        connection = psycopg.connect(conninfo or place.conninfo, autocommit=True)
    except psycopg.OperationalError as error:
        raise refusal(error, str(place)) from error
    dialled = Dialled(connection, Link(connection.pgconn, place.schema, prepares=place.prepares))
    if not place.prepares:
        dialled.link.terms = _TERMS
        return dialled
    try:
        wait(dialled.link.ask([Statement(_SET)]), connection.pgconn.socket)
    except psycopg.Error as error:
        dialled.close()
        raise translate(error, str(place)) from error
    return dialled
