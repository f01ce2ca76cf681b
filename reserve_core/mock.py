"""The mock: the same dispatcher with no socket, to test a configuration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

# The server comes with the first mock: a test run that makes none doesn't wait for it.
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping as Dict
    from types import TracebackType

    from .config import Configuration
    from .http import Headers
    from .server import Server, Settings


async def mock(configuration: Settings, handlers: dict[str, Any] | None = None) -> Mock:
    """A mock of `configuration`, a dict or the path of a file, checked as for a server.

    `handlers` replace those of the same prefix: an object with the hooks for each. The plugins' `startup` hooks have
    run. Raises `ConfigError`.
    """
    from dataclasses import replace
    from pathlib import Path

    from .config import check, read
    from .plugins import load_plugins, local_handler
    from .server import Server

    plugins = load_plugins()
    if handlers:
        replaced = {prefix: local_handler(prefix, hooks, Path.cwd()) for prefix, hooks in handlers.items()}
        plugins = replace(plugins, handlers={**plugins.handlers, **replaced})
    server = Server(await check(read(configuration), plugins))
    await server.start(listen=False)
    return Mock(server)


class MockedResponse:
    """An answer: `status`, `headers`, `body` (bytes), `aborted` (its handler failed in the middle of it).

    `interim` are the answers before it (1xx), each with its status and headers; `trailers` came behind its body.
    """

    def __init__(self, method: str) -> None:
        from .http import Headers

        self.status = 0
        self.headers = Headers()
        self.trailers = Headers()
        self.interim: list[tuple[int, Headers]] = []
        self.aborted = False
        self._silent = method == "HEAD"
        self._chunks: list[bytes] = []

    def __repr__(self) -> str:
        return f"<MockedResponse {self.status}>"

    @property
    def body(self) -> bytes:
        return b"".join(self._chunks)

    @property
    def text(self) -> str:
        """The body as UTF-8; what doesn't decode is replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body parsed as JSON. Raises ValueError when it is none."""
        return json.loads(self.body)

    # The writer of the dispatched response.

    def inform(self, status: int, headers: Headers) -> None:
        self.interim.append((status, headers))

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        self.start(status, headers)
        if "content-length" not in self.headers and status not in (204, 304):
            self.headers["content-length"] = str(len(body))
        self._take(body)

    def start(self, status: int, headers: Headers) -> None:
        self.status = status
        self.headers = headers.copy()
        self._silent = self._silent or status in (204, 304)

    async def write(self, chunk: bytes) -> None:
        self._take(chunk)

    async def end(self) -> None:
        pass

    def abort(self) -> None:
        self.aborted = True
        self.status = self.status or 500

    def _take(self, chunk: bytes) -> None:
        if not self._silent:
            self._chunks.append(chunk)


class Mock:
    """A configuration that answers without a socket."""

    def __init__(self, server: Server) -> None:
        self.server = server

    @property
    def configuration(self) -> Configuration:
        return self.server.configuration

    async def __aenter__(self) -> Mock:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def request(
        self,
        method: str,
        url: str,
        headers: Dict[str, str] | Iterable[tuple[str, str]] = (),
        body: bytes | str | Any = b"",
    ) -> MockedResponse:
        """Dispatches one request and returns its answer.

        `url` is a path with a query, encoded as a client would send it. `body` is bytes, a str, or a JSON value,
        which sets the content type. Raises `HTTPError` 400 for a malformed `url`.
        """
        from .http import Headers, Request, Response
        from .http.response import encode
        from .http.target import canonical_url

        fields = Headers(headers)
        fields.setdefault("host", "localhost")
        data, content_type = encode(body)
        if content_type == "application/json":
            fields.setdefault("content-type", content_type)
        if data:
            fields.setdefault("content-length", str(len(data)))
        answer = MockedResponse(method.upper())
        request = Request(
            method.upper(),
            canonical_url(url),
            fields,
            data,
            raw_target=url,
            peer=("127.0.0.1", 0),
            max_body=self.configuration.limits.max_body,
        )
        response = Response(answer)
        await self.server.dispatcher.dispatch(request, response)
        answer.trailers = response.trailers
        return answer

    async def close(self) -> None:
        """Runs the `shutdown` hooks of the plugins."""
        await self.server.close()
