"""The store in Redis (6.2 or newer): mirrors that outlive the process, shared by all that use the same Redis."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from contextlib import AbstractAsyncContextManager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from reserve_core.kit import Quota, RedisURL, Verdict

from . import redis_scripts
from .interface import (
    GroupClaim,
    GroupTurn,
    KeptMirror,
    MirrorSettings,
    MirrorState,
    Receipt,
    Record,
    RecordEntry,
    StoredRecord,
    TooManyGroups,
    Unavailable,
    beyond_rate,
)
from .redis_faults import faults_of, refusal_of
from .redis_router import RedisRouter
from .redis_scripts import keys_of
from .redis_subscriber import RedisSubscriber

if TYPE_CHECKING:
    from redis.asyncio.connection import AbstractConnection

logger = logging.getLogger("reserve")

# A mirror that is looked for at the start, to learn whether we may; there needn't be one.
_ANY = "reserve"
# Mirrors whose rules a process remembers; those of another one are asked for with each of its requests.
MAX_RULED = 256
# Attempts to store a record in a mirror that changes meanwhile: for each that fails somebody has changed it.
ATTEMPTS = 100
# Groups of listeners that a mirror has, and listeners of one that have a request in hand.
MAX_GROUPS = 20
MAX_HOLDERS = 100


class RedisStore:
    """See `Store` for the methods. What is stored is acknowledged when so many `replicas` have it.

    Raises `ConfigError` for a `url` that is none of Redis.
    """

    def __init__(self, url: str, replicas: int = 0) -> None:
        self._router = RedisRouter(RedisURL.parse(url), self._on_connect, replicas)
        self._subscriber = RedisSubscriber(self._router)
        self.hub = self._subscriber.hub
        self._kept: dict[str, list[MirrorSettings]] = {}  # of those who keep a mirror
        self._warned: set[str] = set()
        self._rules: OrderedDict[str, str] = OrderedDict()  # of mirrors that have some, as far as is known

    async def start(self) -> None:
        try:
            await self._router.run(redis_scripts.READ, _ANY, 0)
        except Unavailable as error:
            # What is only away was logged; with the first request there is another attempt.
            refusal = refusal_of(error, self._router.place)
            if refusal is not None:
                raise refusal from error

    async def close(self) -> None:
        await self._subscriber.close()
        await self._router.close()

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
        return bool(await self._router.run(redis_scripts.CREATE, code, *_creation(settings, keep=0)))

    async def count_creation(self, client: str, rate: Quota) -> Verdict:
        # No mirror has such a code, whose keys nobody else has.
        place = f".creations:{rate.text}:{client}"
        passes, debt = await self._router.run(redis_scripts.COUNT, place, rate.count, rate.cost, rate.capacity)
        return Verdict(bool(passes), (debt,))

    async def read(self, code: str, renew: bool = False) -> MirrorState | None:
        reply = await self._router.run(redis_scripts.READ, code, int(renew))
        if not reply and await self._make_kept(code):
            reply = await self._router.run(redis_scripts.READ, code, int(renew))
        if not reply:
            return None
        limit, live, response, created, revision, left, requests, newest, others = reply
        room, count, period, rules, dropped, received = others
        seconds = int(live) // 1000 or None
        return MirrorState(
            settings=MirrorSettings(
                max_requests=int(limit),
                expiration_time=seconds,
                response=response.decode(),
                max_size=int(room) if room else None,
                rate=Quota(int(count), int(period), int(count)) if count else None,
                rules=rules.decode() if rules else "",
            ),
            created=int(created),
            expires_at=None if left < 0 else int(time.time() * 1000) + left,
            requests=requests,
            newest=newest.decode(),
            revision=f"{created.decode()}.{revision.decode()}",
            dropped=int(dropped or 0),
            received=int(received or 0),
        )

    async def change(
        self, code: str, response: str | None, rules: str | None = None, max_requests: int | None = None
    ) -> bool:
        of_response = (0, "") if response is None else (1, response)
        of_rules = (0, "", "") if rules is None else (1, rules, _digest(rules))
        return bool(await self._router.run(redis_scripts.CHANGE, code, *of_response, *of_rules, max_requests or ""))

    async def drop(self, code: str) -> bool:
        return bool(await self._router.run(redis_scripts.DROP, code))

    async def add(self, code: str, record: Record) -> Receipt | None:
        rules, rule = self._rules.get(code, ""), 0
        if rules:
            rule = await record.obey(rules)
        for _ in range(ATTEMPTS):
            held = (_digest(rules), rule) if rules else ()
            values = (record.summary, record.body, record.response_body, record.trace, record.size, *held)
            reply = await self._router.run(redis_scripts.ADD, code, *values)
            if not reply and await self._make_kept(code):
                continue
            if not reply:
                return None
            if isinstance(reply, int):
                raise beyond_rate(reply)
            if len(reply) > 1:
                receipt = Receipt(reply[0].decode(), reply[1].decode())
                return receipt._replace(rules=rules, rule=rule, met=reply[2]) if rule else receipt
            rules = self._learn(code, reply[0].decode())  # there are others
            rule = await record.obey(rules)
        raise Unavailable("This mirror changes all the time: try again in a moment")

    def _learn(self, code: str, rules: str) -> str:
        """The rules of a mirror, which are needed with each of its requests."""
        self._rules.pop(code, None)
        if rules:
            self._rules[code] = rules
            if len(self._rules) > MAX_RULED:
                self._rules.popitem(last=False)
        return rules

    async def entries(self, code: str, after: str, limit: int) -> list[RecordEntry]:
        start = f"({after}" if after else "-"
        reply = await self._router.call(code, "XRANGE", keys_of(code)[1], start, "+", "COUNT", limit)
        return [_entry(item) for item in reply]

    async def newest(self, code: str, before: str, limit: int) -> list[RecordEntry]:
        end = f"({before}" if before else "+"
        reply = await self._router.call(code, "XREVRANGE", keys_of(code)[1], end, "-", "COUNT", limit)
        return [_entry(item) for item in reply]

    async def get(self, code: str, request_id: str) -> StoredRecord | None:
        _, stream, bodies = keys_of(code)
        # The bodies first: if the request is there afterwards, they were, too.
        both: Any = asyncio.gather(  # a list, whatever its type says
            self._router.call(code, "HMGET", bodies, request_id, *_parts(request_id), large=True),
            self._router.call(code, "XRANGE", stream, request_id, request_id, large=True),
        )
        parts, found = await both
        return StoredRecord(_entry(found[0]), *(part or b"" for part in parts)) if found else None

    async def forward(self, code: str, request_id: str, forwarded: bytes) -> bool:
        return bool(await self._router.run(redis_scripts.FORWARD, code, request_id, forwarded))

    async def claim(self, code: str, turn: GroupTurn, lease: float) -> GroupClaim | None:
        reply = await self._router.run(redis_scripts.CLAIM, code, *turn, round(lease * 1000), MAX_GROUPS, MAX_HOLDERS)
        if reply is None:
            return None
        if reply == 0:
            raise TooManyGroups(f"A mirror has up to {MAX_GROUPS} groups: take one that there is")
        record, soonest, lost = reply
        return GroupClaim(_entry(record) if record else None, None if soonest < 0 else soonest / 1000, lost)

    async def remove(self, code: str, request_id: str) -> bool:
        return bool(await self._router.run(redis_scripts.REMOVE, code, request_id))

    async def clear(self, code: str, last: str = "") -> bool:
        return bool(await self._router.run(redis_scripts.CLEAR, code, last))

    async def _make_kept(self, code: str) -> bool:
        """Makes a mirror that is gone, if it is one to keep; says whether it is."""
        kept = self._kept.get(code)
        if not kept:
            return False
        await self._keep(code, kept[-1])
        return True

    async def _keep(self, code: str, settings: MirrorSettings) -> None:
        await self._router.run(redis_scripts.CREATE, code, *_creation(settings, keep=1))

    async def _on_connect(self, opened: AbstractConnection) -> None:
        """On each new connection."""
        for fault in await faults_of(opened):
            if fault not in self._warned:
                self._warned.add(fault)
                logger.warning("Redis at %s %s", self._router.place, fault)


def _creation(settings: MirrorSettings, keep: int) -> tuple[int | str, ...]:
    rate = settings.rate
    limits = (
        "" if settings.max_size is None else settings.max_size,
        *(("", "") if rate is None else (rate.count, rate.period)),
    )
    rules = (settings.rules, _digest(settings.rules))
    return settings.max_requests, (settings.expiration_time or 0) * 1000, settings.response, keep, *limits, *rules


@lru_cache(maxsize=128)
def _digest(rules: str) -> str:
    """What tells rules from others; "" for none."""
    return hashlib.sha256(rules.encode()).hexdigest() if rules else ""


def _parts(request_id: str) -> tuple[str, ...]:
    """The fields of what is kept with a record beside its body."""
    return f"{request_id}:r", f"{request_id}:t", f"{request_id}:f"


def _entry(item: Any) -> RecordEntry:
    request_id, fields = item
    return RecordEntry(request_id.decode(), fields[1].decode())
