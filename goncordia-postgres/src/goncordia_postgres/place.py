"""Where the store is and how it is to be used: address, schema, settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

import psycopg
from goncordia.errors import InvalidArgument
from goncordia.lifecycle import State
from goncordia.retention import Retention
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from goncordia_postgres.env import Env, kept
from goncordia_postgres.statements import SCHEMA

SCHEMA_NAME = re.compile(r"[a-z_][a-z0-9_]{0,47}")
CONNECTIONS = 8
"""The most that a driver opens for its operations."""
DEFAULTS: Mapping[str, str] = {
    "connect_timeout": "10",
    "application_name": "goncordia",
    "client_encoding": "utf8",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""What an address may say otherwise. A server that vanished is noticed within a minute, also by
whoever has sent something to it."""
SEVERAL: Mapping[str, str] = {"target_session_attrs": "read-write"}
"""What an address of several hosts may say otherwise: a standby may be listed first."""
SETTINGS: Mapping[str, str] = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "lock_timeout": "3s",
}
"""Of the driver's own connections: a plan made while the tables were empty stays right as they
grow, and nobody waits long for a lock."""


class Place:
    """One schema of a database, as every part of a driver sees it."""

    def __init__(
        self,
        conninfo: str,
        *,
        schema: str = SCHEMA,
        retention: Retention | None = None,
        prepares: bool = True,
        notifies: bool = True,
        listen: str | None = "",
    ) -> None:
        if not SCHEMA_NAME.fullmatch(schema):
            raise InvalidArgument(
                f"schema={schema!r}: use up to 48 lower case letters, digits and _"
            )
        self.schema = schema
        self.conninfo = _complete(conninfo)
        self.prepares = prepares
        self.listen = None if listen is None else _complete(listen or conninfo)
        """The address of the listener's connection; None: nobody listens."""
        self.channel = f"{schema}_jobs" if notifies else None
        self.kept: Mapping[State, timedelta] = kept(retention or Retention())

    def __str__(self) -> str:
        parts = conninfo_to_dict(self.conninfo)
        return f"{parts.get('host', 'localhost')}/{parts.get('dbname', '')}.{self.schema}"

    def env(self, now: datetime | None) -> Env:
        """What an operation at that instant knows."""
        return Env(now, self.kept, self.channel)


def _complete(conninfo: str) -> str:
    """With what we like, where the caller did not say."""
    try:
        given = conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError as error:
        raise InvalidArgument("conninfo is no address that libpq can read") from error
    hosts = str(given.get("host") or given.get("hostaddr") or "")
    liked = {**DEFAULTS, **SEVERAL} if "," in hosts else DEFAULTS
    return make_conninfo("", **{**liked, **given})
