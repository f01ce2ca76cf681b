"""Shows the requests that are sent to it on a live page.

    { "match": "^/mirror(/.*)?$", "mirror": "$1" }

mounts it at /mirror/: pages, API, WebSocket, and under /mirror/r/CODE the requests that are recorded.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from importlib import import_module
from typing import TYPE_CHECKING

from reserve_core import hookimpl

from .prefixes import MIRROR
from .refused_requests import mappings_reached

if TYPE_CHECKING:
    import click

    from reserve_core import Configuration, Event, LiveConfiguration, Mapping, Prediction, Request, Resources, Response

    from .mirror_mount import MirrorMount, MountPlan
    from .options import Options


@hookimpl
def schema() -> type[Options]:
    from .options import Options  # what a mirror needs is imported where there is one

    return Options


@hookimpl
async def validate(mapping: Mapping, configuration: Configuration) -> None:
    """The mapping's state is the plan of its mount."""
    from .mirror_mount import plan

    for module in (".receive", ".routes"):
        import_module(module, __name__)  # no request shall wait for it
    mapping.state = plan(mapping.options, configuration)
    mapping.final = True


@hookimpl
async def lifespan(mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
    """The mapping's state is the mount."""
    from .mirror_mount import opened

    plan: MountPlan = mapping.state
    async with opened(plan, plan.options.codes, resources) as mapping.state:
        yield


@hookimpl
async def redirect(
    request: Request,
    response: Response,
    mapping: Mapping,
    match: re.Match[str],
    redirect: str,
    configuration: LiveConfiguration,
) -> None:
    mount: MirrorMount = mapping.state
    if redirect.startswith("/r/"):
        from .receive import receive

        await receive(mount, request, response, redirect[3:])
    else:
        from .routes import handle

        await handle(mount, request, response, redirect)


@hookimpl
def refused(event: Event) -> None:
    if event.server is None:
        return
    for mapping, redirect in mappings_reached(event, event.server.configuration, MIRROR):
        from .receive import receive_refused

        mount: MirrorMount = mapping.state
        mount.run(receive_refused(mount, event, redirect))


@hookimpl
def commands(cli: click.Group) -> None:
    from .mirror_commands import add_commands

    add_commands(cli)


@hookimpl
def explain(value: str) -> Prediction:
    from reserve_core import Prediction

    if value.startswith("/r/"):
        return Prediction.responds(
            f"recorded by the mirror {value[3:].partition('/')[0].partition('?')[0]}, as it is set to"
        )
    return Prediction.responds("the mirror's pages and API")
