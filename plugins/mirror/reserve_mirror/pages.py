"""The pages, and the files they are made of."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path
from typing import Any

from tornado.template import Loader

from reserve_core import HTTPError
from reserve_core.kit import with_charset

from . import creation
from .call_context import SAFETY, CallContext
from .codes import CODE, CODE_RULE
from .page_script import page_script

_FOLDER = Path(__file__).parent
_STATIC = _FOLDER / "static"
# The style sheet in its parts, in the order in which they apply: a part for each component.
_STYLES = (
    *(
        "base",
        "controls",
        "bar",
        "list",
        "detail",
        "signature",
        "body",
        "trace",
        "syntax",
        "welcome",
        "overlays",
        "marks",
    ),
    "home",
)
# The scripts that pages name; what these import comes with them.
_SCRIPTS = (_STATIC / "mirror.js", _STATIC / "home.js")

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_templates = Loader(str(_FOLDER / "templates"), autoescape="xhtml_escape")

_TITLES = {
    401: "A token is needed",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible",
    429: "Too many",
    503: "Not available now",
}
# What the home page says of a mirror that can't be created.
_PROBLEMS = {403: "forbidden", 409: "taken", 422: "invalid"}


async def show_home_page(call: CallContext) -> None:
    _show_home(call, 200, "", "")


async def create_mirror_by_form(call: CallContext) -> None:
    """Creates the mirror that the form asks for, and sends the browser to its page."""
    await call.body()
    await _create(call, (await call.request.form()).fields.get("code", "").strip())


async def create_new_mirror(call: CallContext) -> None:
    """Creates a mirror for who has typed this address, and shows the home page to anybody else: a link on another site
    creates none, nor does a browser that loads a page before it's asked for, or a program that looks at links.
    """
    headers = call.request.headers
    is_typed = headers.get("sec-fetch-site") in ("none", "same-origin") and headers.get("sec-fetch-user") == "?1"
    if is_typed and call.request.method == "GET" and "sec-purpose" not in headers:
        await _create(call, "")
    else:
        await show_home_page(call)


async def show_mirror_page(call: CallContext) -> None:
    state = await call.state(renew=True)
    show(call, 200, "mirror.html", {"mirror": call.mirror(state), "key": call.key})


async def send_static_file(call: CallContext) -> None:
    """A script, a style or an image of the pages; they are ours, nothing that was recorded."""
    path = (_STATIC / call.arguments["name"]).resolve()
    if path == _STATIC / "mirror.css":
        # One request for all of it: a page that waits for several, of six at once, is seen later.
        data = b"\n".join((_FOLDER / f"styles/{name}.css").read_bytes() for name in _STYLES)
    elif path in _SCRIPTS:
        data = page_script(path)
    elif path.is_relative_to(_STATIC) and path.is_file():
        data = path.read_bytes()
    else:
        raise HTTPError(404, "There is no such file")
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = (*SAFETY[:-1], ("cache-control", "no-cache"), ("etag", etag), ("content-security-policy", CSP))
    if call.request.headers.get("if-none-match") == etag:
        call.response.send(b"", 304, headers)
        return
    content_type = with_charset(mimetypes.guess_type(path.name)[0] or "application/octet-stream")
    call.response.send(data, 200, (*headers, ("content-type", content_type)))


def show_error(call: CallContext, status: int, text: str, *headers: tuple[str, str]) -> None:
    values = {"status": status, "title": _TITLES.get(status, "Sorry"), "text": text}
    show(call, status, "error.html", values, *headers)


def show(call: CallContext, status: int, template: str, values: dict[str, Any], *headers: tuple[str, str]) -> None:
    """Sends a page."""
    page = _templates.load(template).generate(root=call.root, **values)
    content_type = ("content-type", with_charset("text/html"))
    call.response.send(page, status, (*SAFETY, ("content-security-policy", CSP), content_type, *headers))


async def _create(call: CallContext, wanted: str) -> None:
    """Creates a mirror, with "" of a random name, and sends the browser to its page."""
    try:
        key = await creation.create_mirror(call, wanted, call.mount.settings)
    except HTTPError as error:
        _show_home(call, error.status, wanted, _PROBLEMS[error.status])
    else:
        call.response.send(b"", 303, (*SAFETY, ("location", f"{call.root}v/{key.name}")))


def _show_home(call: CallContext, status: int, code: str, problem: str) -> None:
    values = {
        "allow_create": call.mount.options.allow_create,
        "public": call.mount.options.public,
        "code": code,
        "code_pattern": CODE,
        "code_rule": CODE_RULE,
        "problem": problem,
    }
    show(call, status, "home.html", values)
