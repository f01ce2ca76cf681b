"""The dispatcher: takes a request through the mappings until one of them answers.

It knows requests, responses and the table of mappings; it knows no socket.
"""

from __future__ import annotations

import asyncio
import re
import time
from inspect import isawaitable
from typing import TYPE_CHECKING

from .content_headers import CONTENT_HEADERS
from .errors import Disconnected, HTTPError, ResponseCut
from .events import Emitter, Event
from .failures import is_cancellation
from .http.failure_writers import through_failure_writers

if TYPE_CHECKING:
    from .http import Request, Response
    from .resources import OpenTable

_NO_GROUPS = re.compile("")


class Dispatcher:
    """Answers requests by the mappings of `table`, which the server sets; None: it isn't open yet, or closed."""

    def __init__(self, events: Emitter) -> None:
        self.events = events
        self.table: OpenTable | None = None

    def table_of(self, request: Request | None) -> OpenTable | None:
        """The table whose lifespans are told of an event: that of its request, or else the present one."""
        table = None if request is None else request.table
        return self.table if table is None else table

    async def dispatch(self, request: Request, response: Response) -> None:
        """Answers `request`: whatever happens, the response has ended or is aborted afterwards.

        Raises RuntimeError when the server isn't open.
        """
        events = self.events
        table = self.table
        if table is None:
            raise RuntimeError("The server isn't open: only a running server or a mock dispatches requests")
        table.active += 1
        request.table = table
        # With `--silent` most requests have no listener.
        start = time.time() if events.incoming or events.redirected else 0.0
        begun = time.perf_counter() if start else 0.0
        incoming_url = request.url
        if events.incoming:
            events.emit(Event.of_request("incoming", request, incoming_url, start))
        try:
            try:
                await self._run(request, response, -1)
            except HTTPError as error:
                self._send_error(request, response, error)
        except Disconnected as error:
            self._aborted(
                request, response, incoming_url, start, str(error) if isinstance(error, ResponseCut) else None
            )
            return
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and (request.aborted or is_cancellation(error)):
                reason = None if request.aborted else "cut, because the server stops"
                self._aborted(request, response, incoming_url, start, reason)
                raise
            await self._send_failure(request, response, error, incoming_url, start)
        finally:
            table = request.table  # it may be another one by now
            assert table is not None
            table.leave()
        if events.redirected:
            time_spent = (time.perf_counter() - begun) * 1000
            events.emit_redirected(request, incoming_url, start, response.status, time_spent)

    async def dispatch_rest(self, request: Request, response: Response) -> None:
        """Answers `request` by the mappings after the one that is handling it, of the table it started with.

        What one of them raises is raised, but for an `HTTPError`, which becomes the response.
        """
        table, mapping = request.table, request.mapping
        if table is None or mapping is None:
            raise RuntimeError("The request isn't dispatched: only a handler can have the mappings behind it answer")
        table.active += (
            1  # the handler still runs on this table, even if those after it move the request to another one
        )
        try:
            await self._run(request, response, mapping.index)
        except HTTPError as error:
            self._send_error(request, response, error)
        finally:
            table.leave()

    async def _run(self, request: Request, response: Response, after: int) -> None:
        """Runs the mappings of the request's table whose index is greater than `after`; from a redirect on, all."""
        table = request.table
        assert table is not None
        configuration = table.configuration
        redirecting = self.events.redirecting
        restarts = 0
        while True:
            result: object = None
            url = request.url
            method = request.method
            host = request.hostname if table.asks_host else ""
            candidates = table.candidates_on(host, url) if host else table.candidates(url)
            if after >= 0:
                candidates = tuple(mapping for mapping in candidates if mapping.index > after)
                after = -1
            for mapping in candidates:
                if mapping.plain:
                    methods = mapping.methods
                    match = mapping.search(url) if methods is None or method in methods else None
                else:
                    match = mapping.match(method, url, host)
                if match is None:
                    continue
                if mapping.if_match is not None:
                    request.mapping = mapping
                    condition = mapping.if_match(request, url, match)
                    if not (await condition if isawaitable(condition) else condition):
                        continue
                request.mapping = mapping
                template = mapping.template
                value = mapping.value if template is None else template(match)
                if redirecting:
                    # By position: `of_request` takes half as long again, and it may be for each request.
                    event = Event("redirecting", None, request, url, 0, time.time(), mapping.handler.prefix, value)
                    self.events.emit(event)
                result = await mapping.handler.redirect(request, response, mapping, match, value, configuration)
                if redirecting:
                    event.decide(result, response.status if response.ended else 0)
                if result is not None:
                    break
                if response.ended:
                    return
            else:
                result = 501
            if isinstance(result, str):
                if restarts < configuration.checked.max_redirect:
                    restarts += 1
                    request.set_url(result)
                    continue
                result = 508
            await self._send_status(request, response, result)
            return

    async def _send_status(self, request: Request, response: Response, status: object) -> None:
        """Sends a response with this status: by the handler `status`, so that each looks the same."""
        if isinstance(status, bool) or not isinstance(status, int):
            raise TypeError(f"A handler returned {status!r}: a redirect is a URL (str), a status (int) or None")
        table = request.table
        mapping = None if table is None else table.status
        if table is None or mapping is None:
            response.send(b"", status)
            return
        request.mapping = mapping
        if self.events.redirecting:
            self.events.emit(
                Event.of_request("redirecting", request, request.url, time.time(), type="status", redirect=status)
            )
        match = _NO_GROUPS.match("")
        assert match is not None
        await mapping.handler.redirect(request, response, mapping, match, status, table.configuration)

    def _send_error(self, request: Request, response: Response, error: HTTPError) -> None:
        if response.status == 101:
            raise error  # after an upgrade it can't become a response: it's a failure like any other
        if response.ended:
            return
        if response.headers_sent:
            response.abort()
            return
        _forget_content(response)
        request.error = error
        response.send(error.reason, error.status, error.headers)

    async def _send_failure(
        self, request: Request, response: Response, error: BaseException, incoming_url: str, start: float
    ) -> None:
        """A handler has failed: responds with 500 if no head has been sent, else cuts the response."""
        self.events.emit(Event.of_request("error", request, incoming_url, start, reason=error))
        if response.headers_sent:
            if not response.ended or response.status == 101:
                response.abort()
            return
        try:
            _forget_content(response)
            await through_failure_writers(request, self._send_status(request, response, 500))
        except BaseException as failure:
            if is_cancellation(failure):
                raise
            # The headers that the handler has set may be what can't be sent: this response has none of them.
            response.headers.clear()
            response.send(b"", 500)

    def _aborted(
        self, request: Request, response: Response, incoming_url: str, start: float, reason: str | None = None
    ) -> None:
        request.aborted = True
        if self.events.aborted:
            self.events.emit(Event.of_request("aborted", request, incoming_url, start, reason=reason))
        if not response.ended:
            response.abort()


# Header fields about the content of a response that won't be sent. Those that protect or allow (CSP, CORS) stay.
_FORGOTTEN = (*CONTENT_HEADERS, "etag", "last-modified", "cache-control", "expires", "accept-ranges")


def _forget_content(response: Response) -> None:
    for name in _FORGOTTEN:
        response.headers.popall(name, None)
