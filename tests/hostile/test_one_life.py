"""One life: whatever a server is asked to take over, and whenever, what its mappings open is closed once.

Random sequences of checks, reloads and other mappings, good and bad, under requests, on a plugin whose every hook may
fail. The oracle counts, and knows of each configuration whether it's good.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reserve_core import ConfigError, Mapping, Request, Resources, Response, Server, check, hookimpl, load_plugins
from reserve_core.mock import Mock
from reserve_core.plugins import local_handler

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score

Settings = dict[str, Any]

# What a mapping may fail at: the first three are for `check` to find, the others happen when it is opened.
FAULTS = ("schema", "validate", "table", "open", "share")
KINDS = ("requests", "check", "reload", "set_mappings", "from within", "cancelled", "wait")

# Turns of the event loop within which all must have ended that nothing keeps.
TURNS = 1000


class Broken(Exception):
    """What the plugin fails with when it opens."""


@dataclass(eq=False)
class Thing:
    """What is opened and closed: `name` tells what it is."""

    name: str
    open: bool = False
    closed: bool = False


@dataclass
class World:
    """All that the plugin has opened, and what was `wrong` with it."""

    things: list[Thing] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def begin(self, name: str) -> Thing:
        if name.startswith("shared") and any(each.open and each.name == name for each in self.things):
            self.wrong.append(f"{name} is opened beside itself")
        self.things.append(Thing(name, open=True))
        return self.things[-1]

    def use(self, thing: Thing) -> None:
        if not thing.open:
            self.wrong.append(f"{thing.name} is used after its end")

    def end(self, thing: Thing) -> None:
        if thing.closed:
            self.wrong.append(f"{thing.name} ends twice")
        thing.open, thing.closed = False, True


WORLD = World()


@asynccontextmanager
async def shared(name: str, broken: bool) -> AsyncIterator[Thing]:
    await asyncio.sleep(0)
    if broken:
        raise Broken(name)
    thing = WORLD.begin(f"shared {name}")
    try:
        await asyncio.sleep(0)
        yield thing
    finally:
        WORLD.end(thing)
    await asyncio.sleep(0)


async def background(things: list[Thing]) -> None:
    thing = WORLD.begin("work")
    try:
        while True:
            for each in things:
                WORLD.use(each)
            await asyncio.sleep(0.001)
    finally:
        WORLD.end(thing)


class Plugin:
    """Its mappings have a name, things to share, and a fault, if any."""

    @hookimpl
    def schema(self) -> dict[str, Any]:
        faults = {"enum": ["", *FAULTS[1:]], "default": ""}
        names = {"type": "array", "items": {"type": "string"}, "default": []}
        return {"properties": {"life": {"type": "string"}, "fault": faults, "shares": names}}

    @hookimpl
    async def validate(self, mapping: Mapping) -> None:
        await asyncio.sleep(0)
        if mapping["fault"] == "validate":
            raise ConfigError("Not valid")

    @hookimpl
    async def validate_table(self, mappings: tuple[Mapping, ...]) -> None:
        for mapping in mappings:
            if mapping.handler.prefix == "life" and mapping["fault"] == "table":
                raise ConfigError("Not with the others", mapping=mapping)

    @hookimpl
    async def lifespan(self, mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
        if mapping["fault"] == "open":
            await asyncio.sleep(0)
            raise Broken(mapping.value)
        things = [await resources.share(shared, name, mapping["fault"] == "share") for name in mapping["shares"]]
        own = WORLD.begin("lifespan")
        try:
            mapping.state = [own, *things]
            resources.spawn(background(things))
            yield
            for thing in things:
                WORLD.use(thing)
        finally:
            WORLD.end(own)

    @hookimpl
    async def redirect(self, request: Request, response: Response, mapping: Mapping) -> None:
        if request.path == "/within":
            with suppress(ConfigError, Broken):
                await request.configuration.set_mappings(await request.json())
        for _ in range(int(request.query.get("turns", 0))):
            for thing in mapping.state:
                WORLD.use(thing)
            await asyncio.sleep(0)
        response.send(mapping.value)


class Generator:
    """Makes settings; `fault` says what is wrong with some."""

    def __init__(self, random: random.Random) -> None:
        self.random = random
        self.made = 0

    def settings(self) -> Settings:
        self.made += 1
        mappings = [self._mapping() for _ in range(self.random.randint(1, 4))]
        if self.random.random() < 0.4:
            self.random.choice(mappings)["fault"] = self.random.choice(FAULTS)
        return {"mappings": mappings}

    def _mapping(self) -> Settings:
        shares = self.random.sample("abc", self.random.randint(0, 2))
        return {"match": "^/", "life": f"v{self.made}", "shares": [*shares]}

    @staticmethod
    def fault(settings: Settings) -> str:
        (fault,) = {mapping["fault"] for mapping in settings["mappings"] if "fault" in mapping} or {""}
        if fault == "share":  # it fails only at something that it shares
            return "share" if any(each["shares"] for each in settings["mappings"] if "fault" in each) else ""
        return str(fault)


@pytest.fixture(scope="module")
def plugins() -> Any:
    installed = load_plugins()
    handler = local_handler("life", Plugin(), Path.cwd())
    return replace(installed, handlers={**installed.handlers, "life": handler})


class Sequence:
    """One server, from its start to its end."""

    def __init__(self, seed: int, plugins: Any) -> None:
        self.random = random.Random(seed)
        self.generator = Generator(self.random)
        self.plugins = plugins
        self.done: Counter[str] = Counter()
        self._requests: list[asyncio.Task[Any]] = []

    async def run(self) -> None:
        settings = self.generator.settings()
        server = await self._start(settings)
        if server is None:
            return
        self.mock = Mock(server)
        self.value = settings["mappings"][0]["life"]
        for _ in range(self.random.randint(2, 8)):
            await self._step(self.random.choice(KINDS))
        last = [asyncio.create_task(server.reload(self.generator.settings()))] if self.random.random() < 0.2 else []
        for _ in range(self.random.randint(0, 3)):
            await asyncio.sleep(0)
        if not last and self.random.random() < 0.5:
            await self._drain(server)
        await server.close()
        ends = (ConfigError, Broken, RuntimeError, asyncio.CancelledError, type(None))
        for result in await asyncio.gather(*last, *self._requests, return_exceptions=True):
            right = isinstance(result, ends) or getattr(result, "status", 0) == 200
            self._expect(right, f"a request or the last reload: {result!r}")
        self._expect(not server._former, "a table is left")

    async def _drain(self, server: Server) -> None:
        """Without requests, one table is left."""
        await asyncio.gather(*self._requests, return_exceptions=True)
        for _ in range(TURNS):
            if not server._former:
                return
            await asyncio.sleep(0)
        self._expect(False, "a table is left that no request runs on")

    async def _start(self, settings: Settings) -> Server | None:
        fault = self.generator.fault(settings)
        try:
            checked = await check(settings, self.plugins)
        except ConfigError:
            self._expect(fault in FAULTS[:3], f"check refuses {fault or 'what is good'}")
            return None
        self._expect(fault not in FAULTS[:3], f"check lets {fault} pass")
        server = Server(checked)
        try:
            await server.start(listen=False)
        except Broken:
            self._expect(fault in FAULTS[3:], f"the start refuses {fault or 'what is good'}")
            return None
        self._expect(fault == "", f"the start lets {fault} pass")
        return server

    async def _step(self, kind: str) -> None:
        self.done[kind] += 1
        server = self.mock.server
        if kind == "requests":
            for _ in range(self.random.randint(1, 4)):
                turns = self.random.randint(0, 30)
                self._requests.append(asyncio.create_task(self.mock.request("GET", f"/?turns={turns}")))
            if self.random.random() < 0.3:
                self.random.choice(self._requests).cancel()
        elif kind == "wait":
            await asyncio.gather(*self._requests, return_exceptions=True)
        elif kind == "cancelled":
            change = asyncio.create_task(server.reload(settings := self.generator.settings()))
            for _ in range(self.random.randint(0, 12)):
                await asyncio.sleep(0)
            change.cancel()
            (result,) = await asyncio.gather(change, return_exceptions=True)
            # A change that is cancelled at the moment it is made may be either.
            made = server.configuration.mappings[0].value == settings["mappings"][0]["life"]
            self._expect(not made or self.generator.fault(settings) == "", "what is refused is taken over")
            self._expect(made or result is not None, "a reload is lost")
            self._accept(settings, made)
        else:
            await self._take_over(kind, self.generator.settings())
        await self._probe()

    async def _take_over(self, kind: str, settings: Settings) -> None:
        fault = self.generator.fault(settings)
        if kind == "check":
            refused = await self._refused(check(settings, self.plugins))
            self._expect(refused == (fault in FAULTS[:3]), f"check: {fault or 'what is good'}, refused: {refused}")
            return
        mappings = settings["mappings"]
        if kind == "from within":
            await self.mock.request("POST", f"/within?turns={self.random.randint(0, 5)}", body=mappings)
            refused = fault != ""
        elif kind == "reload":
            refused = await self._refused(self.mock.server.reload(settings))
        else:
            refused = await self._refused(self.mock.configuration.set_mappings(mappings))
        self._expect(refused == (fault != ""), f"{kind}: {fault or 'what is good'}, refused: {refused}")
        self._accept(settings, not refused)

    @staticmethod
    async def _refused(work: Awaitable[Any]) -> bool:
        try:
            await work
        except (ConfigError, Broken):
            return True
        return False

    def _accept(self, settings: Settings, taken: bool) -> None:
        if taken:
            self.value = settings["mappings"][0]["life"]

    async def _probe(self) -> None:
        answer = await self.mock.request("GET", "/?turns=1")
        self._expect(answer.text == self.value, f"{answer.text} instead of {self.value}")

    @staticmethod
    def _expect(right: bool, wrong: str) -> None:
        if not right:
            WORLD.wrong.append(wrong)


@pytest.mark.timeout(600)
async def test_what_is_opened_is_closed_once(plugins: Any, scale: Scale, score: Score) -> None:
    sequences = scale(150, 10_000)
    done: Counter[str] = Counter()
    opened = 0
    differ: list[str] = []
    for seed in range(sequences):
        WORLD.__init__()  # type: ignore[misc]
        before = len(asyncio.all_tasks())
        sequence = Sequence(seed, plugins)
        await sequence.run()
        wrong = [*WORLD.wrong, *(f"{each.name} is never closed" for each in WORLD.things if not each.closed)]
        if len(asyncio.all_tasks()) > before:
            wrong.append("a task is left")
        differ += [f"sequence {seed}: {each}" for each in wrong]
        done += sequence.done
        opened += len(WORLD.things)
        if differ:
            break
    score(
        f"{seed + 1:,} sequences ({', '.join(f'{done[kind]:,} {kind}' for kind in KINDS)}), {opened:,} lifespans, "
        f"shared resources and tasks: {len(differ)} differ"
    )
    assert differ == []
