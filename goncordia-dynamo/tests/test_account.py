"""Signing, endpoints, credentials, classes of errors: as botocore has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3  # pyright: ignore[reportMissingTypeStubs]
import botocore.session  # pyright: ignore[reportMissingTypeStubs]
import pytest
from botocore.auth import SigV4Auth  # pyright: ignore[reportMissingTypeStubs]
from botocore.awsrequest import AWSRequest  # pyright: ignore[reportMissingTypeStubs]
from botocore.credentials import (  # pyright: ignore[reportMissingTypeStubs]
    Credentials,
    RefreshableCredentials,
)
from botocore.retries import standard  # pyright: ignore[reportMissingTypeStubs]
from goncordia.errors import InvalidArgument, StoreUnusable
from goncordia.jobs import NewJob
from goncordia_dynamo import DynamoDriver, DynamoTransaction, SyncDynamoDriver, account, errors
from goncordia_dynamo.account import Account
from goncordia_dynamo.sign import Keys, Signer
from goncordia_testservers.dynamo import Dynamo
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.anyio

words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


@given(
    secrets=st.lists(words, min_size=1, max_size=3),
    token=st.none() | words,
    body=st.binary(max_size=200),
    at=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001
)
def test_signatures_are_botocores(secrets, token, body, at) -> None:
    signer = Signer("eu-west-1")
    for secret in secrets:  # a rotated key is derived anew
        keys = Keys("AKID", secret, token)
        ours = signer.headers("DynamoDB_20120810.Query", "h:8000", body, keys, at)
        told = dict(ours[:-1])
        request = AWSRequest(method="POST", url="http://h:8000/", data=body, headers=dict(told))
        theirs = SigV4Auth(Credentials("AKID", secret, token), "dynamodb", "eu-west-1")
        request.context["timestamp"] = told["x-amz-date"]
        text = theirs.string_to_sign(request, theirs.canonical_request(request))
        assert ours[-1][1].endswith(f"Signature={theirs.signature(text, request)}")
        assert repr(keys) == "Keys(...)"


def test_what_botocore_takes_for_throttling_we_do() -> None:
    codes = set(standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
    of_others = {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "TransactionInProgressException",
    }
    assert codes - of_others <= errors.THROTTLED
    transient = set(standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES)
    assert transient <= errors.TRANSIENT


async def test_the_endpoint_is_botocores(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await Account(None, "eu-west-1", None).locate() == (
        "https://dynamodb.eu-west-1.amazonaws.com",
        "eu-west-1",
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-2")
    assert await Account(None, None, None).locate() == ("http://127.0.0.1:1", "us-east-2")
    assert (await Account(None, None, "http://x").locate())[0] == "http://x"


class Aio(botocore.session.Session):
    """As aiobotocore's: what may take time is to be awaited."""

    async def get_credentials(self, **options):
        raise AssertionError

    async def _create_client(self):
        raise AssertionError

    def create_client(self, *args, **options):  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._create_client()


@pytest.mark.parametrize("kind", [botocore.session.Session, Aio])
async def test_a_profile_says_where_to_call(monkeypatch, tmp_path: Path, kind) -> None:
    config = tmp_path / "config"
    config.write_text("[profile shop]\nregion=eu-west-3\nendpoint_url=http://shop:8000\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    found = await Account(kind(profile="shop"), None, None).locate()
    assert found == ("http://shop:8000", "eu-west-3")


async def test_a_region_has_to_be_known() -> None:
    with pytest.raises(InvalidArgument, match="region"):
        await Account(None, None, "http://x").locate()


async def test_credentials_come_from_the_callers_session() -> None:
    session = botocore.session.get_session()
    session.set_credentials("a", "b", "c")
    assert await Account(session, "x", None).keys() == Keys("a", "b", "c")

    class Boto3:
        _session = session

    assert await Account(Boto3(), "x", None).keys() == Keys("a", "b", "c")


@pytest.fixture
def shop(dynamodb: Dynamo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> boto3.Session:
    """A session of boto3, all of which comes from a profile."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    keys = "aws_access_key_id=shop\naws_secret_access_key=secret\n"
    config = tmp_path / "config"
    config.write_text(f"[profile shop]\nregion=local\nendpoint_url={dynamodb.endpoint}\n{keys}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    return boto3.Session(profile_name="shop")


async def test_a_session_of_boto3_says_who_asks_and_where(shop: boto3.Session) -> None:
    """And its own client commits the transaction."""
    table = f"t{uuid4().hex}"
    async with DynamoDriver(table, session=shop) as driver:
        await driver.migrate()
        job = NewJob(driver.new_id("k", "q"), "k", b"{}", queue="q")
        tx = DynamoTransaction()
        await driver.insert([job], tx=tx)
        assert await driver.get([job.id]) == [None]
        theirs: Any = shop.client("dynamodb")
        theirs.transact_write_items(TransactItems=tx.items)
        theirs.close()
        [row] = await driver.get([job.id])
        assert row is not None
    assert (await driver._caller._account.keys()).access_key == "shop"
    with SyncDynamoDriver(table, session=shop) as blocking:
        assert blocking.get([job.id]) == [row]


async def test_credentials_that_are_awaited_are_awaited() -> None:
    """aiobotocore's are."""

    class Aio:
        async def get_credentials(self):
            return self

        async def get_frozen_credentials(self):
            return Keys("a", "b", "c")

    found = Account(Aio(), "x", None)
    assert [await found.keys() for _ in range(2)] == [Keys("a", "b", "c")] * 2


async def test_aging_credentials_are_refreshed() -> None:
    fetched = 0

    def refresh() -> dict[str, str]:
        nonlocal fetched
        fetched += 1
        until = datetime.now(UTC) + timedelta(hours=fetched - 1)
        return {
            "access_key": f"key{fetched}",
            "secret_key": "b",
            "token": "c",
            "expiry_time": until.isoformat(),
        }

    class Session:
        def get_credentials(self):
            return RefreshableCredentials.create_from_metadata(refresh(), refresh, "test")

    found = Account(Session(), "x", None)
    assert [(await found.keys()).access_key for _ in range(3)] == ["key2"] * 3


async def test_without_credentials_it_says_where_to_put_them(monkeypatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setattr(account, "get_session", botocore.session.Session)
    with pytest.raises(StoreUnusable, match="AWS_PROFILE"):
        await Account(None, "x", None).keys()
