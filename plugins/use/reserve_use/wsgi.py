"""WSGI applications: each request in a thread of a pool, its body and its response streamed (PEP 3333)."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from reserve_core import Disconnected, Request, Response
from reserve_core.kit import Body, Threads

from .asgi_scope import begin_response, encoded_target

T = TypeVar("T")
WSGIApp = Callable[[dict[str, Any], Callable[..., Callable[[bytes], object]]], Iterable[bytes]]

# Of a request that came by no connection.
_PORTS = {"http": 80, "https": 443}
# Bytes of a request's body that are read ahead; as many are here before one of the threads is taken.
READ_AHEAD = 64 * 1024


class WSGIApplication:
    """An application, and the threads it works in."""

    def __init__(self, name: str, app: WSGIApp, root_path: str, threads: int) -> None:
        self.name = name
        self.is_middleware = False
        self._app = app
        self._root_path = root_path
        self._threads = Threads(threads, "wsgi")

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        self._threads.close()

    async def serve(self, request: Request, response: Response) -> None:
        await request.read_ahead(READ_AHEAD)
        call = WSGICall(self.name, request, response)
        environ = _environ(request, self._root_path, call.input())
        try:
            whole = await self._threads.run(call.run, self._app, environ)
        except asyncio.CancelledError:
            call.gone = True
            raise
        if whole is None:
            await response.end()
        else:
            call.begin()
            response.send(whole)


class WSGICall:
    """One call of an application. `run` is the thread's, all else the event loop's."""

    def __init__(self, name: str, request: Request, response: Response) -> None:
        self.gone = False
        self._name = name
        self._request = request
        self._response = response
        self._loop = asyncio.get_running_loop()
        self._status = 0
        self._headers: list[tuple[str, str]] = []
        self._begun = False

    def input(self) -> io.BufferedIOBase:
        """What the application reads the request's body from."""
        bodies: list[Body] = []

        def take(body: Body) -> Body:
            bodies.append(body)
            return body

        if self._request.body_length != 0:
            self._request.wrap_body(take)
        return io.BufferedReader(_Input(bodies[0], self._wait), READ_AHEAD) if bodies else io.BytesIO()

    def run(self, app: WSGIApp, environ: dict[str, Any]) -> bytes | None:
        """Calls the application. Returns the body when all of it is there at once, None when it was sent."""
        chunks = app(environ, self._start_response)
        try:
            whole: bytes | None = None
            for chunk in chunks:
                if not self._status:
                    raise RuntimeError(f"{self._name} sent a body before it called start_response")
                if chunk and whole is None and not self._begun and self._is_whole(chunks, chunk):
                    whole = chunk
                elif chunk:
                    self._write(chunk)
            if not self._status:
                raise RuntimeError(f"{self._name} returned without calling start_response")
            return whole if whole is not None or self._begun else b""
        finally:
            if hasattr(chunks, "close"):
                chunks.close()

    def _is_whole(self, chunks: Iterable[bytes], chunk: bytes) -> bool:
        """Whether `chunk` is known to be all of the body."""
        if isinstance(chunks, list | tuple) and len(chunks) == 1:
            return True
        return any(name.lower() == "content-length" and value == str(len(chunk)) for name, value in self._headers)

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        if exc_info is not None:
            try:
                if self._begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self._status:
            raise RuntimeError(f"{self._name} called start_response twice")
        self._status = int(status.split(" ", 1)[0])
        self._headers = list(headers)
        return self._write

    def _write(self, chunk: bytes) -> None:
        self._begun = True
        self._wait(self._send(chunk))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Has the event loop do some work, and waits for it."""
        if self.gone:
            work.close()
            raise Disconnected("The client has gone")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _send(self, chunk: bytes) -> None:
        if not self._response.headers_sent:
            self.begin()
        await self._response.write(chunk)

    def begin(self) -> None:
        """Sets the head of the response."""
        begin_response(self._response, self._status, self._headers)


class _Input(io.RawIOBase):
    """The body of a request, in a thread."""

    def __init__(self, body: Body, wait: Callable[[Coroutine[Any, Any, bytes]], bytes]) -> None:
        self._body = body
        self._wait = wait
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._rest or self._wait(self._body.read())
        size = min(len(data), len(buffer))
        buffer[:size] = data[:size]
        self._rest = data[size:]
        return size


def _environ(request: Request, root_path: str, body: io.BufferedIOBase) -> dict[str, Any]:
    path, query = request.path, encoded_target(request)[1]
    host, port = request.local or ("localhost", _PORTS[request.scheme])
    client = request.client
    inside = path.removeprefix(root_path) if root_path and (path + "/").startswith(root_path + "/") else path
    environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": root_path.encode().decode("latin-1") if inside != path else "",
        "PATH_INFO": unquote_to_bytes(inside).decode("latin-1"),
        "QUERY_STRING": query,
        "REQUEST_URI": request.raw_url,  # no part of PEP 3333, but what other servers have; it keeps an encoded slash
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{request.http_version}",
        "REMOTE_ADDR": client.address,
        "REMOTE_PORT": str(request.peer[1]) if request.peer and not client.via else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": client.scheme,
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        if "_" in name:  # it would pass for the one with a hyphen
            continue
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        known = environ.get(key)
        environ[key] = value if known is None else f"{known}{'; ' if key == 'HTTP_COOKIE' else ','}{value}"
    return environ
