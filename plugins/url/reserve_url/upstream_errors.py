"""Why a request can't be forwarded. Each error's text is for the log; clients are told `TEXTS` of its status.

Time runs out in three places: `dial.py`, where no connection comes about; `connection_pool.py`, where none is free; and
`upstream_connection.py`, where no byte comes or goes.
"""

from __future__ import annotations

TEXTS = {
    403: "This destination is not allowed",
    502: "The upstream server can't be reached, or gives no valid response",
    503: "The upstream server has no free connection",
    504: "The upstream server takes too long",
}


class UpstreamError(Exception):
    """The upstream server can't be reached, or gives no valid response."""

    status = 502


class UpstreamClosedError(UpstreamError):
    """The connection was closed before anything of a response came."""


class ForbiddenDestinationError(UpstreamError):
    """A destination that a client may not choose."""

    status = 403


class UpstreamBusyError(UpstreamError):
    """All connections that may be are in use."""

    status = 503


class UpstreamTimeoutError(UpstreamError):
    """The upstream server took too long."""

    status = 504
