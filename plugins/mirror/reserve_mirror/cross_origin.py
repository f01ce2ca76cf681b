"""CORS: what pages of other origins may do that are allowed to use the API (Fetch, 3.2).

They prove the token with each request, if there is one. A cookie isn't theirs: it is sent by whatever page of the same
site, so it counts for nothing here, and the responses never allow credentials.
"""

from __future__ import annotations

from .call_context import SAFETY, CallContext

_MAX_AGE = 7200  # seconds, the most that Chromium keeps


def is_preflight(call: CallContext) -> bool:
    """Whether a browser asks what a page may send."""
    return call.request.method == "OPTIONS" and "access-control-request-method" in call.request.headers


def allow_origin(call: CallContext, origin: str | None) -> None:
    """Has the response, whatever it is, say whether a page of `origin` may read it; None: it may not."""
    headers = [("vary", "Origin")]
    if origin is not None:
        headers += [
            ("access-control-allow-origin", origin),
            ("access-control-expose-headers", "Content-Disposition, Retry-After"),
        ]
    call.response.replace_headers(headers)


def allow_preflight(call: CallContext) -> None:
    """Allows the methods and headers of the API. No token is asked for: a browser sends none."""
    headers = (
        ("access-control-allow-methods", "GET, POST, PATCH, DELETE"),
        ("access-control-allow-headers", "Authorization, Content-Type, Last-Event-ID"),
        ("access-control-max-age", str(_MAX_AGE)),
    )
    call.response.send(b"", 204, (*SAFETY, *headers))
