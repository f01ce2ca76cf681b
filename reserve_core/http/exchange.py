"""One exchange on a connection: a request and its response, from the dispatch to the end or the upgrade."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import Disconnected, ResponseError
from .framed_writer import FramedWriter
from .incoming_body import BodyStream
from .request import Request
from .response import Response
from .response_head import render_switching
from .states import COMPLETE, LOST, SWITCHED, WAITING

if TYPE_CHECKING:
    from .connection import Connection
    from .upgraded_stream import UpgradedStream
    from .websocket import WebSocket

logger: logging.Logger = logging.getLogger("reserve")

_WEBSOCKET = "reserve_core.http.websocket"  # the module


class Exchange(FramedWriter):
    """A request, the writer of its response, and what its connection knows of both."""

    __slots__ = ("request", "task", "upgraded")

    def __init__(
        self,
        connection: Connection,
        request: Request,
        body: BodyStream | None,
        keep_alive: bool,
        expects_continue: bool,
    ) -> None:
        self.connection = connection
        self.body = body
        self.keep_alive = keep_alive
        self.expects_continue = expects_continue
        self.head_only = request.method == "HEAD"
        self.old = request.http_version == "1.0"
        self.state = WAITING
        self.response = None
        self.request: Request = request
        self.upgraded: WebSocket | UpgradedStream | None = None
        self.task: asyncio.Task[None] | None = None  # what its handler runs in, once it waits

    @property
    def settled(self) -> bool:
        """Whether the response is out and the handler has returned: nobody reads the rest of the body."""
        return self.response is None and self.state >= COMPLETE

    def run(self) -> None:
        """Gives the request to the dispatcher."""
        connection = self.connection
        self.response = Response(self)
        connection.server.runner.add(self, connection.loop)

    def finished(self) -> None:
        """The dispatcher has done with the request."""
        self.task = None
        if self.state < COMPLETE:
            # The dispatcher responds to every request: one whose response isn't complete was given up by its handler.
            self.abort()
        self.response = None
        if self.state is SWITCHED:
            self._close_upgraded(1000)
        elif self.body is not None:
            self.connection.settle(self)

    def refuse(self, status: int, text: str) -> None:
        """Responds without a handler."""
        Response(self).send(text, status)

    def stop(self) -> None:
        """The server stops: a response in progress is completed, a WebSocket is closed with 1001 (RFC 6455 7.4.1)."""
        self._close_upgraded(1001)

    def cancel(self) -> None:
        """The client has gone: `on_disconnect` of the request is called if it is set, else its handler is cancelled."""
        request = self.request
        if self.body is not None:
            self.body.fail(Disconnected("The client went away before the end of the request's body"))
        if self.state < COMPLETE:
            self.state = LOST
            request.aborted = True
            if request.on_disconnect is not None:
                self._tell_disconnect(request.on_disconnect)
            elif self.task is not None:
                self.task.cancel()
            else:
                self.response = None  # it hasn't begun, and won't

    def abort(self) -> None:
        """Cuts the response; see `Writer`. Behind an upgrade the WebSocket or the stream is closed."""
        if self.state is COMPLETE or self.state is SWITCHED:
            self._close_upgraded(1011)
        else:
            super().abort()

    # Called for the request.

    def read_on(self) -> None:
        """The reader of the request's body waits for more."""
        if self.expects_continue:
            self.expects_continue = False
            if self.state is WAITING:
                self.connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.connection.update_reading()

    async def accept(self, request: Request, **options: Any) -> WebSocket:
        """Accepts a WebSocket handshake; see `Request.upgrade`."""
        # With Tornado, which takes long to load: for those who have use for it, and while others have their turn.
        accept = getattr(sys.modules.get(_WEBSOCKET), "accept", None)
        if accept is None:
            accept = (await asyncio.to_thread(import_module, _WEBSOCKET)).accept
        accepted: WebSocket = await accept(request, self.hand_over, **options)
        self.upgraded = accepted
        return accepted

    def hand_over(self, fields: Iterable[tuple[str, str]]) -> UpgradedStream:
        """Sends a 101 with `fields` and gives the connection to the caller, with what the client has sent behind it.

        Raises `ResponseError` when the response has begun or `fields` can't be sent, `Disconnected` when the client has
        gone.
        """
        self._check_open()
        if self.state is not WAITING:
            raise ResponseError("The response has begun already; an upgrade must be accepted before")
        head = render_switching(fields)
        if self.response is not None:
            self.response.status = 101
            self.response.headers_sent = self.response.ended = True
        self.state = SWITCHED
        self.upgraded = stream = self.connection.hand_over(head)
        return stream

    # Private.

    def _responded(self) -> None:
        self.connection.responded(self)

    def _tell_disconnect(self, callback: Callable[[], None]) -> None:
        request = self.request
        try:
            callback()
        except BaseException:
            path = request.url.partition("?")[0]
            label = request.mapping.label if request.mapping is not None else "no mapping"
            logger.exception("The on_disconnect of %s %s failed, %s", request.method, path, label)

    def _close_upgraded(self, code: int) -> None:
        upgraded = self.upgraded
        if upgraded is None:
            return
        from .websocket import WebSocket

        if not isinstance(upgraded, WebSocket):
            upgraded.close()
        elif not upgraded.closed:
            task = self.connection.loop.create_task(upgraded.close(code))
            self.connection.server.runner.tasks[task] = self
            task.add_done_callback(self.connection.server.runner.tasks.pop)


class ServerOptions(Exchange):
    """`OPTIONS *` asks for the server as a whole, not for one of its resources: no mapping sees it (RFC 9110 9.3.7)."""

    __slots__ = ()

    def run(self) -> None:
        Response(self).send(b"", 204, {"Allow": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"})
