"""Which function handles which kind of job, and how."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Generic, Protocol, TypeVar, cast, get_args, get_origin, get_type_hints, overload

from goncordia.args import Args, kind_of
from goncordia.errors import InvalidArgument
from goncordia.handler import Job, seconds
from goncordia.retry import RetryPolicy, exponential
from goncordia.unique import Unique

A = TypeVar("A", bound=Args)
B = TypeVar("B", bound=Args)
R = TypeVar("R")
S = TypeVar("S")
Handler = Callable[[Job[A]], Awaitable[object]] | Callable[[Job[A]], object]


class Register(Protocol):
    """The decorator that `worker(...)` makes."""

    def __call__(self, handler: Callable[[Job[A]], R], /) -> Callable[[Job[A]], R]:
        """Register the handler and return it unchanged."""
        ...


@dataclass(frozen=True, slots=True)
class Worker(Generic[A]):
    """A handler with what a pool needs to run it."""

    kind: str
    args: type[A]
    handler: Handler[A]
    blocking: bool
    """A plain function: it runs in a thread."""
    timeout: float | None
    """Seconds for one attempt; None: no limit."""
    retry: RetryPolicy


class Registry:
    """The workers of an application.

    `@jobs.worker` registers an `async def` or a plain function, which then runs in a thread. Its
    parameter's annotation, `Job[SendEmail]`, says which args it takes.
    """

    def __init__(self) -> None:
        """Empty."""
        self._workers: dict[str, Worker[Args]] = {}

    @overload
    def worker(self, handler: Callable[[Job[A]], R], /) -> Callable[[Job[A]], R]: ...

    @overload
    def worker(
        self,
        /,
        *,
        args: type[Args] | None = None,
        queue: str | None = None,
        priority: int | None = None,
        max_attempts: int | None = None,
        unique: Unique | None = None,
        timeout: timedelta | float | None = None,
        retry: RetryPolicy = exponential,
    ) -> Register: ...

    def worker(
        self,
        handler: Callable[[Job[A]], R] | None = None,
        /,
        *,
        args: type[Args] | None = None,
        queue: str | None = None,
        priority: int | None = None,
        max_attempts: int | None = None,
        unique: Unique | None = None,
        timeout: timedelta | float | None = None,
        retry: RetryPolicy = exponential,
    ) -> Callable[[Job[A]], R] | Register:
        """Register a handler; the function itself is returned unchanged.

        `timeout` (seconds or a timedelta) bounds one attempt. `queue`, `priority`, `max_attempts`
        and `unique` are the same options as on the args class and are written there, where
        producers read them: a process that enqueues without importing this handler does not see
        them, so with separate processes say them on the class. `args` is for handlers whose
        annotation does not say it. Raises `InvalidArgument` for a handler that takes no
        `Job[...]`, and for a second one of the same kind.
        """
        said = {"queue": queue, "priority": priority, "max_attempts": max_attempts}
        options = {name: value for name, value in said.items() if value is not None}
        local = _callers_names()

        def register(function: Callable[[Job[B]], S], /) -> Callable[[Job[B]], S]:
            taken = args or _args_of(function, local)
            self._add(taken, function, seconds(timeout, "timeout"), retry)
            if unique is not None:
                unique.check(taken)
                taken.__goncordia_options__ = replace(taken.__goncordia_options__, unique=unique)
            taken.__goncordia_options__ = replace(taken.__goncordia_options__, **options)
            return function

        return register if handler is None else register(handler)

    def _add(
        self,
        args: type[Args],
        handler: Callable[[Job[A]], object],
        timeout: float | None,
        retry: RetryPolicy,
    ) -> None:
        kind = kind_of(args)
        other = self._workers.get(kind)
        if other is not None:
            raise InvalidArgument(
                f"kind {kind!r} has a worker already: {_name(other.handler)}; a kind has one"
            )
        if not callable(retry):
            raise InvalidArgument(
                f"retry={retry!r}: a policy is called with (attempt, error); "
                "see goncordia.Exponential, Fixed and never"
            )
        taker = cast("Handler[Args]", handler)
        self._workers[kind] = Worker(kind, args, taker, not _is_async(handler), timeout, retry)

    def get(self, kind: str) -> Worker[Args] | None:
        """The worker of a kind, if there is one."""
        return self._workers.get(kind)

    def __iter__(self) -> Iterator[Worker[Args]]:
        return iter(self._workers.values())

    def __len__(self) -> int:
        return len(self._workers)

    @property
    def kinds(self) -> tuple[str, ...]:
        """All kinds that have a worker, sorted."""
        return tuple(sorted(self._workers))

    @property
    def queues(self) -> tuple[str, ...]:
        """All queues that these kinds are enqueued to by default, sorted."""
        return tuple(sorted({w.args.__goncordia_options__.queue for w in self}))


def _callers_names() -> dict[str, object]:
    """What the names in the annotations of a function inside a function may mean."""
    frame = inspect.currentframe()
    caller = frame.f_back.f_back if frame and frame.f_back else None
    return dict(caller.f_locals) if caller else {}


def _name(handler: object) -> str:
    return str(getattr(handler, "__qualname__", repr(handler)))


def _is_async(handler: object) -> bool:
    if inspect.iscoroutinefunction(handler):
        return True
    return inspect.iscoroutinefunction(getattr(handler, "__call__", None))  # noqa: B004


def _args_of(handler: object, local: dict[str, object]) -> type[Args]:
    """The `A` of the handler's `Job[A]`."""
    target = handler if inspect.isfunction(handler) else getattr(handler, "__call__", handler)  # noqa: B004
    try:
        hints = get_type_hints(target, localns=local)
    except NameError as error:
        raise InvalidArgument(
            f"{_name(handler)}: its annotation can't be read ({error}); say worker(args=...)"
        ) from error
    for name, hint in hints.items():
        if name == "return" or get_origin(hint) is not Job:
            continue
        (args,) = get_args(hint)
        if isinstance(args, type) and issubclass(args, Args):
            return args
    raise InvalidArgument(
        f"{_name(handler)} takes no Job[...]: write async def handler(job: Job[YourArgs]), "
        "or say worker(args=YourArgs)"
    )
