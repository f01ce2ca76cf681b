"""Passes requests on to another server, a reverse proxy.

    { "match": "^/api/(.*)", "url": "http://localhost:3000/$1" }

Requests, answers and WebSockets are streamed both ways.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any

from reserve_core import hookimpl

if TYPE_CHECKING:
    from reserve_core import Configuration, Mapping, Request, Response

    from .forward import Forward
    from .proxy import Proxy

__all__ = ["Forward"]

logger = logging.getLogger("reserve")


def __getattr__(name: str) -> Any:
    if name != "Forward":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .forward import Forward

    return Forward


@hookimpl
def schema() -> dict[str, Any]:
    from .options import SCHEMA  # what forwards is imported where there is something to forward

    return SCHEMA


@hookimpl
async def validate(mapping: Mapping, configuration: Configuration) -> None:
    """Keeps the proxy as state. Warns when strangers could use it to reach whatever they want."""
    from .addresses import is_loopback
    from .options import parse_options
    from .proxy import Proxy

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
    proxy = sys.modules.get(f"{__name__}.proxy")
    if proxy is not None:
        proxy.close_unused()
