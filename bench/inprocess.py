"""The command `python -m bench.inprocess CONFIG PATH`: the CPU time of a request inside one process, without sockets.

The least of many short batches hardly depends on what else the machine does: it tells apart what differs by a few
percent. The server is started as a program would start it; its protocols then get their bytes from here, not a socket.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from time import thread_time
from typing import Any

import click
import uvloop

from reserve_core import ConfigError, serve

from .peers import HOST

WARM_UP = 20  # batches
TURNS = 10_000  # of the event loop that a batch may take

Factory = Callable[[], asyncio.Protocol]


class _Loop(uvloop.Loop):
    """Keeps what makes the protocols of the server."""

    factory: Factory

    async def create_server(self, protocol_factory: Any, *arguments: Any, **options: Any) -> Any:
        self.factory = protocol_factory
        return await super().create_server(protocol_factory, *arguments, **options)


class _Transport(asyncio.Transport):
    """Counts the bytes that are written. Its socket is connected to nothing."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        super().__init__({"peername": (HOST, 50_000), "sockname": (HOST, 80), "socket": self._socket})
        self.written = 0
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        self.written += len(data)

    def writelines(self, pieces: Iterable[bytes | bytearray | memoryview[Any]]) -> None:
        self.written += sum(map(len, pieces))

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True
        self._socket.close()

    abort = close

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


class _Client:
    """Connections that all send the same request at once."""

    def __init__(self, factory: Factory, request: bytes, connections: int) -> None:
        self._request = request
        self._transports = [_Transport() for _ in range(connections)]
        self._protocols = [factory() for _ in range(connections)]
        self._length = 0  # of a response
        for protocol, transport in zip(self._protocols, self._transports, strict=True):
            protocol.connection_made(transport)

    async def learn(self) -> None:
        """Takes one response for what all are like. What comes in pieces from elsewhere has no place here."""
        transport = self._transports[0]
        self._protocols[0].data_received(self._request)
        for _ in range(TURNS):
            await asyncio.sleep(0)
            if transport.written:
                break
        self._length = transport.written
        if not self._length or transport.closed:
            raise click.ClickException("There is no response in one piece that leaves the connection open")

    async def batch(self) -> float:
        """Seconds of CPU time that a request on each connection takes."""
        before = self._written()
        began = thread_time()
        for protocol in self._protocols:
            protocol.data_received(self._request)
        for _ in range(TURNS):
            await asyncio.sleep(0)
            if self._written() - before >= self._length * len(self._protocols):
                return (thread_time() - began) / len(self._protocols)
        raise click.ClickException("Some responses don't come")

    def leave(self) -> None:
        for protocol, transport in zip(self._protocols, self._transports, strict=True):
            transport.close()
            protocol.connection_lost(None)

    def _written(self) -> int:
        return sum(transport.written for transport in self._transports)


@click.command()
@click.argument("config", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("path")
@click.option("--data", default="", help="Send this, with POST.")
@click.option("--connections", type=click.IntRange(1), default=32, show_default=True, help="Requests of a batch.")
@click.option("--batches", type=click.IntRange(1), default=400, show_default=True, help="How many times.")
def main(config: Path, path: str, data: str, connections: int, batches: int) -> None:
    """Measure the CPU time of a request for PATH, without sockets."""
    loop = _Loop()
    try:
        times = loop.run_until_complete(_measure(loop, config, _request(path, data.encode()), connections, batches))
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    finally:
        loop.close()
    click.echo(f"{min(times) * 1e6:.2f} us of CPU time a request, the least of {batches} batches of {connections}")
    click.echo(f"{median(times) * 1e6:.2f} us in the median")


async def _measure(loop: _Loop, config: Path, request: bytes, connections: int, batches: int) -> list[float]:
    server = await serve(config, port=0)
    client = _Client(loop.factory, request, connections)
    try:
        await client.learn()
        for _ in range(WARM_UP):
            await client.batch()
        return [await client.batch() for _ in range(batches)]
    finally:
        client.leave()
        await server.close()


def _request(path: str, data: bytes) -> bytes:
    method = "POST" if data else "GET"
    length = f"Content-Length: {len(data)}\r\n" if data else ""
    return f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n{length}\r\n".encode() + data


if __name__ == "__main__":
    main(prog_name="python -m bench.inprocess")
