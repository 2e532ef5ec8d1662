"""What was committed is to be seen only after the next claim: a commit that is not waited for."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager

from goncordia.memory import MemoryDriver

SUBJECT = ("transaction",)


class Broken(MemoryDriver):
    def __init__(self, **options):
        super().__init__(**options)
        self.late = []

    @asynccontextmanager
    async def begin(self):
        self._commit()
        block = self.store.begin()
        tx = block.__enter__()
        try:
            yield tx
        except BaseException:
            block.__exit__(*sys.exc_info())
            raise
        self.late.append(block)

    async def claim(self, claim, *, now=None):
        self._commit()
        return await super().claim(claim, now=now)

    def _commit(self):
        while self.late:
            self.late.pop().__exit__(None, None, None)
