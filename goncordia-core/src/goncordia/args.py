"""The arguments of a job: a msgspec struct with a kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, TypedDict, Unpack, cast

import msgspec

from goncordia.errors import InvalidArgument
from goncordia.options import Options

if TYPE_CHECKING:
    from goncordia.unique import Unique

Upcaster = Callable[[dict[str, object]], dict[str, object]]
"""Makes of a version's JSON object the next version's."""

_KIND = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,127}")


class StructConfig(TypedDict, total=False):
    """msgspec's own options of a struct."""

    tag: bool | str | int | None
    tag_field: str | None
    rename: (
        Literal["lower", "upper", "camel", "pascal", "kebab"]
        | Callable[[str], str | None]
        | Mapping[str, str]
        | None
    )
    omit_defaults: bool
    forbid_unknown_fields: bool
    frozen: bool
    eq: bool
    order: bool
    kw_only: bool
    repr_omit_defaults: bool
    array_like: bool
    gc: bool
    weakref: bool
    dict: bool
    cache_hash: bool


def _check_upcasters(
    upcasters: Mapping[int, Upcaster], version: int, name: str, config: StructConfig
) -> None:
    for old in upcasters:
        if old not in range(1, version):
            raise InvalidArgument(
                f"upcasters={{{old!r}: ...}} of {name}: each is named by the version that it "
                f"lifts, which is below {version}"
            )
    if config.get("array_like"):
        raise InvalidArgument(f"upcasters of {name}: they take objects, and it is array_like")


class ArgsMeta(msgspec.StructMeta):
    """Takes `kind` and `version` out of the class statement, which msgspec would refuse."""

    def __new__(
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, object],
        *,
        kind: str | None = None,
        version: int = 1,
        upcasters: Mapping[int, Upcaster] | None = None,
        queue: str = "default",
        priority: int = 0,
        max_attempts: int = 25,
        unique: Unique | None = None,
        **config: Unpack[StructConfig],
    ) -> ArgsMeta:
        """Make the class; `config` are msgspec's own options.

        `upcasters` make of the JSON object that version n stored the one of version n + 1: they are
        named by n. A worker applies them one after the other to jobs that waited for a deploy.
        `queue`, `priority`, `max_attempts` and `unique` are the kind's `Options`.
        """
        if kind is not None and not _KIND.fullmatch(kind):
            raise InvalidArgument(
                f"kind={kind!r} of {name}: use 1 to 128 letters, digits and _ . : / -"
            )
        if version < 1:
            raise InvalidArgument(f"version={version} of {name}: versions count from 1")
        if upcasters:
            _check_upcasters(upcasters, version, name, config)
        cls = super().__new__(mcls, name, bases, namespace, **config)
        made = cast("type[Args]", cls)
        made.__goncordia_kind__ = kind
        made.__goncordia_version__ = version
        made.__goncordia_upcasters__ = dict(upcasters or {})
        made.__goncordia_options__ = Options(
            queue=queue, priority=priority, max_attempts=max_attempts, unique=unique
        )
        if unique is not None:
            unique.check(made)
        return cls


class Args(msgspec.Struct, metaclass=ArgsMeta):
    """Base of every kind's arguments.

    `class SendEmail(Args, kind="send_email")` declares the fields as msgspec does. The kind is
    stored with the job and must outlive the class's name; a class without one is abstract. Unknown
    fields in stored arguments are ignored, so that an older worker reads a newer producer's jobs;
    `forbid_unknown_fields=True` makes them an error. For a change that an older class can't read,
    count `version` up and say with `upcasters` how to read what is stored.
    """

    __goncordia_kind__: ClassVar[str | None]
    __goncordia_version__: ClassVar[int]
    __goncordia_upcasters__: ClassVar[Mapping[int, Upcaster]]
    __goncordia_options__: ClassVar[Options]


def kind_of(args: type[Args]) -> str:
    """The kind of a class of arguments; raises `InvalidArgument` for an abstract one."""
    kind = args.__goncordia_kind__
    if kind is None:
        raise InvalidArgument(
            f"{args.__name__} has no kind; declare it as class {args.__name__}(Args, kind='...')"
        )
    return kind
