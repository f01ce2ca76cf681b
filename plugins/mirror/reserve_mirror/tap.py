"""The prefix `tap`: records requests, and what the later mappings answer to them, without changing either.

    { "match": "^/api/", "tap": "orders" }

They are shown by the mirror `orders`, in the store of the configuration's `mirror` mapping: it's the first one's if
there are more. Without any, another process shows them: then $REDIS_URL names the Redis they share.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from reserve_core import ConfigError, hookimpl

from . import mount as mounts
from .mount import MIRROR, TAP
from .refused import passed

if TYPE_CHECKING:
    from reserve_core import Configuration, Event, Mapping, Request, Response, Server

    from .mount import Mount


@dataclass(slots=True)
class Tap:
    """The state of a mapping: its mount is found when all mappings are known."""

    mount: Mount | None = None


@hookimpl
def schema() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            TAP: {
                "description": "The mirror to record to: a code, made when it is missed; with groups in it ($1) each"
                " one is made as it comes",
                "type": "string",
                "minLength": 1,
            },
        },
        "required": [TAP],
    }


@hookimpl
async def validate(mapping: Mapping) -> None:
    from .options import CODE_RULE, is_code

    import_module(".recorder", __package__)  # no request shall wait for it
    if mapping.template is None and not is_code(mapping.value):
        raise ConfigError(f'"{TAP}": {mapping.value!r} is no code of a mirror', f"A code has {CODE_RULE}")
    mapping.state = Tap()


@hookimpl
async def startup(server: Server) -> None:
    configuration = server.configuration
    taps = [mapping for mapping in configuration.mappings if mapping.handler.prefix == TAP]
    for mapping in taps:
        mount = _mount(mapping, configuration)
        if mount.options.redis_url is None and not _has_mirror(configuration):
            raise ConfigError(
                f'{mapping.label}: what "{TAP}" records is shown nowhere',
                'Add a mirror, {"match": "^/mirror(/.*)?$", "mirror": "$1"}, or name the Redis of one: REDIS_URL=...',
            )
    if taps:
        await mounts.start(configuration)


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
    from .options import is_code
    from .recorder import Recorder

    mount = _mount(mapping, configuration)
    if is_code(redirect):
        Recorder(mount, redirect, request, response, lambda work: mounts.run(configuration, work)).begin()


@hookimpl
def refused(event: Event) -> None:
    if event.server is None:
        return
    configuration = event.server.configuration
    for mapping, code in passed(event, configuration, TAP):
        from .options import is_code
        from .recorder import record_refused

        if is_code(code):
            mounts.run(configuration, record_refused(_mount(mapping, configuration), code, event))


def _mount(mapping: Mapping, configuration: Configuration) -> Mount:
    tap: Tap = mapping.state
    if tap.mount is None:
        from .options import read_options

        mirrors = (each.state for each in configuration.mappings if each.handler.prefix == MIRROR)
        tap.mount = next(mirrors, None) or mounts.mount(read_options({}), configuration)
        if mapping.template is None:
            tap.mount.store.keep(mapping.value, tap.mount.settings)
    return tap.mount


def _has_mirror(configuration: Configuration) -> bool:
    return any(mapping.handler.prefix == MIRROR for mapping in configuration.mappings)
