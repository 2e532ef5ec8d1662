"""Which transactions of its caller a store can write through."""

from __future__ import annotations

from typing import Never

from goncordia.driver import Driver, SyncDriver
from goncordia.errors import HandleMismatch, TransactionsUnsupported


def check_handle(store: Driver[Never] | SyncDriver[Never], handle: type) -> None:
    """Refuse a type of `tx` that the store does not take.

    Raises `TransactionsUnsupported` where it takes none, `HandleMismatch` for another type.
    """
    if store.capabilities.tx_insert == "none":
        raise TransactionsUnsupported(
            "tx_insert",
            f"tx is a {_name(handle)}, and {store.name} takes part in no transaction of its "
            "caller's; enqueue without tx",
        )
    if not issubclass(handle, store.handles):
        accepted = " or ".join(_name(each) for each in store.handles)
        raise HandleMismatch(f"tx is a {_name(handle)}; {store.name} writes through {accepted}")


def _name(cls: type) -> str:
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__name__}"
