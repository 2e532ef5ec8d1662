"""DynamoDB has no voice: the pool polls."""

from __future__ import annotations

import anyio
from goncordia.sessions import Wake


class Silence:
    """A listener that hears nothing."""

    async def wait(self) -> Wake:
        """Never return."""
        await anyio.sleep_forever()
        raise AssertionError
