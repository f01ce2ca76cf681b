"""Where mirrors are mounted: what a `mirror` or a `tap` mapping works with, checked first and then opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from reserve_core import ConfigError

if TYPE_CHECKING:
    import asyncio

    from reserve_core import Configuration, Resources
    from reserve_core.kit import MemoryCounters, Quota, Tracer

    from .access import Access
    from .options import Options
    from .signature_verifier import SignatureVerifier
    from .store import MirrorSettings, Store


@dataclass(frozen=True, slots=True)
class MountPlan:
    """A mount that is checked and not open."""

    options: Options
    redis_url: str | None  # None: in memory
    settings: MirrorSettings  # of a new mirror
    access: Access
    sender_rate: Quota | None  # of what one client sends; None: any
    creation_rate: Quota  # of the mirrors that one client creates
    verifier: SignatureVerifier | None  # of signatures; None: they aren't looked at


@dataclass(frozen=True, slots=True)
class MirrorMount(MountPlan):
    """A mount that is open."""

    store: Store
    resources: Resources
    senders: MemoryCounters | None = None  # those that the rate is for
    tracer: Tracer | None = None  # a tap's
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def run(self, work: Coroutine[None, None, None]) -> None:
        """Runs some work on the store that nobody waits for; the mount closes when it is done."""
        task = self.resources.spawn(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


def plan(options: Options, configuration: Configuration) -> MountPlan:
    """Checks that there can be a mount with `options`. Raises `ConfigError`."""
    from .access import Access
    from .option_values import redis_url
    from .options import creation_rate_of, sender_rate_of, settings_of

    if options.public and options.codes:
        raise ConfigError(
            'With "public" nobody can choose a code, as others could guess it: "codes" has some',
            'Leave "codes" out; POST /api/mirrors or the home page creates a mirror of random codes',
        )
    _check_resending(options)
    url = redis_url(options.redis_url)
    if url is None:
        if configuration.workers > 1:
            raise ConfigError(
                f"Each of {configuration.workers} workers would keep what it records in a memory of its own",
                'Name a Redis for all: "redis-url": "redis://127.0.0.1:6379", or $REDIS_URL. Or use one worker',
            )
        if options.redis_wait is not None:
            raise ConfigError(
                '"redis-wait" has no effect on what is kept in memory', 'Leave it out, or name a Redis in "redis-url"'
            )
    verifier = None
    if options.signature is not None:
        from .signature_verifier import verifier_of

        verifier = verifier_of(options.signature)
    return MountPlan(
        options,
        url,
        settings_of(options),
        Access(options, configuration.hostname),
        sender_rate_of(options),
        creation_rate_of(options),
        verifier,
    )


def _check_resending(options: Options) -> None:
    """Raises `ConfigError`."""
    if not options.resend_to:
        return
    from .resend.targets import listed_origin

    if options.public:
        raise ConfigError(
            'With "public" strangers would have this server send what they like to the servers of "resend-to"',
            "Leave one of them out; reserve resend sends from one's own machine",
        )
    for origin in options.resend_to:
        try:
            listed_origin(origin)
        except ValueError as error:
            raise ConfigError(str(error), 'Write "resend-to": ["http://localhost:3000"]') from None


@asynccontextmanager
async def opened(
    plan: MountPlan, codes: Iterable[str], resources: Resources, tracer: Tracer | None = None
) -> AsyncIterator[MirrorMount]:
    """Opens a mount, whose mirrors `codes` always exist as long as it does; closes it when its work is done."""
    store = await resources.share(running_store, plan.redis_url, plan.options.redis_wait)
    senders = None
    if plan.sender_rate is not None:
        from .client_rates import sender_counters

        senders = await resources.share(sender_counters, plan.sender_rate)
    mount = MirrorMount(
        **{field.name: getattr(plan, field.name) for field in fields(MountPlan)},
        store=store,
        resources=resources,
        senders=senders,
        tracer=tracer,
    )
    async with AsyncExitStack() as keeping:
        for code in codes:
            await keeping.enter_async_context(store.keep(code, plan.settings))
        yield mount
        if mount.tasks:
            from asyncio import wait

            await wait(mount.tasks)


@asynccontextmanager
async def running_store(url: str | None, replicas: int | None) -> AsyncIterator[Store]:
    """The store of a Redis, or with None that of the memory: one for all mounts of a server that name the same.

    What a Redis stores is acknowledged when so many of its `replicas` have it.
    """
    store: Store
    if url is None:
        from .store.memory_store import MemoryStore

        store = MemoryStore()
    else:
        from .store.redis_store import RedisStore  # who has no Redis needn't wait for its library

        store = RedisStore(url, replicas or 0)
    try:
        await store.start()
        yield store
    finally:
        await store.close()
