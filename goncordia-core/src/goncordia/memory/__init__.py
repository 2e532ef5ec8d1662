"""The memory driver: the reference that executes the lifecycle table, and a store for tests."""

from goncordia.memory.driver import MemoryDriver
from goncordia.memory.store import STRONG, Store
from goncordia.memory.sync import SyncMemoryDriver
from goncordia.memory.tx import Tx

__all__ = ["STRONG", "MemoryDriver", "Store", "SyncMemoryDriver", "Tx"]
