"""Passes requests on to another server, a reverse proxy.

    { "match": "^/api/(.*)", "url": "http://localhost:3000/$1" }

Requests, answers and WebSockets are streamed both ways.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from reserve_core import hookimpl

from .addresses import is_loopback
from .forward import Forward
from .options import SCHEMA, parse_options
from .proxy import Proxy, close_unused

if TYPE_CHECKING:
    from reserve_core import Configuration, Mapping, Request, Response

__all__ = ["Forward"]

logger = logging.getLogger("reserve")


@hookimpl
def schema() -> dict[str, Any]:
    return SCHEMA


@hookimpl
async def validate(mapping: Mapping, configuration: Configuration) -> None:
    """Keeps the proxy as state. Warns when strangers could use it to reach whatever they want."""
    options = parse_options(mapping)
    if options.is_open and not is_loopback(configuration.hostname):
        logger.warning(
            "%s is an open proxy on %s: clients choose where their requests go. Name the hosts they may choose in"
            " allow-hosts, or listen on 127.0.0.1 only",
            mapping.label,
            configuration.hostname,
        )
    mapping.state = Proxy(options)


@hookimpl
async def redirect(
    request: Request, response: Response, mapping: Mapping, match: re.Match[str], configuration: Configuration
) -> str | int | None:
    proxy: Proxy = mapping.state
    return await proxy.forward(request, response, mapping, match, configuration)


@hookimpl
async def shutdown() -> None:
    close_unused()
