"""Real servers for tests and bench, started without Docker and gone with whoever started them.

Each store has a module of its own, imported by name; the pytest plugin offers their fixtures.
"""

from goncordia_testservers.process import NotInstalled, ServerFailed, ServerProcess, free_port

__all__ = ["NotInstalled", "ServerFailed", "ServerProcess", "free_port"]
