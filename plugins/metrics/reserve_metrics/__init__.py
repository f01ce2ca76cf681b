"""Shows what the server does as metrics, for Prometheus.

    { "match": "^/metrics$", "metrics": {} }

responds to who has the token of $METRICS_TOKEN. What is counted comes from the server's events, which are listened to
where there is such a mapping, and else cost nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from reserve_core import hookimpl

if TYPE_CHECKING:
    from reserve_core import Configuration, Mapping, Prediction, Request, Resources, Response

    from .metrics_page import MetricsPage
    from .options import Options


@hookimpl
def schema() -> type[Options]:
    from .options import Options

    return Options


@hookimpl
def methods() -> tuple[str, ...]:
    return ("GET", "HEAD")


@hookimpl
async def validate(mapping: Mapping, configuration: Configuration) -> None:
    """The mapping's state is what it needs to open."""
    from .options import Opening, check_client, token_of

    check_client()
    mapping.state = Opening(token_of(mapping.options), configuration.workers)
    mapping.final = True


@hookimpl
async def lifespan(mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
    """The mapping's state is the page. All of a server show the same, which goes on after a reload."""
    from .metrics_page import MetricsPage
    from .options import Opening, check_folder
    from .server_metrics import counting, server_metrics

    opening: Opening = mapping.state
    check_folder(resources.worker_folder, opening.workers)
    metrics = await resources.share(server_metrics, resources.worker_folder)
    await resources.share(counting, metrics, resources)
    mapping.state = MetricsPage(opening.token, metrics)
    yield


@hookimpl
async def redirect(request: Request, response: Response, mapping: Mapping) -> None:
    page: MetricsPage = mapping.state
    page.show(request, response)


@hookimpl
def explain() -> Prediction:
    from reserve_core import Prediction

    return Prediction.responds("the server's metrics, for who has the token")
