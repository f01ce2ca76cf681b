"""The one address of a folder: with a slash at its end, so that the relative links of its page lead into it."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable

from reserve_core import Mapping, Request, Response
from reserve_core.kit import canonical_url

from .options import Options
from .paths import PathTemplate


async def redirect_folder(
    request: Request,
    response: Response,
    mapping: Mapping,
    redirect: str,
    template: PathTemplate,
    is_folder: Callable[[str], bool],
) -> bool:
    """Sends a client that has named a folder without its slash to the same folder with it. Returns whether it did.

    Only where the client can see what the URL has to do with the folder: the URL is its own, and the response isn't
    another one's page, such as that of a 404. And only where `mapping` takes the new URL as well and makes of it a path
    for which `is_folder` says that it's the same folder.
    """
    options: Options = mapping.options
    if not options.redirect_folders or request.path.endswith("/"):
        return False
    if request.rewritten or request.internal or response.status != 200:
        return False
    path, question, query = request.raw_url.partition("?")
    # Two slashes at the beginning would be followed by another host (RFC 3986 4.2).
    location = f"/{path.strip('/')}/{question}{query}"
    value = await _value(request, mapping, redirect, canonical_url(location))
    requested = None if value is None else template.resolve(template.key(value), dotfiles=options.dotfiles)
    if requested is None or requested.file_only or not is_folder(requested.path):
        return False
    response.send(b"", 301, {"location": location, "cache-control": "no-store"})
    return True


async def _value(request: Request, mapping: Mapping, redirect: str, url: str) -> str | None:
    """What `mapping` makes of `url`; None when it doesn't take it. Of the request's own URL it makes `redirect`."""
    match = mapping.match(request.method, url, request.hostname)
    if match is None:
        return None
    if mapping.if_match is not None:
        condition = mapping.if_match(request, url, match)
        if not (await condition if isawaitable(condition) else condition):
            return None
    return redirect if mapping.template is None else str(mapping.template(match))
