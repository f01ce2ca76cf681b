"""A proxy before Redis that does to its connections what networks do: cut them, hold replies back, and lose them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

# Of a hundred pieces that come from Redis, so many are cut in the middle, lost with the connection, or come late.
CUT, LOST, LATE = 1, 1, 10
LATE_BY = 0.03  # seconds


class Faults:
    """What happened to the replies, by what was done to them. Nothing is while it isn't `active`."""

    def __init__(self, seed: int) -> None:
        self.port = 0
        self.active = True
        self.counts = {"cut": 0, "lost": 0, "late": 0}
        self._random = random.Random(seed)
        self._socket = Path()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up, down = await asyncio.open_unix_connection(self._socket)
        except OSError:
            writer.close()
            return
        tasks = [asyncio.create_task(self._pass(reader, down)), asyncio.create_task(self._harm(up, writer))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            writer.transport.abort()
            down.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()

    async def _harm(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                chance = self._random.randrange(100) if self.active else 100
                if chance < CUT:
                    self.counts["cut"] += 1
                    writer.write(data[: self._random.randrange(len(data))])
                    await writer.drain()
                    await asyncio.sleep(0.001)  # so that the half goes out
                    return
                if chance < CUT + LOST:
                    self.counts["lost"] += 1
                    return
                if chance < CUT + LOST + LATE:
                    self.counts["late"] += 1
                    await asyncio.sleep(LATE_BY)
                writer.write(data)
                await writer.drain()


@asynccontextmanager
async def faults(socket: Path, seed: int = 0) -> AsyncIterator[Faults]:
    """Listens at `port` and forwards to the Redis at a Unix `socket`."""
    found = Faults(seed)
    found._socket = socket
    server = await asyncio.start_server(found._serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()  # not awaited: that would be until the last client has gone
