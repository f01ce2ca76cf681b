"""What the mappings of a server open: each resource has one owner, and one place where it ends.

    read -> check -> open -> swap -> drain -> close

A table is opened by the lifespans of its mappings before it takes the place of the one before it, and closed once no
request runs on it. What two tables share is opened once and closed with the last of them.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Hashable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .config.mapping import Mapping
from .errors import ConfigError
from .failures import is_cancellation

if TYPE_CHECKING:
    from .config import Configuration
    from .live import LiveConfiguration
    from .networks import Networks

T = TypeVar("T")
Key = tuple[Hashable, ...]

logger: logging.Logger = logging.getLogger("reserve")

# Seconds that the end of one lifespan, or of one shared resource, may take.
CLOSE_TIMEOUT = 10.0


class Resources:
    """What the lifespans of one table open besides their own.

    An object that others may use as well (a connection to Redis, a pool of upstream connections) is shared, work in the
    background is spawned: both end with the last table that needs them, whatever happens on the way.
    """

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self._keys: list[Key] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def share(self, factory: Callable[..., AbstractAsyncContextManager[T]], *arguments: Hashable) -> T:
        """The object that `factory(*arguments)`, an async context manager, gives when it is entered.

        It is one object for all who ask for the same factory with the same arguments, equal and of the same types. The
        next table that asks for it gets it as it is; it is left once the last table that has it is closed. A factory
        is a function of a module: a lambda, or one that is defined in another function, is a new one each time.

        Raises what the context manager raises, TypeError for arguments that can't be a key.
        """
        key: Key = (factory, arguments, *map(type, arguments))
        try:
            hash(key)
        except TypeError as error:
            raise TypeError(f"The arguments of a shared resource are its key: {error}. Give immutable ones") from None
        name = getattr(factory, "__qualname__", repr(factory))
        value: T = await self._shares.take(key, lambda: _Life(lambda: factory(*arguments), name))
        self._keys.append(key)
        return value

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Runs `work` in the background. What still runs when the lifespans of the table have ended is cancelled.

        A lifespan that wants its work to finish awaits the task behind its `yield`. A failure is logged. Raises
        RuntimeError when the table is closed.
        """
        if self._closed:
            work.close()
            raise RuntimeError("The mappings are closed: nothing can be spawned any more")
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            logger.error("Work in the background failed", exc_info=error)

    async def close(self) -> None:
        """Ends the work that is left, and gives back what is shared, the last one first."""
        self._closed = True
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
        while self._keys:
            await self._shares.give_back(self._keys.pop())


class Shares:
    """The shared resources of a server, each with the number of those who have it."""

    def __init__(self) -> None:
        self._lives: dict[Key, _Life[Any]] = {}

    async def take(self, key: Key, make: Callable[[], _Life[Any]]) -> Any:
        life = self._lives.get(key)
        if life is None:
            life = self._lives[key] = make()
        life.users += 1
        try:
            return await life.value()
        except BaseException:
            await self.give_back(key)
            raise

    async def give_back(self, key: Key) -> None:
        life = self._lives[key]
        life.users -= 1
        if not life.users:
            del self._lives[key]
            await life.end()


class OpenTable:
    """The mappings of a server while requests run on them, each with what its lifespan has opened.

    `active` requests run on it; whoever ends one calls `leave`. `status` is the mapping that answers with a status,
    None without such a handler. `replaced` is set when another table has taken its place.
    """

    __slots__ = (
        "_drained",
        "_life",
        "active",
        "asks_host",
        "candidates",
        "candidates_on",
        "configuration",
        "mappings",
        "replaced",
        "status",
        "trusted_proxies",
    )

    def __init__(self, checked: Configuration, configuration: LiveConfiguration, shares: Shares) -> None:
        table = checked.table
        opening = [copy(mapping) for mapping in table.mappings if mapping.handler.lifespan is not None]
        if opening:  # from now on they are this server's own
            own = {mapping.index: mapping for mapping in opening}
            table = table.with_mappings(tuple(own.get(mapping.index, mapping) for mapping in table.mappings))
        self.mappings: tuple[Mapping, ...] = table.mappings
        self.candidates: Callable[[str], tuple[Mapping, ...]] = table.candidates
        self.candidates_on: Callable[[str, str], tuple[Mapping, ...]] = table.candidates_on
        self.asks_host: bool = table.asks_host
        self.status: Mapping | None = _status_mapping(checked)
        if self.status is not None and self.status.handler.lifespan is not None:
            opening.append(self.status)
        self.configuration: LiveConfiguration = configuration
        self.trusted_proxies: Networks = checked.trusted_proxies
        self.active: int = 0
        self.replaced: asyncio.Event = asyncio.Event()
        self._drained = asyncio.Event()
        self._life = _Life(lambda: _lifespans(opening, Resources(shares)), "The mappings") if opening else None

    @property
    def holds(self) -> bool:
        """Whether it has something open."""
        return self._life is not None

    async def open(self) -> None:
        """Runs the lifespans up to their `yield`. Raises what they raise; then all that was opened is closed again."""
        if self._life is not None:
            try:
                await self._life.value()
            except BaseException:
                await self._life.end()
                raise

    def leave(self) -> None:
        """One request less runs on it."""
        self.active -= 1
        if not self.active and self.replaced.is_set():
            self._drained.set()

    def replace(self) -> None:
        """Another table has taken its place: no request comes any more."""
        self.replaced.set()
        if not self.active:
            self._drained.set()

    async def drained(self) -> None:
        """Returns once it is replaced and no request runs on it."""
        await self._drained.wait()

    async def close(self) -> None:
        """Runs the lifespans to their end, the last one first, and gives back what is shared. Raises nothing."""
        if self._life is not None:
            await self._life.end()


def _status_mapping(configuration: Configuration) -> Mapping | None:
    """What answers with the status that a handler returns."""
    handler = configuration.handlers.get("status")
    if handler is None:
        return None
    return Mapping(
        index=-1,
        label="internal redirect",
        handler=handler,
        pattern=re.compile(""),
        methods=None,
        invert=False,
        if_match=None,
        value=None,
        template=None,
        properties={},
        cwd=configuration.cwd,
    )


class _Life(Generic[T]):
    """An async context manager in a task of its own, which enters and leaves it.

    So it may hold what belongs to one task (a TaskGroup, a timeout), whoever asks for its beginning and its end.
    """

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[T]], name: str) -> None:
        loop = asyncio.get_running_loop()
        self.users = 0
        self._name = name
        self._value: asyncio.Future[T] = loop.create_future()
        self._end = asyncio.Event()
        self._task = loop.create_task(self._run(make))

    async def value(self) -> T:
        """What it gives when it is entered. Raises what it raises then."""
        return await asyncio.shield(self._value)

    async def end(self) -> None:
        """Leaves it; cancels it if it isn't entered yet. Returns when it is over."""
        if self._value.done():
            self._end.set()
        else:
            self._task.cancel()
        await asyncio.wait((self._task,))

    async def _run(self, make: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        try:
            manager = make()
            value = await manager.__aenter__()
        except BaseException as error:
            if self._value.cancelled():
                return
            self._value.set_exception(error if not is_cancellation(error) else asyncio.CancelledError())
            self._value.exception()  # whoever has asked is told; nobody may be there any more
            return
        self._value.set_result(value)
        await self._end.wait()
        async with _bounded(self._name):
            await manager.__aexit__(None, None, None)


@asynccontextmanager
async def _bounded(name: str) -> AsyncIterator[None]:
    """Bounds an end in time, and tells the log of what fails in it: the others have to come to theirs."""
    limit = asyncio.timeout(CLOSE_TIMEOUT)
    try:
        async with limit:
            yield
    except BaseException as error:
        if limit.expired():
            logger.error("%s: its end took longer than %g s, and was cut", name, CLOSE_TIMEOUT)
        elif is_cancellation(error):
            raise
        else:
            logger.error("%s failed at its end", name, exc_info=error)


@asynccontextmanager
async def _lifespans(mappings: Iterable[Mapping], resources: Resources) -> AsyncIterator[None]:
    opened: list[tuple[Mapping, AsyncGenerator[None, None]]] = []
    try:
        for mapping in mappings:
            lifespan = await _begun(mapping, resources)
            opened.append((mapping, lifespan))
        yield
    finally:
        for mapping, lifespan in reversed(opened):
            await _ended(mapping, lifespan)
        await resources.close()


async def _begun(mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
    assert mapping.handler.lifespan is not None
    lifespan = mapping.handler.lifespan(mapping, resources)
    try:
        await anext(lifespan)
    except StopAsyncIteration:
        raise RuntimeError(f"{_name(mapping)} ended without a yield: what follows it is the end") from None
    except ConfigError as error:
        problems = (replace(problem, mapping=problem.mapping or mapping.label) for problem in error.problems)
        raise ConfigError(problems) from error
    except BaseException as error:
        error.add_note(f"{_name(mapping)} has raised it")
        raise
    return lifespan


async def _ended(mapping: Mapping, lifespan: AsyncGenerator[None, None]) -> None:
    name = _name(mapping)
    async with _bounded(name):
        try:
            await anext(lifespan)
        except StopAsyncIteration:
            return
        logger.error("%s yields twice: once is all there is", name)
        await lifespan.aclose()


def _name(mapping: Mapping) -> str:
    return f'{mapping.label}: the lifespan of "{mapping.handler.prefix}"'
