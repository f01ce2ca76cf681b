"""The prefix `tap`: records requests, and the responses of the later mappings, without changing either.

    { "match": "^/api/", "tap": "orders" }

They are shown by the mirror `orders`, in the store of the configuration's `mirror` mapping: it's the first one's if
there are more. Without any, another process shows them: then $REDIS_URL names the Redis they share.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from importlib import import_module
from typing import TYPE_CHECKING

from reserve_core import ConfigError, hookimpl

from .prefixes import MIRROR, TAP
from .refused_requests import mappings_reached

if TYPE_CHECKING:
    from reserve_core import Configuration, Event, LiveConfiguration, Mapping, Prediction, Request, Resources, Response

    from .mirror_mount import MirrorMount, MountPlan
    from .options import TapOptions


@hookimpl
def schema() -> type[TapOptions]:
    from .options import TapOptions

    return TapOptions


@hookimpl
async def validate(mapping: Mapping) -> None:
    from .codes import CODE_RULE, is_code

    import_module(".tap_recorder", __package__)  # no request shall wait for it
    if mapping.template is None and not is_code(mapping.value):
        raise ConfigError(f'"{TAP}": {mapping.value!r} is no code of a mirror', f"A code has {CODE_RULE}")


@hookimpl
async def validate_table(mappings: tuple[Mapping, ...], configuration: Configuration) -> None:
    """Gives the taps the plan of the mirror that shows what they record. Refuses them when there is none."""
    from .mirror_mount import plan
    from .options import Options

    taps = [mapping for mapping in mappings if mapping.handler.prefix == TAP]
    # A tap's code can be guessed.
    plans: list[MountPlan] = [mapping.state for mapping in mappings if mapping.handler.prefix == MIRROR]
    mirrors = [each for each in plans if not each.options.public]
    shown = mirrors[0] if mirrors else plan(Options(mirror=""), configuration)
    if not mirrors and shown.redis_url is None:
        raise ConfigError(
            f'What "{TAP}" records is shown nowhere',
            f"Add a mirror{' that is not public' if plans else ''},"
            ' {"match": "^/mirror(/.*)?$", "mirror": "$1"}, or name the Redis of one: REDIS_URL=...',
            mapping=taps[0],
        )
    for mapping in taps:
        mapping.state = shown


@hookimpl
async def lifespan(mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
    """The mapping's state is the mount."""
    from .mirror_mount import opened
    from .tap_trace import tracing

    codes = (mapping.value,) if mapping.template is None else ()
    options: TapOptions = mapping.options
    tracer = await resources.share(tracing, resources) if options.trace else None
    async with opened(mapping.state, codes, resources, tracer) as mapping.state:
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
    from .codes import is_code
    from .tap_recorder import TapRecorder

    if is_code(redirect):
        TapRecorder(mapping.state, redirect, request, response).begin()


@hookimpl
def refused(event: Event) -> None:
    if event.server is None:
        return
    for mapping, code in mappings_reached(event, event.server.configuration, TAP):
        from .codes import is_code
        from .tap_recorder import tap_refused

        if is_code(code):
            mount: MirrorMount = mapping.state
            mount.run(tap_refused(mount, code, event))


@hookimpl
def explain(value: str) -> Prediction:
    from reserve_core import Prediction

    return Prediction.passes(f"recorded for the mirror {value}")
