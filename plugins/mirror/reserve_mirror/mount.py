"""A mounted mirror, and the stores that the mounts of a configuration share."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reserve_core import ConfigError

if TYPE_CHECKING:
    import asyncio

    from reserve_core import Configuration

    from .access import Access
    from .options import Options
    from .store import Settings, Store

logger = logging.getLogger("reserve")

MIRROR, TAP = "mirror", "tap"  # the prefixes


@dataclass(frozen=True, slots=True)
class Mount:
    """What a `mirror` or a `tap` mapping works with."""

    options: Options
    store: Store
    access: Access

    @property
    def settings(self) -> Settings:
        """What a new mirror is made with."""
        return self.options.settings


def mount(options: Options, configuration: Configuration) -> Mount:
    """Mounts a mirror with `options`. Raises `ConfigError` when their Redis can't be used."""
    from .access import Access
    from .store.memory import MemoryStore

    shared = _shared.setdefault(configuration, _Shared())
    url = options.redis_url
    store = shared.stores.get(url)
    if store is None:
        if url is None and configuration.workers > 1:
            raise ConfigError(
                f"Each of {configuration.workers} workers would keep what it captures in a memory of its own",
                'Name a Redis for all: "redis-url": "redis://127.0.0.1:6379", or $REDIS_URL. Or take one worker',
            )
        store = shared.stores[url] = MemoryStore() if url is None else _redis(url)
    for code in options.codes:
        store.keep(code, options.settings)
    return Mount(options, store, Access(options, configuration.hostname))


async def start(configuration: Configuration) -> None:
    """Starts the stores of a configuration; to be called again when there may be more. Raises `ConfigError`."""
    if configuration in _shared:
        for store in _shared[configuration].stores.values():
            await store.start()


def restart(configuration: Configuration) -> None:
    """Starts the stores that a reload has brought, and makes the mirrors to keep."""

    async def work() -> None:
        try:
            await start(configuration)
        except ConfigError as error:
            logger.error("%s", error)

    run(configuration, work())


def run(configuration: Configuration, work: Coroutine[None, None, None]) -> None:
    """Runs some work on the stores that nobody waits for until they are closed. Afterwards there is none to be done."""
    if configuration not in _shared:
        work.close()
        return
    tasks = _shared[configuration].tasks
    from asyncio import create_task

    task = create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def close(configuration: Configuration) -> None:
    """Closes the stores of a configuration when all work on them is done, and forgets them."""
    shared = _shared.pop(configuration, None)
    if shared is not None:
        from asyncio import gather

        await gather(*shared.tasks, return_exceptions=True)
        for store in shared.stores.values():
            await store.close()


class _Shared:
    """What the mappings of a configuration share: the stores by their URL, None for memory, and work on them."""

    def __init__(self) -> None:
        self.stores: dict[str | None, Store] = {}
        self.tasks: set[asyncio.Task[None]] = set()


# Mappings of `set_mappings` find the stores of those before. Two configurations in one process meet in a Redis only.
_shared: dict[Configuration, _Shared] = {}


def _redis(url: str) -> Store:
    # Who has no Redis needn't wait for its library.
    from .store.redis import RedisStore

    try:
        return RedisStore(url)
    except ValueError as error:
        raise ConfigError(f"The URL of the Redis can't be used: {error}") from error
