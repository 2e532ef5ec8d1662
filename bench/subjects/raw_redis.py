"""redis-py by hand: strings and a sorted set, one script to claim, one to finish."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# redis-py's own types are partial
from __future__ import annotations

import asyncio
import json
import time
from uuid import uuid4

from redis.asyncio import Redis
from subject import TO, Subject

CLAIM = """
local found = redis.call('ZPOPMIN', KEYS[1], ARGV[1])
local jobs = {}
for i = 1, #found, 2 do
    local key = 'raw:job:' .. found[i]
    redis.call('HSET', key, 'state', 3, 'token', ARGV[2])
    redis.call('ZADD', 'raw:running', 0, found[i])
    jobs[#jobs + 1] = {found[i], redis.call('HGET', key, 'args')}
end
return jobs"""
FINISH = """
for i = 2, #ARGV do
    local key = 'raw:job:' .. ARGV[i]
    if redis.call('HGET', key, 'token') == ARGV[1] then
        redis.call('HSET', key, 'state', 4)
        redis.call('HDEL', key, 'token')
        redis.call('EXPIRE', key, 86400)
        redis.call('ZREM', 'raw:running', ARGV[i])
    end
end"""


class SUBJECT(Subject):
    settings = "redis-py, hiredis, one connection, pipelines for batches, Lua to claim and finish"

    async def open(self) -> None:
        self.db: Redis = Redis.from_url(self.url, decode_responses=True)
        self._claim, self._finish = (self.db.register_script(text) for text in (CLAIM, FINISH))

    async def close(self) -> None:
        await self.db.aclose()

    async def clear(self) -> None:
        await self.db.flushdb()

    async def enqueue(self, n: int) -> None:
        await self.enqueue_many(n, 1)

    async def enqueue_many(self, first: int, n: int) -> None:
        pipe = self.db.pipeline(transaction=True)
        for i in range(first, first + n):
            job = str(uuid4())
            args = json.dumps({"n": i, "to": TO})
            pipe.hset(f"raw:job:{job}", mapping={"state": 0, "args": args})
            pipe.zadd("raw:ready", {job: time.time()})
        await pipe.execute()

    async def drain(self, concurrency: int, n: int, seconds: float) -> float:
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            token = str(uuid4())
            jobs = await self._claim(keys=["raw:ready"], args=[concurrency, token])
            if not jobs:
                break
            await asyncio.gather(*(self.work() for _ in jobs))
            await self._finish(args=[token, *(job[0] for job in jobs)])
        return self.work.count / (time.perf_counter() - started)
