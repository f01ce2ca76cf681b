"""The store in Redis (6.2 or newer): mirrors that outlive the process, shared by all that use the same Redis."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from functools import lru_cache
from typing import Any

from redis.exceptions import AuthenticationError

from reserve_core import ConfigError

from . import redis_scripts
from .interface import KeptMirror, MirrorSettings, MirrorState, Receipt, Record, RecordEntry, StoredRecord, Unavailable
from .redis_connection import RedisConnector
from .redis_pipeline import RedisPipeline
from .redis_subscriber import RedisSubscriber

logger = logging.getLogger("reserve")


class RedisStore:
    """See `Store` for the methods. Raises ValueError for a `url` that is none of Redis."""

    def __init__(self, url: str) -> None:
        connector = RedisConnector(url)
        self._place = connector.place
        self._pipeline = RedisPipeline(connector, redis_scripts.ALL, self._on_connect)
        self._subscriber = RedisSubscriber(connector)
        self.hub = self._subscriber.hub
        self._kept: dict[str, list[MirrorSettings]] = {}  # of those who keep a mirror
        self._warned = False

    async def start(self) -> None:
        try:
            await self._pipeline.connect()
        except AuthenticationError as error:
            raise ConfigError(
                f"Redis at {self._place} refuses this name and password: {error}",
                "Write them into the URL: redis://NAME:PASSWORD@HOST:PORT/0",
            ) from error
        except Unavailable:
            pass  # it was logged; with the first request there is another attempt

    async def close(self) -> None:
        await self._subscriber.close()
        await self._pipeline.close()

    def keep(self, code: str, settings: MirrorSettings) -> AbstractAsyncContextManager[None]:
        return KeptMirror(self, code, settings._replace(expiration_time=None))

    async def begin_keeping(self, code: str, settings: MirrorSettings) -> None:
        self._kept.setdefault(code, []).append(settings)
        try:
            with suppress(Unavailable):  # it is made with its first request
                await self._keep(code, settings)
        except BaseException:
            self.end_keeping(code, settings)
            raise

    def end_keeping(self, code: str, settings: MirrorSettings) -> None:
        keepers = self._kept[code]
        keepers.remove(settings)
        if not keepers:
            del self._kept[code]

    async def create(self, code: str, settings: MirrorSettings) -> bool:
        return bool(await self._pipeline.run(redis_scripts.CREATE, _keys(code), *_creation(settings), 0))

    async def read(self, code: str, renew: bool = False) -> MirrorState | None:
        reply = await self._pipeline.run(redis_scripts.READ, _keys(code), int(renew))
        if not reply and await self._make_kept(code):
            reply = await self._pipeline.run(redis_scripts.READ, _keys(code), int(renew))
        if not reply:
            return None
        limit, live, response, created, revision, left, requests, newest = reply
        seconds = int(live) // 1000 or None
        return MirrorState(
            settings=MirrorSettings(int(limit), seconds, response.decode()),
            created=int(created),
            expires_at=None if left < 0 else int(time.time() * 1000) + left,
            requests=requests,
            newest=newest.decode(),
            revision=f"{created.decode()}.{revision.decode()}",
        )

    async def change(self, code: str, response: str) -> bool:
        return bool(await self._pipeline.run(redis_scripts.CHANGE, _keys(code), response))

    async def drop(self, code: str) -> bool:
        return bool(await self._pipeline.run(redis_scripts.DROP, _keys(code)))

    async def add(self, code: str, record: Record) -> Receipt | None:
        keys = _keys(code)
        values = (record.summary, record.body, record.response_body, record.trace)
        reply = await self._pipeline.run(redis_scripts.ADD, keys, *values)
        if not reply and await self._make_kept(code):
            reply = await self._pipeline.run(redis_scripts.ADD, keys, *values)
        return Receipt(reply[0].decode(), reply[1].decode()) if reply else None

    async def entries(self, code: str, after: str, limit: int) -> list[RecordEntry]:
        start = f"({after}" if after else "-"
        reply = await self._pipeline.call("XRANGE", _keys(code)[1], start, "+", "COUNT", limit)
        return [_entry(item) for item in reply]

    async def newest(self, code: str, before: str, limit: int) -> list[RecordEntry]:
        end = f"({before}" if before else "+"
        reply = await self._pipeline.call("XREVRANGE", _keys(code)[1], end, "-", "COUNT", limit)
        return [_entry(item) for item in reply]

    async def get(self, code: str, request_id: str) -> StoredRecord | None:
        _, stream, bodies = _keys(code)
        # The bodies first: if the request is there afterwards, they were, too.
        both: Any = asyncio.gather(  # a list, whatever its type says
            self._pipeline.call("HMGET", bodies, request_id, f"{request_id}:r", f"{request_id}:t"),
            self._pipeline.call("XRANGE", stream, request_id, request_id),
        )
        (body, response_body, trace), found = await both
        return StoredRecord(_entry(found[0]), body or b"", response_body or b"", trace or b"") if found else None

    async def remove(self, code: str, request_id: str) -> bool:
        return bool(await self._pipeline.run(redis_scripts.REMOVE, _keys(code), request_id))

    async def clear(self, code: str) -> bool:
        return bool(await self._pipeline.run(redis_scripts.CLEAR, _keys(code)))

    async def _make_kept(self, code: str) -> bool:
        """Makes a mirror that is gone, if it is one to keep; says whether it is."""
        kept = self._kept.get(code)
        if not kept:
            return False
        await self._keep(code, kept[-1])
        return True

    async def _keep(self, code: str, settings: MirrorSettings) -> None:
        await self._pipeline.run(redis_scripts.CREATE, _keys(code), *_creation(settings), 1)

    async def _on_connect(self, ask: Callable[..., Awaitable[Any]]) -> None:
        """On each new connection."""
        information = await ask("INFO", "persistence")
        if b"aof_enabled:0" in information and not self._warned:
            self._warned = True
            logger.warning(
                "Redis at %s forgets everything when it's killed: its appendonly is off\n"
                "To keep what was recorded: redis-cli CONFIG SET appendonly yes, or redis-server --appendonly yes",
                self._place,
            )


@lru_cache(maxsize=1024)
def _keys(code: str) -> tuple[str, str, str]:
    # The braces keep the three on one node of a cluster.
    key = f"reserve:{{{code}}}"
    return key, f"{key}:s", f"{key}:b"


def _creation(settings: MirrorSettings) -> tuple[int, int, str]:
    return settings.max_requests, (settings.expiration_time or 0) * 1000, settings.response


def _entry(item: Any) -> RecordEntry:
    request_id, fields = item
    return RecordEntry(request_id.decode(), fields[1].decode())
