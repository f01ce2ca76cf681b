"""Shows the requests that are sent to it on a live page.

    { "match": "^/mirror(/.*)?$", "mirror": "$1" }

mounts it at /mirror/: pages, API, WebSocket, and under /mirror/r/CODE whatever is to be captured.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from reserve_core import hookimpl

from . import mount as mounts
from .refused import passed

if TYPE_CHECKING:
    import click

    from reserve_core import Configuration, Event, Mapping, Request, Response, Server

    from .mount import Mount


@hookimpl
def schema() -> dict[str, Any]:
    from .options import PROPERTIES  # what a mirror needs is imported where there is one

    return {"type": "object", "properties": PROPERTIES, "required": ["mirror"]}


@hookimpl
async def validate(mapping: Mapping, configuration: Configuration) -> None:
    """Keeps as state the mounted mirror."""
    from .options import read_options

    for module in (".capture", ".routes"):
        import_module(module, __name__)  # no request shall wait for it
    mapping.state = mounts.mount(read_options(mapping.properties), configuration)
    mapping.final = True


@hookimpl
async def startup(server: Server) -> None:
    await mounts.start(server.configuration)


@hookimpl
def reloaded(event: Event) -> None:
    if event.server is not None:
        mounts.restart(event.server.configuration)


@hookimpl
async def shutdown(server: Server) -> None:
    await mounts.close(server.configuration)


@hookimpl
async def redirect(
    request: Request,
    response: Response,
    mapping: Mapping,
    match: re.Match[str],
    redirect: str,
    configuration: Configuration,
) -> None:
    mount: Mount = mapping.state
    if redirect.startswith("/r/"):
        from .capture import capture

        await capture(mount, request, response, redirect[3:])
    else:
        from .routes import answer

        await answer(mount, request, response, redirect)


@hookimpl
def refused(event: Event) -> None:
    if event.server is None:
        return
    configuration = event.server.configuration
    for mapping, redirect in passed(event, configuration, mounts.MIRROR):
        from .capture import capture_refused

        mounts.run(configuration, capture_refused(mapping.state, event, redirect))


@hookimpl
def commands(cli: click.Group) -> None:
    from .command import add_commands

    add_commands(cli)
