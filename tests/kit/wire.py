"""A client of raw bytes, that reads as strictly as RFC 9112 allows."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from dataclasses import dataclass, field

from multidict import CIMultiDict

from tests.kit.waiting import PATIENCE

STATUS_LINE = re.compile(r"HTTP/1\.1 ([2-9][0-9]{2}|1[0-9]{2}) [\t -~]*")
FIELD_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*")


@dataclass
class WireResponse:
    """One response as it was on the wire. `interim` are the statuses of the 1xx responses before it."""

    status: int
    headers: CIMultiDict[str]
    body: bytes = b""
    trailers: CIMultiDict[str] = field(default_factory=CIMultiDict)
    interim: list[int] = field(default_factory=list)

    @property
    def chunked(self) -> bool:
        return "transfer-encoding" in self.headers

    @property
    def closes(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"


class Wire:
    """A client's end of a connection: sends bytes as they are, reads responses as strictly as RFC 9112 allows.

    EOFError: the server closed in the middle of a response, or before it. ConnectionError: it cut the connection.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = bytearray()
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._loop.sock_sendall(self.sock, data)

    async def send_in_pieces(self, pieces: list[bytes]) -> None:
        """Each piece in a segment of its own, which the server reads before the next one goes out.

        Stops when the server has hung up, as a client would.
        """
        for piece in pieces:
            try:
                await self.send(piece)
            except ConnectionError:
                return
            for _ in range(3):
                await asyncio.sleep(0)

    async def read_some(self) -> bytes:
        """What comes next, b"" when the server has closed."""
        if self._buffer:
            data = bytes(self._buffer)
            self._buffer.clear()
            return data
        async with asyncio.timeout(PATIENCE):
            return await self._loop.sock_recv(self.sock, 65536)

    async def _more(self) -> None:
        async with asyncio.timeout(PATIENCE):
            data = await self._loop.sock_recv(self.sock, 65536)
        if not data:
            raise EOFError(f"the server closed after {bytes(self._buffer)!r}")
        self._buffer += data

    async def _until(self, mark: bytes) -> bytes:
        while (end := self._buffer.find(mark)) < 0:
            await self._more()
        data = bytes(self._buffer[:end])
        del self._buffer[: end + len(mark)]
        return data

    async def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            await self._more()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    async def response(self, *, head: bool = False) -> WireResponse:
        """The next response; `head`: to a HEAD request."""
        interim: list[int] = []
        while True:
            lines = (await self._until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            first = STATUS_LINE.fullmatch(lines[0])
            assert first, f"not a status line: {lines[0]!r}"
            status = int(first[1])
            if status >= 200 or status == 101:
                break
            assert lines[1:] == []
            interim.append(status)
        response = WireResponse(status, parse_fields(lines[1:]), interim=interim)
        headers = response.headers
        for name in ("content-length", "transfer-encoding", "date", "connection", "content-type"):
            assert len(headers.getall(name, [])) <= 1, f"more than one {name}"
        assert not ("content-length" in headers and response.chunked), "RFC 9112 6.2"
        assert headers.get("transfer-encoding", "chunked") == "chunked"
        if head or status in (101, 204, 304):
            assert status not in (101, 204) or not {"content-length", "transfer-encoding"} & set(
                map(str.lower, headers)
            )
        elif response.chunked:
            await self._read_chunks(response)
        elif "content-length" in headers:
            assert re.fullmatch("[0-9]+", headers["content-length"])
            response.body = await self._exactly(int(headers["content-length"]))
        else:
            assert response.closes, "a response without a length ends with its connection, RFC 9112 6.3"
            response.body = await self.rest()
        return response

    async def _read_chunks(self, response: WireResponse) -> None:
        chunks = []
        while True:
            line = await self._until(b"\r\n")
            assert re.fullmatch(b"[0-9A-Fa-f]+", line), f"not a chunk size: {line!r}"
            size = int(line, 16)
            if size == 0:
                break
            chunks.append(await self._exactly(size))
            assert await self._exactly(2) == b"\r\n"
        response.body = b"".join(chunks)
        lines = []
        while line := await self._until(b"\r\n"):
            lines.append(line.decode("latin-1"))
        response.trailers = parse_fields(lines)

    async def rest(self) -> bytes:
        """All that comes until the server closes."""
        pieces = []
        while piece := await self.read_some():
            pieces.append(piece)
        return b"".join(pieces)

    async def responses(self) -> list[WireResponse]:
        """All responses until the server closes, in order; none of them may be cut."""
        responses: list[WireResponse] = []
        while True:
            if not self._buffer:
                try:
                    await self._more()
                except EOFError:
                    return responses
            responses.append(await self.response())

    async def closed(self) -> None:
        """Waits until the server has closed, and says nothing more before."""
        assert await self.rest() == b""

    async def send_until_hung_up(self, piece: bytes, pause: float = 0) -> None:
        """Sends `piece` again and again until the server has hung up."""
        async with asyncio.timeout(2 * PATIENCE):
            while True:
                try:
                    await self.send(piece)
                except ConnectionError:
                    return
                await asyncio.sleep(pause)

    async def ask(self, data: bytes, *, head: bool = False) -> WireResponse:
        await self.send(data)
        return await self.response(head=head)

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        """Closes with a TCP reset, as a client that crashes."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def parse_fields(lines: list[str]) -> CIMultiDict[str]:
    fields: CIMultiDict[str] = CIMultiDict()
    for line in lines:
        match = FIELD_LINE.fullmatch(line)
        assert match, f"not a header line: {line!r}"
        fields.add(match[1], match[2])
    return fields
