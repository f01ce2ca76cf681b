"""Passes requests on to another server, a reverse proxy.

    { "match": "^/api/(.*)", "url": "http://localhost:3000/$1" }

Requests, responses and WebSockets are streamed both ways.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from reserve_core import hookimpl

if TYPE_CHECKING:
    from reserve_core import Configuration, Mapping, Prediction, Request, Resources, Response

    from .forward_hooks import Forward
    from .options import Options, PreparedOptions
    from .proxy import Proxy

__all__ = ["Forward"]


def __getattr__(name: str) -> Any:
    if name != "Forward":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .forward_hooks import Forward

    return Forward


@hookimpl
def schema() -> type[Options]:
    from .options import Options  # what forwards is imported where there is something to forward

    return Options


@hookimpl
async def validate(mapping: Mapping, configuration: Configuration) -> None:
    """Keeps as state what is made of the options. Warns of strangers who reach anything, and of dropped paths."""
    from .options import prepare_options
    from .ssrf import is_loopback

    import_module(".proxy", __name__)  # no request shall wait for it
    prepared = prepare_options(mapping)
    if prepared.is_open and not is_loopback(configuration.hostname):
        mapping.warn(
            f"An open proxy on {configuration.hostname}: clients choose where their requests go",
            "Name the hosts they may choose in allow-hosts, or listen on 127.0.0.1 only",
            "url",
        )
    if _drops_path(mapping):
        value = mapping.value.rstrip("/")
        mapping.warn(
            f'"url": every URL that the match finds goes to {mapping.value}: its path is dropped',
            f'Capture it and pass it on: "match": "^{re.escape(mapping.base or "/")}(.*)", "url": "{value}/$1"',
            "url",
        )
    mapping.state = prepared
    mapping.final = True


def _drops_path(mapping: Mapping) -> bool:
    """Whether all that is below a folder goes to one URL, which is hardly meant: it looks like a folder itself."""
    base = mapping.base
    if base is None or mapping.template is not None or mapping.options.forward_request is not None:
        return False
    path = mapping.value.partition("://")[2].partition("/")[2]
    return path == "" or path.endswith("/") or (base.endswith("/") and base != "/")


@hookimpl
async def lifespan(mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
    """Keeps the proxy as state, with the connections that all mappings with the same settings share."""
    from .dial import connection_pool
    from .proxy import Proxy

    options: Options = mapping.options
    prepared: PreparedOptions = mapping.state
    public_only = prepared.template.origin is None and not options.allow_private
    pool = await resources.share(connection_pool, prepared.dialer, public_only, options.max_connections)
    mapping.state = Proxy(options, prepared, pool)
    yield


@hookimpl
async def redirect(request: Request, response: Response, mapping: Mapping, match: re.Match[str]) -> str | int | None:
    proxy: Proxy = mapping.state
    return await proxy.forward(request, response, mapping, match)


@hookimpl
def explain(request: Request, mapping: Mapping, match: re.Match[str]) -> Prediction:
    from reserve_core import HTTPError, Prediction

    prepared: PreparedOptions = mapping.state
    try:
        origin, target = prepared.template.resolve(match, request.raw_match(match))
    except HTTPError as error:
        return Prediction.responds(error.reason, error.status)
    if mapping.options.forward_request is not None:
        return Prediction.undecided(f"{origin}{target} is asked, or what forward-request makes of it")
    return Prediction.responds(f"as {origin}{target} does")
