"""`/r/<code>...`: any request is recorded, and gets the mirror's response.

This is the one part that is open to everybody, and the one that has to be fast: it calls the store itself.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

from reserve_core import Event, HTTPError, Request, Response

from .client_rates import count_request
from .codes import CODE, why_no_code
from .json_shapes import RequestFailure
from .mirror_key import stored_code
from .mirror_mount import MirrorMount
from .mirror_response import ReadyResponse, is_preflight, ready_response
from .request_record import BodyError, RequestRecord, body_of, failure_of, now, read_body, refused_record
from .store import Unavailable

_AGE = "600"
# The code, and the path and the query that follow it.
_TARGET = re.compile(rf"({CODE})((?:[/?].*)?)", re.ASCII | re.DOTALL)


async def receive(mount: MirrorMount, request: Request, response: Response, target: str) -> None:
    """Records a request. `target` is what follows `/r/`: a code, a path, a query."""
    time = now()
    parts = _TARGET.fullmatch(target)
    if parts is None:
        code = re.split("[/?]", target, maxsplit=1)[0]
        why = why_no_code(code) if code else "Here requests to a mirror are recorded: /r/CODE"
        raise HTTPError(404, why, _refusal(request))
    code, rest = parts.groups()
    on_disconnect = request.on_disconnect
    request.on_disconnect = _ignore
    limit = mount.options.max_body_size
    body_error: BodyError | None = None
    failure: RequestFailure | None = None
    try:
        if mount.senders is not None:
            await count_request(mount, mount.access.caller(request).remote)
        data = request.body_at_hand()
        if data is not None:
            body = body_of(data, limit)
        else:
            body, body_error = await read_body(request, limit)
            if body_error is not None:
                failure = failure_of(body_error, body.size, request.body_length)
        record = RequestRecord(request, mount.access, time, rest, body, failure)
        receipt = await mount.store.add(stored_code(code, mount.options.public), record)
    except Unavailable as error:
        request.state["outcome"] = error.outcome
        headers = {**_refusal(request), "retry-after": str(error.retry_after)}
        raise HTTPError(error.status, str(error), headers) from error
    finally:
        request.on_disconnect = on_disconnect
    if body_error is not None:
        request.state["outcome"] = "no-mirror" if receipt is None else "incomplete"
        raise body_error
    if receipt is None:
        request.state["outcome"] = "no-mirror"
        raise HTTPError(404, f"The mirror {code!r} does not exist", _refusal(request))
    request.state["outcome"] = "stored"
    if receipt.rule:
        from .ruled_response import respond_by_rule

        await respond_by_rule(receipt, record.take_subject(), response, lambda ready: _send(ready, request, response))
        return
    ready = ready_response(receipt.response)
    if mount.options.respond == "listener":
        from .response_of_listener import response_of_listener

        stored = stored_code(code, mount.options.public)
        ready = await response_of_listener(mount.store, stored, receipt.id) or ready
    if ready.delay:
        await asyncio.sleep(ready.delay)
    _send(ready, request, response)


async def receive_refused(mount: MirrorMount, event: Event, path: str) -> None:
    """Records a request that the server has refused: `path` is the one below the mount, with its query."""
    parts = _TARGET.fullmatch(path[3:]) if path.startswith("/r/") else None
    if parts is not None:
        code, rest = parts.groups()
        with suppress(Unavailable):  # the store has logged it
            if event.request is not None:
                await count_request(mount, mount.access.caller(event.request).remote)
            await mount.store.add(stored_code(code, mount.options.public), refused_record(event, mount.access, rest))


def _ignore() -> None:
    """What has come is recorded, whether or not its sender waits for the response."""


def _send(ready: ReadyResponse, request: Request, response: Response) -> None:
    if request.header("origin") is None:
        response.send(ready.body, ready.status, ready.headers)
    elif is_preflight(request.method, request.headers):  # any request is allowed
        response.send(b"", 204, (*_cors(request, ready.names), *_preflight(request), ("cache-control", "no-store")))
    else:
        response.send(ready.body, ready.status, (*ready.headers, *_cors(request, ready.names)))


def _cors(request: Request, names: frozenset[str]) -> list[tuple[str, str]]:
    """Lets pages of any site read a response, unless its own headers say who may."""
    if "access-control-allow-origin" in names:
        return []
    return [
        ("access-control-allow-origin", request.headers["origin"]),
        ("access-control-allow-credentials", "true"),
        ("vary", "origin"),
    ]


def _preflight(request: Request) -> list[tuple[str, str]]:
    headers = request.headers
    allowed = [
        ("access-control-allow-methods", headers["access-control-request-method"]),
        ("access-control-max-age", _AGE),
    ]
    if "access-control-request-headers" in headers:
        allowed.append(("access-control-allow-headers", headers["access-control-request-headers"]))
    return allowed


def _refusal(request: Request) -> dict[str, str]:
    """The headers of a response that is no mirror's: pages of any site may read it, too."""
    headers = dict(_cors(request, frozenset())) if "origin" in request.headers else {}
    return {**headers, "x-content-type-options": "nosniff"}
