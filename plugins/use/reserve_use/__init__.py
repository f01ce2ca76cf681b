"""Puts Python's web applications and middleware into the mappings.

    { "match": "^/api/", "use": "shop.main:app" }
    { "use": "starlette.middleware.gzip:GZipMiddleware", "options": { "minimum_size": 500 } }

The first answers by an application: ASGI, WSGI or Tornado. The second puts ASGI middleware around all mappings behind
it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from reserve_core import hookimpl

if TYPE_CHECKING:
    from reserve_core import Configuration, Event, Mapping, Request, Response, Server

    from .application import Application
    from .options import Options

PREFIX = "use"


@hookimpl
def schema() -> type[Options]:
    from .options import Options

    return Options


@hookimpl
async def validate(mapping: Mapping, configuration: Configuration) -> None:
    """Imports the application, and keeps it as state."""
    from reserve_core import Reference

    from .application import make
    from .options import DEFAULT_NAME

    value = mapping.value
    target = Reference(value, mapping.cwd, DEFAULT_NAME).load() if isinstance(value, str) else value
    name = value if isinstance(value, str) else repr(value)
    mapping.state = make(target, name, mapping, configuration)


@hookimpl
async def startup(server: Server) -> None:
    from .running import start

    for application in _applications(server.configuration):
        await start(application, server.configuration)


@hookimpl
def reloaded(event: Event) -> None:
    if event.server is not None:
        from .running import renew

        renew(_applications(event.server.configuration), event.server.configuration)


@hookimpl
async def shutdown(server: Server) -> None:
    from .running import stop

    await stop(server.configuration)


@hookimpl
async def redirect(
    request: Request,
    response: Response,
    mapping: Mapping,
    match: re.Match[str],
    redirect: Any,
    configuration: Configuration,
) -> None:
    application: Application = mapping.state
    if not application.started:  # it came with a later set of mappings
        from .running import start

        await start(application, configuration)
    application.active += 1
    try:
        await application.serve(request, response)
    finally:
        application.active -= 1


def _applications(configuration: Configuration) -> list[Application]:
    return [mapping.state for mapping in configuration.mappings if mapping.handler.prefix == PREFIX]
