"""`/r/<code>...`: any request is recorded, and answered as the mirror says.

This is the one part that is open to everybody, and the one that has to be fast: it goes straight to the store.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

from reserve_core import Event, HTTPError, Request, Response

from .codes import CODE, why_no_code
from .json_shapes import RequestFailure
from .mirror_mount import Mount
from .mirror_response import Reply, is_preflight, reply_of
from .request_record import Broken, Capture, body_of, capture_of_refused, failure_of, now, read_body
from .store import Unavailable

_AGE = "600"
# The code, and the path and the query that follow it.
_TARGET = re.compile(rf"({CODE})((?:[/?].*)?)", re.ASCII | re.DOTALL)


async def capture(mount: Mount, request: Request, response: Response, target: str) -> None:
    """Records a request. `target` is what follows `/r/`: a code, a path, a query."""
    time = now()
    parts = _TARGET.fullmatch(target)
    if parts is None:
        code = re.split("[/?]", target, maxsplit=1)[0]
        why = why_no_code(code) if code else "Here requests to a mirror are recorded: /r/CODE"
        raise HTTPError(404, why, _refusal(request))
    code, rest = parts.groups()
    on_disconnect = request.on_disconnect
    request.on_disconnect = _go_on
    limit = mount.options.max_body_size
    broken: Broken | None = None
    failure: RequestFailure | None = None
    try:
        data = request.body_at_hand()
        if data is not None:
            body = body_of(data, limit)
        else:
            body, broken = await read_body(request, limit)
            if broken is not None:
                failure = failure_of(broken, body.size, request.body_length)
        captured = await mount.store.capture(code, Capture(request, mount.access, time, rest, body, failure))
    except Unavailable as error:
        raise HTTPError(503, str(error), {**_refusal(request), "retry-after": "1"}) from error
    finally:
        request.on_disconnect = on_disconnect
    if broken is not None:
        raise broken
    if captured is None:
        raise HTTPError(404, f"The mirror {code!r} does not exist", _refusal(request))
    reply = reply_of(captured.answer)
    if reply.delay:
        await asyncio.sleep(reply.delay)
    _send(reply, request, response)


async def capture_refused(mount: Mount, event: Event, path: str) -> None:
    """Records a request that the server has refused: `path` is the one below the mount, with its query."""
    parts = _TARGET.fullmatch(path[3:]) if path.startswith("/r/") else None
    if parts is not None:
        code, rest = parts.groups()
        with suppress(Unavailable):  # the store tells the log
            await mount.store.capture(code, capture_of_refused(event, mount.access, rest))


def _go_on() -> None:
    """What has come is recorded, whether or not its sender waits for the response."""


def _send(reply: Reply, request: Request, response: Response) -> None:
    if request.header("origin") is None:
        response.send(reply.body, reply.status, reply.headers)
    elif is_preflight(request.method, request.headers):  # whatever is meant, it may
        response.send(b"", 204, (*_cors(request, reply.names), *_preflight(request), ("cache-control", "no-store")))
    else:
        response.send(reply.body, reply.status, (*reply.headers, *_cors(request, reply.names)))


def _cors(request: Request, names: frozenset[str]) -> list[tuple[str, str]]:
    """Lets pages of any site read an answer, whose own headers go before."""
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
    """The headers of an answer that is no mirror's: pages of any site may read it, too."""
    headers = dict(_cors(request, frozenset())) if "origin" in request.headers else {}
    return {**headers, "x-content-type-options": "nosniff"}
