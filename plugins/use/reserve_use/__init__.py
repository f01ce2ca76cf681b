"""Puts Python's web applications and middleware into the mappings.

    { "match": "^/api/", "use": "shop.main:app" }
    { "use": "starlette.middleware.gzip:GZipMiddleware", "options": { "minimum_size": 500 } }

The first answers by an application: ASGI, WSGI or Tornado. The second puts ASGI middleware around all mappings behind
it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from reserve_core import hookimpl

if TYPE_CHECKING:
    from reserve_core import Configuration, LiveConfiguration, Mapping, Prediction, Request, Resources, Response

    from .application import Application
    from .options import Options
    from .shared_application import SharedApplication


@hookimpl
def schema() -> type[Options]:
    from .options import Options

    return Options


@hookimpl
async def validate(mapping: Mapping, configuration: Configuration) -> None:
    """Imports the application, and keeps what is to be run as state."""
    from reserve_core import Reference

    from .options import DEFAULT_NAME
    from .shared_application import SharedApplication

    value = mapping.value
    target = Reference(value, mapping.cwd, DEFAULT_NAME).load() if isinstance(value, str) else value
    name = value if isinstance(value, str) else repr(value)
    mapping.state = SharedApplication.of(target, name, mapping)


@hookimpl
async def lifespan(mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
    """Keeps the running application as state: the same one for all mappings that use it so, also after a reload."""
    from .shared_application import running_application

    mapping.state = await resources.share(running_application, mapping.state)
    yield


@hookimpl
async def redirect(
    request: Request,
    response: Response,
    mapping: Mapping,
    match: re.Match[str],
    redirect: Any,
    configuration: LiveConfiguration,
) -> None:
    application: Application = mapping.state
    await application.serve(request, response)


@hookimpl
def explain(mapping: Mapping) -> Prediction:
    from reserve_core import Prediction

    use: SharedApplication = mapping.state
    name = use.application.name
    if use.application.is_middleware:
        return Prediction.undecided(f"{name} responds itself, or has the mappings behind it respond")
    return Prediction.responds(f"as {name} does")
