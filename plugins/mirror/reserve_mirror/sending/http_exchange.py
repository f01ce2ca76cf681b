"""One request over a connection of its own, byte by byte as it is given, and the whole response (RFC 9112).

No redirect is followed, nothing is added to the request, and a body is as it came: what a client for applications does
for them would change what was recorded.
"""

from __future__ import annotations

import asyncio
import errno
import ssl
import time
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import SplitResult

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

# Seconds to connect in.
CONNECT_TIMEOUT = 10.0
# What is read at once, and the largest head and body of a response, in bytes.
CHUNK = 64 * 1024
MAX_HEAD = 128 * 1024
MAX_SIZE = 256 * 1024 * 1024

_DEFAULT_PORTS = {"http": 80, "https": 443}


class NoResponse(Exception):
    """There is no response, and why. `sent`: a server was there that the request may have reached."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


class HTTPResponse(NamedTuple):
    """A response: headers as they came, a char per byte; of the body up to `limit` bytes are kept of all its `size`."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    size: int
    duration: float  # milliseconds from the first byte sent to the last one received


async def exchange(
    url: SplitResult,
    request: bytes,
    *,
    timeout: float,
    is_head: bool = False,
    limit: int | None = None,
    addresses: Sequence[str] = (),
) -> HTTPResponse:
    """Sends a request to the server of a URL, and returns the response, of whose body up to `limit` bytes are kept.
    With `addresses`, its name isn't looked up: the server is at one of them.

    Raises `NoResponse` when there is none within `timeout` seconds.
    """
    reader, writer = await _connect(url, addresses or (str(url.hostname),))
    try:
        begin = time.monotonic()
        async with asyncio.timeout(timeout):
            response = _ResponseReader(is_head, limit)
            sending = asyncio.create_task(_send(writer, request))
            try:
                await response.read(reader)
            finally:
                # A server may respond, and close, before it has read a request to its end.
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        duration = (time.monotonic() - begin) * 1000
        return HTTPResponse(response.status, response.headers, bytes(response.body), response.size, duration)
    except TimeoutError:
        raise NoResponse(f"no response within {timeout:g} seconds", sent=True) from None
    except OSError as error:
        raise NoResponse(reason_of(error), sent=True) from None
    finally:
        writer.transport.abort()


async def _send(writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.write(request)
    await writer.drain()


async def _connect(url: SplitResult, hosts: Sequence[str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first of the hosts to which there can be one."""
    secure = ssl.create_default_context() if url.scheme == "https" else None
    port = url.port or _DEFAULT_PORTS[url.scheme]
    name = None if secure is None else url.hostname
    reason = ""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            for host in hosts:
                try:
                    return await asyncio.open_connection(host, port, ssl=secure, server_hostname=name)
                except OSError as error:
                    reason = reason or reason_of(error)
    except TimeoutError:
        reason = f"no connection within {CONNECT_TIMEOUT:g} seconds"
    raise NoResponse(reason, sent=False)


def reason_of(error: OSError) -> str:
    """An error of the system in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate isn't trusted, {error.verify_message} (SSL_CERT_FILE names who may sign it)"
    if isinstance(error, ConnectionRefusedError) or f"[Errno {errno.ECONNREFUSED}]" in str(error):
        return "nothing listens there"  # also where a name has several addresses
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        return "it doesn't speak https: write http://"
    return error.strerror or str(error) or type(error).__name__


class _ResponseReader:
    """Reads a response to its end, passing over interim ones. What httptools calls are the methods `on_...`."""

    def __init__(self, is_head: bool, limit: int | None) -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()
        self.size = 0
        self._is_head = is_head
        self._limit = limit
        self._begun = False  # the head of the final response is here
        self._sized = False  # its head says where the body ends
        self._complete = False
        self._parser = HttpResponseParser(self)

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Raises OSError and `NoResponse`."""
        head = 0
        while not self._complete:
            data = await reader.read(CHUNK)
            if not data:
                if self._begun and not self._sized:
                    return  # its end is that of the connection (RFC 9112 6.3)
                raise NoResponse("the connection was closed before the end of a response", sent=True)
            head += 0 if self._begun else len(data)
            if head > MAX_HEAD:
                raise NoResponse(f"a response with a head of more than {MAX_HEAD} bytes", sent=True)
            if self.size > MAX_SIZE:
                raise NoResponse(f"a response with a body of more than {MAX_SIZE // 1024**2} MiB", sent=True)
            try:
                self._parser.feed_data(data)
            except HttpParserUpgrade:
                self._complete = True  # 101: there is no more of it in HTTP
            except HttpParserError as error:
                raise NoResponse(f"what came is no response of HTTP/1.1: {error}", sent=True) from None

    def on_message_begin(self) -> None:
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1"), value.decode("latin-1").rstrip(" \t")))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < 200 and self.status != 101:
            return
        self._begun = True
        self._sized = any(name.lower() in ("content-length", "transfer-encoding") for name, _ in self.headers)
        if self._is_head or self.status in (101, 204, 304):
            self._complete = True

    def on_body(self, data: bytes) -> None:
        if self._complete:
            return
        self.size += len(data)
        self.body += data if self._limit is None else data[: max(self._limit - len(self.body), 0)]

    def on_message_complete(self) -> None:
        self._complete = self._begun
