"""Reload: a changed configuration is taken over under load, and nobody notices but by the answers.

Meanwhile an event stream, a WebSocket and a download are under way, from before the first reload to after the last.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.hostile.client import TEXT, Client, frame, request
from tests.hostile.program import MB
from tests.kit.endless import ENDLESS

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score, Within
    from tests.hostile.program import Launch, Program

LARGE = 64 * MB
CLIENTS = 12
MAY_TAKE = 1.0  # seconds until the new table answers


def mappings(version: int) -> list[dict[str, object]]:
    return [
        {"match": "^/version$", "custom": [str(version)]},
        {"match": "^/events$", "custom": "./site.py:events"},
        {"match": "^/talk$", "custom": "./site.py:talk"},
        {"match": "^/files/(.*)", "file": "./$1"},
    ]


class Load:
    """Requests for the version, one after the other on kept connections. `failed` says which had another answer."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers = 0
        self.failed: list[str] = []
        self.end = False

    async def work(self) -> None:
        version = 0
        async with Client(self.port) as client:
            while not self.end:
                try:
                    answer = await client.ask(b"/version")
                except (EOFError, ConnectionError) as error:
                    self.failed.append(repr(error))
                    return
                if answer.status != 200 or int(answer.body) < version:
                    self.failed.append(f"{answer} after version {version}")
                version = int(answer.body)
                self.answers += 1


@pytest.mark.timeout(120)
async def test_nobody_notices(launch: Launch, scale: Scale, within: Within, score: Score) -> None:
    reloads = scale(4, 20)
    program = await launch(mappings(0), files={"site.py": ENDLESS})
    with (program.folder / "large").open("wb") as file:
        file.truncate(LARGE)
    load = Load(program.port)
    async with asyncio.TaskGroup() as group, Client(program.port) as events, Client(program.port) as talk:
        async with Client(program.port, receive_buffer=65536) as download:
            events.writer.write(request(b"/events"))
            await events.reader.readuntil(b"data: 0\n\n")
            assert await talk.upgrade(b"/talk") == 101
            download.writer.write(request(b"/files/large"))
            await download.reader.readuntil(b"\r\n\r\n")
            for _ in range(CLIENTS):
                group.create_task(load.work())
            took, size = [], 0
            for version in range(1, reloads + 1):
                took.append(await reload(program, version))
                size += len(await download.reader.readexactly(MB))
                talk.writer.write(frame(TEXT, b"%d" % version))
                assert await talk.receive() == (TEXT, b"%d" % version)
                await asyncio.sleep(0.1)
            load.end = True
            size += len(await download.reader.readexactly(LARGE - size))
        told = await events.reader.readuntil(b"data: 10\n\n")
        assert told.count(b"data: ") == 10
        assert await drained(events) > reloads  # it went on all the time
    score(
        f"{reloads} reloads, {load.answers:,} requests meanwhile: {len(load.failed)} failed, the new table after "
        f"{max(took):.2f} s at most; an event stream, a WebSocket and a download of {size // MB} MB went on"
    )
    assert load.failed == []
    assert max(took) < within(MAY_TAKE)


async def reload(program: Program, version: int) -> float:
    """Seconds until the program answers by the configuration of this version."""
    file = program.folder / "reserve.json"
    configuration = json.loads(file.read_text())
    configuration["mappings"][1:] = mappings(version)
    file.write_text(json.dumps(configuration))
    begun = time.monotonic()
    program.process.send_signal(signal.SIGHUP)
    async with Client(program.port) as client:
        while (await client.ask(b"/version")).body != b"%d" % version:
            await asyncio.sleep(0.01)
    return time.monotonic() - begun


async def drained(client: Client) -> int:
    """How many events wait to be read; the next one is waited for."""
    data = b""
    try:
        async with asyncio.timeout(0.5):
            while True:
                data += await client.reader.read(65536)
    except TimeoutError:
        pass
    return data.count(b"data: ")
