"""The mock: the same dispatcher with no socket, to test a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# The server comes with the first mock: a test run that makes none doesn't wait for it.
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping as Dict
    from types import TracebackType

    from .config import Settings
    from .http import Request
    from .live_configuration import LiveConfiguration
    from .memory_response import MemoryResponse
    from .server import Server


async def mock(configuration: Settings, handlers: dict[str, Any] | None = None) -> Mock:
    """A mock of `configuration`: a dict, the path of a file, what `read` makes of them, or what `check` does.

    It is checked and opened as for a server. `handlers` replace those of the same prefix: an object with the hooks for
    each. Raises `ConfigError`, what a lifespan raises, and TypeError for `handlers` of a checked configuration.
    """
    from dataclasses import replace
    from pathlib import Path

    from .config import Configuration, check
    from .plugins import load_plugins, local_handler
    from .server import Server

    plugins = None
    if handlers:
        if isinstance(configuration, Configuration):
            raise TypeError("The handlers of a checked configuration can't be replaced: give what read() makes of it")
        replaced = {prefix: local_handler(prefix, hooks, Path.cwd()) for prefix, hooks in handlers.items()}
        plugins = load_plugins()
        plugins = replace(plugins, handlers={**plugins.handlers, **replaced})
    server = Server(await check(configuration, plugins))
    await server.start(listen=False)
    return Mock(server)


class Mock:
    """A configuration that answers without a socket."""

    def __init__(self, server: Server) -> None:
        from .explanation.trace import Tracer

        self.server = server
        self._tracer = Tracer(server)

    @property
    def configuration(self) -> LiveConfiguration:
        """What its handlers get as `configuration`: to replace the mappings, say."""
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
    ) -> MemoryResponse:
        """Dispatches one request and returns its response.

        `url` is a path with a query, encoded as a client would send it. `body` is bytes, a str, or a JSON value,
        which sets the content type. Raises `HTTPError` 400 for a malformed `url`.
        """
        from .memory_response import MemoryResponse

        request = request_of(method, url, headers, body, self.configuration.limits.max_body)
        memory = MemoryResponse(request.method)
        memory.trace = trace = self._tracer.begin(request)
        await self.server.dispatcher.dispatch(request, memory.response)
        trace.detach()
        return memory

    async def close(self) -> None:
        """Closes what the mappings have opened."""
        await self.server.close()


def request_of(
    method: str, url: str, headers: Dict[str, str] | Iterable[tuple[str, str]], body: bytes | str | Any, max_body: int
) -> Request:
    """The request of a client on this machine: see `Mock.request`."""
    from .http import Headers, Request
    from .http.response import encode
    from .http.target import canonical_url

    fields = Headers(headers)
    fields.setdefault("host", "localhost")
    data, content_type = encode(body)
    if content_type == "application/json":
        fields.setdefault("content-type", content_type)
    if data:
        fields.setdefault("content-length", str(len(data)))
    return Request(
        method.upper(),
        canonical_url(url),
        fields,
        data,
        raw_target=url,
        peer=("127.0.0.1", 0),
        max_body=max_body,
    )
