"""Where DynamoDB is and who asks: region, endpoint and credentials as botocore finds them.

This is the one module that touches botocore, which is untyped. Its credential providers (the
environment, profiles, SSO, containers, instances, web identity) and their refresh are used as they
are; they may block, so they run in a thread when there is something to fetch.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar, cast

from botocore.exceptions import BotoCoreError  # pyright: ignore[reportMissingTypeStubs]
from botocore.session import get_session  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
from goncordia.errors import InvalidArgument, StoreUnusable

from goncordia_dynamo.io import EVENT_LOOP, Io
from goncordia_dynamo.sign import Keys

R = TypeVar("R")


class _Frozen(Protocol):
    access_key: str
    secret_key: str
    token: str | None


class _Credentials(Protocol):
    def get_frozen_credentials(self) -> _Frozen | Awaitable[_Frozen]: ...


class _Meta(Protocol):
    endpoint_url: str


class BotocoreSession(Protocol):
    """What is used of a `botocore.session.Session`, or of aiobotocore's."""

    def get_credentials(self) -> object:
        """Credentials, None where there are none; aiobotocore's are to be awaited."""
        ...

    def get_config_variable(self, logical_name: str) -> object:
        """A setting, such as `region`."""
        ...


class Account:
    """Resolves endpoint and credentials, each once, and refreshes the latter when they age."""

    def __init__(
        self,
        session: object | None,
        region: str | None,
        endpoint: str | None,
        io: Io = EVENT_LOOP,
    ) -> None:
        """`session` is one of boto3, botocore or aiobotocore; None: botocore's default."""
        self._io = io
        self._session = cast("BotocoreSession | None", getattr(session, "_session", session))
        self._region = region
        self._endpoint = endpoint
        self._credentials: _Credentials | None = None
        self._aging: Callable[[], object] = bool
        """Whether they are to be fetched anew."""
        self._fetching = io.room(1)

    async def locate(self) -> tuple[str, str]:
        """The endpoint's URL and the region.

        Raises `InvalidArgument` where no region is set.
        """
        return await self._io.in_thread(self._locate)

    def _locate(self) -> tuple[str, str]:
        session = self._opened()
        region = self._region or session.get_config_variable("region")
        if not isinstance(region, str):
            raise InvalidArgument(
                "no AWS region: name it in the URL (?region=...), or set AWS_REGION"
            )
        return self._endpoint or _endpoint(session, region), region

    def _opened(self) -> BotocoreSession:
        if self._session is None:
            self._session = cast("BotocoreSession", get_session())
        return self._session

    async def keys(self) -> Keys:
        """Credentials that are valid now; raises `StoreUnusable` where there are none."""
        credentials = self._credentials
        if credentials is not None and not self._aging():
            return _keys(cast("_Frozen", credentials.get_frozen_credentials()))
        async with self._fetching:
            return await self._fetch()

    async def _fetch(self) -> Keys:
        try:
            if self._credentials is None:
                self._credentials = await self._find()
                self._aging = _aging_of(self._credentials)
            return _keys(await self._answer(self._credentials.get_frozen_credentials))
        except BotoCoreError as error:
            raise StoreUnusable(f"AWS credentials can't be had: {error}") from error

    async def _find(self) -> _Credentials:
        found = await self._answer(self._opened().get_credentials)
        if found is None:
            raise StoreUnusable(
                "no AWS credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name "
                "an AWS_PROFILE, or give the driver a session"
            )
        return cast("_Credentials", found)

    async def _answer(self, ask: Callable[[], R | Awaitable[R]]) -> R:
        """In a thread, where it may block, or awaited."""
        if inspect.iscoroutinefunction(ask):
            return await self._io.foreign(ask)
        return cast("R", await self._io.in_thread(ask))


def _endpoint(session: BotocoreSession, region: str) -> str:
    """As botocore's own client would have it, with its profile, FIPS and endpoint settings."""
    if inspect.iscoroutinefunction(session.get_credentials):
        session = _plain(session)
    try:
        client = cast("_Maker", session).create_client("dynamodb", region_name=region)
    except BotoCoreError as error:
        raise InvalidArgument(f"region={region!r}: {error}") from error
    return client.meta.endpoint_url


def _plain(session: BotocoreSession) -> BotocoreSession:
    """Botocore's in the place of aiobotocore's, whose clients are to be awaited."""
    plain = get_session()
    plain.set_config_variable("profile", session.get_config_variable("profile"))  # pyright: ignore[reportUnknownMemberType]
    return cast("BotocoreSession", plain)


class _Client(Protocol):
    meta: _Meta


class _Maker(Protocol):
    def create_client(self, service_name: str, *, region_name: str) -> _Client: ...


def _aging_of(credentials: _Credentials) -> Callable[[], object]:
    """Asks whether to fetch them anew; of somebody who has to be awaited always."""
    if inspect.iscoroutinefunction(credentials.get_frozen_credentials):
        return lambda: True
    return getattr(credentials, "refresh_needed", bool)


def _keys(frozen: _Frozen) -> Keys:
    return Keys(frozen.access_key, frozen.secret_key, frozen.token)
