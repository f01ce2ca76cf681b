"""Sets, adds and removes headers of whatever response the mappings behind it give, and of the request.

    { "match": "^/", "headers": { "x-frame-options": "DENY", "server": null } }

stands before the mappings that it is about. A response is changed while it is sent: those of files, of other servers
and of applications, and those that the server gives itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reserve_core import hookimpl

if TYPE_CHECKING:
    from reserve_core import Mapping, Prediction, Request, Response

    from .options import Options


@hookimpl
def schema() -> type[Options]:
    from .options import Options  # what a mapping needs is imported where there is one

    return Options


@hookimpl
async def validate(mapping: Mapping) -> None:
    """Keeps as state the changes of the response and of the request."""
    from .header_changes import HeaderChanges

    options: Options = mapping.options
    mapping.state = HeaderChanges(options.headers), HeaderChanges(options.request)
    mapping.template = None  # groups are put in header by header, encoded
    mapping.warn_of_groups(options.headers, "headers")
    mapping.warn_of_groups(options.request, "request")
    if not (options.headers or options.request):
        mapping.warn("No header is changed", 'Write "headers": {"x-frame-options": "DENY"}', "headers")


@hookimpl
async def redirect(request: Request, response: Response, mapping: Mapping, match: re.Match[str]) -> None:
    from reserve_core.kit import first_time

    from .header_changes import ChangingWriter

    if not first_time(request, mapping.state):
        return
    of_response, of_request = mapping.state
    if of_request:
        of_request.make(request.headers, of_request.pairs(request, match))
    if of_response:
        ChangingWriter(response, of_response, of_response.pairs(request, match))


@hookimpl
def explain(mapping: Mapping) -> Prediction:
    from reserve_core import Prediction

    of_response, of_request = mapping.state
    told = [
        f"{changes} of the {what}" for changes, what in ((of_response, "response"), (of_request, "request")) if changes
    ]
    return Prediction.passes("; ".join(told) or "changes no header")
