"""Shows pages of your own in place of errors.

    { "match": "^/", "errors": { "404": "./404.html", "5xx": "./sorry.html" } }

stands before the mappings that it is about. Who asks for HTML sees the page, with the status as it was.
"""

from __future__ import annotations

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
    """Keeps the pages as state."""
    from .error_pages import ErrorPage, ErrorPages

    options: Options = mapping.options
    pages = {status: ErrorPage(mapping.cwd / path) for status, path in options.errors.items()}
    mapping.state = ErrorPages(pages, options.intercept)
    mapping.template = None  # the paths are as they stand there
    for status, page in pages.items():
        if not page.exists:
            path = options.errors[status]
            mapping.warn(f'"{status}": {path} is no file', "Until there is one, the error is shown as it is", "errors")
    if not pages:
        mapping.warn("No error has a page", 'Write "errors": {"404": "./404.html"}', "errors")


@hookimpl
async def redirect(request: Request, response: Response, mapping: Mapping) -> None:
    from reserve_core.kit import first_time

    from .error_pages import ErrorPageWriter

    if first_time(request, mapping.state):
        ErrorPageWriter(request, response, mapping.state)


@hookimpl
def explain(mapping: Mapping) -> Prediction:
    from reserve_core import Prediction

    pages = ", ".join(f"{path} for {status}" for status, path in mapping.options.errors.items())
    return Prediction.passes(f"shows {pages}" if pages else "shows no page")
