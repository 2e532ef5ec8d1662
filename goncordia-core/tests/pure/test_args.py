"""Kinds are declared by a class statement and refused there."""

from __future__ import annotations

import pytest
from goncordia.args import Args, kind_of
from goncordia.errors import InvalidArgument
from goncordia.options import Options
from goncordia.unique import Unique


class Mail(Args, kind="mail", version=3, queue="mails", priority=5, max_attempts=7):
    to: str
    subject: str = "hello"


def test_a_class_says_its_kind_version_and_options() -> None:
    assert kind_of(Mail) == "mail"
    assert Mail.__goncordia_version__ == 3
    assert Mail.__goncordia_options__ == Options(queue="mails", priority=5, max_attempts=7)


def test_it_is_a_struct_like_any_other() -> None:
    assert Mail("ada") == Mail(to="ada", subject="hello")
    assert Mail.__struct_fields__ == ("to", "subject")


def test_a_class_without_a_kind_is_abstract() -> None:
    class Base(Args):
        tenant: int

    class Concrete(Base, kind="concrete"):
        name: str

    assert Concrete(1, "x").tenant == 1
    with pytest.raises(InvalidArgument, match=r"declare it as class Base\(Args, kind='...'\)"):
        kind_of(Base)


def test_a_kind_is_not_inherited() -> None:
    """Two classes of one kind would read each other's jobs."""

    class Child(Mail):
        cc: str = ""

    with pytest.raises(InvalidArgument, match="Child has no kind"):
        kind_of(Child)


@pytest.mark.parametrize("kind", ["", " mail", "a b", "a\n", "-x", "x" * 129, "é", "a\x00"])
def test_a_bad_kind_is_refused(kind: str) -> None:
    with pytest.raises(InvalidArgument, match="of Bad: use 1 to 128 letters"):

        class Bad(Args, kind=kind):  # pyright: ignore[reportUnusedClass] never made
            pass


@pytest.mark.parametrize("kind", ["a", "A.b-c:d/e_f9", "_x", "0", "x" * 128])
def test_a_good_kind_is_taken(kind: str) -> None:
    class Good(Args, kind=kind):
        pass

    assert kind_of(Good) == kind


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"version": 0}, "version=0"),
        ({"queue": ""}, "queue=''"),
        ({"priority": 16}, "priority=16"),
        ({"max_attempts": 0}, "max_attempts=0"),
        ({"unique": Unique(fields=("nope",))}, "'nope'; Bad has to"),
    ],
)
def test_bad_options_are_refused_where_they_are_written(
    options: dict[str, object], named: str
) -> None:
    with pytest.raises(InvalidArgument, match=named):

        class Bad(Args, kind="bad", **options):  # pyright: ignore[reportUnusedClass] never made
            to: str


def test_options_of_msgspec_are_passed_on() -> None:
    class Renamed(Args, kind="renamed", rename="camel", order=True):
        full_name: str

    assert Renamed.__struct_encode_fields__ == ("fullName",)
    assert sorted([Renamed("bob"), Renamed("ada")]) == [Renamed("ada"), Renamed("bob")]
