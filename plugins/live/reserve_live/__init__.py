"""Reloads pages in the browser when files change.

    { "match": "^/", "live": "./dist" }

stands before the mappings that it is about. A script comes into the HTML documents of whatever mapping responds; it is
told by a WebSocket which files have changed. Style sheets are replaced in place, for anything else the page is
reloaded.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from reserve_core import hookimpl

if TYPE_CHECKING:
    from reserve_core import Configuration, LiveConfiguration, Mapping, Prediction, Request, Resources, Response

    from .live_site import LiveSite, SitePlan
    from .options import Options


@hookimpl
def schema() -> type[Options]:
    from .options import Options  # what a mapping needs is imported where there is one

    return Options


@hookimpl
async def validate(mapping: Mapping, configuration: Configuration) -> None:
    """Keeps as state where the pages find their script, and what is watched."""
    from .live_site import plan

    mapping.template = None  # the folders are as they stand there
    mapping.state = plan(mapping, configuration)


@hookimpl
async def validate_table(mappings: tuple[Mapping, ...]) -> None:
    """Of two mappings at one place the second one would never be asked."""
    from reserve_core import ConfigError

    from .live_site import SitePlan

    seen: dict[tuple[str, object], Mapping] = {}
    for mapping in mappings:
        site = mapping.state
        if not isinstance(site, SitePlan):
            continue
        other = seen.setdefault((site.base, mapping.host), mapping)
        if other is not mapping:
            raise ConfigError(
                f"The pages below {site.base} are live by {other.label} already",
                'Write one mapping with both folders: "live": ["./one", "./other"]',
                mapping=mapping,
            )


@hookimpl
async def lifespan(mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
    """Watches the folders, and goes on where a reload has the same."""
    from .live_site import LiveSite
    from .site_changes import site_changes

    site: SitePlan = mapping.state
    changes = await resources.share(site_changes, site.folders, site.configuration_files, site.delay)
    resources.on("reloaded", changes.reloaded)
    resources.on("reload_failed", changes.reload_failed)
    mapping.state = LiveSite(site, changes)
    yield


@hookimpl
async def redirect(request: Request, response: Response, mapping: Mapping, configuration: LiveConfiguration) -> None:
    site: LiveSite = mapping.state
    await site.respond(request, response, configuration)


@hookimpl
def explain(request: Request, mapping: Mapping) -> Prediction:
    from reserve_core import Prediction

    site: SitePlan = mapping.state
    if site.is_own(request.path):
        return Prediction.responds("what live pages are told by", 200)
    return Prediction.passes("puts the script of live pages into documents")
