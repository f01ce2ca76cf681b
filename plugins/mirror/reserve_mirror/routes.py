"""The routes of the pages and of the API, and the rules that hold for all of them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import urlencode

from reserve_core import HTTPError, Request, Response, ResponseCut

from . import api, cross_origin, event_stream, group_call, health, page_socket, pages
from .call_context import SAFETY, CallContext
from .codes import CODE, GROUP, is_code, why_no_code
from .mirror_mount import MirrorMount
from .request_details import to_json
from .store import Unavailable

TOKEN = "token"  # noqa: S105  # the parameter by which a browser gets the cookie, not the secret


class Route(NamedTuple):
    """`path` is a pattern of the whole path below the mount. `guarded`: for pages of this origin only. `changes`: it's
    for those who may do more than look at the mirror.

    `parameters` are those that the query may have, "header." any that begins so; None: nobody looks. An `open` route
    needs no token, and may be asked by any host name.
    """

    method: str
    path: re.Pattern[str]
    handle: Callable[[CallContext], Awaitable[None]]
    guarded: bool
    changes: bool
    parameters: tuple[str, ...] | None
    open: bool


def _route(
    method: str,
    path: str,
    handle: Callable[[CallContext], Awaitable[None]],
    *parameters: str,
    open: bool = False,  # noqa: A002
) -> Route:
    pattern = path.replace("{code}", f"(?P<code>{CODE})").replace(
        "{id}", rf"(?P<id>{api.LATEST}|[0-9]{{1,15}}-[0-9]{{1,15}})"
    )
    # A WebSocket begins as a GET, yet a browser opens it for any page.
    guarded = method != "GET" or handle is page_socket.follow_mirror
    known = parameters if path.startswith(_DATA) else None
    changes = method != "GET" and "{code}" in path
    return Route(method, re.compile(pattern, re.ASCII), handle, guarded, changes, known, open)


# Where programs ask; the rest are pages.
_API = "/api/"
_DATA = (_API, "/ws/", "/openapi.json")

_OF_A_MIRROR = re.compile("/(?:v|ws|api/mirrors)/(?P<code>[^/]+)")
_MIRROR = "/api/mirrors/{code}"
_REQUEST = f"{_MIRROR}/requests/{{id}}"

ROUTES = (
    _route("GET", "/", pages.show_home_page),
    _route("POST", "/", pages.create_mirror_by_form),
    _route("GET", "/new", pages.create_new_mirror),
    _route("GET", "/v/{code}", pages.show_mirror_page),
    _route("GET", "/static/(?P<name>[A-Za-z0-9_./-]+)", pages.send_static_file, open=True),
    _route("GET", "/healthz", health.tell_alive, open=True),
    _route("GET", "/readyz", health.tell_ready, open=True),
    _route("GET", "/openapi.json", api.describe, open=True),
    _route("GET", "/ws/{code}", page_socket.follow_mirror, "after"),
    _route("POST", "/api/mirrors", api.create_mirror),
    _route("GET", _MIRROR, api.show_mirror),
    _route("PATCH", _MIRROR, api.change_mirror, "dry-run"),
    _route("DELETE", _MIRROR, api.delete_mirror),
    _route("GET", f"{_MIRROR}/requests", api.list_requests, *api.LIST_PARAMETERS),
    _route("DELETE", f"{_MIRROR}/requests", api.clear_requests, "last"),
    _route("GET", rf"{_MIRROR}/requests\.json", api.export_json, *api.EXPORT_PARAMETERS),
    _route("GET", rf"{_MIRROR}/requests\.har", api.export_har, *api.EXPORT_PARAMETERS),
    _route("GET", rf"{_MIRROR}/requests\.zip", api.export_pairs, *api.EXPORT_PARAMETERS),
    _route("GET", f"{_MIRROR}/events", event_stream.stream_events, "after"),
    _route("POST", f"{_MIRROR}/groups/(?P<group>{GROUP})/next", group_call.take_turn),
    _route("GET", f"{_MIRROR}/wait", api.wait_for_requests, *api.WAIT_PARAMETERS),
    _route("GET", _REQUEST, api.show_request),
    _route("DELETE", _REQUEST, api.delete_request),
    _route("POST", f"{_REQUEST}/resend", api.resend_request),
    _route("GET", f"{_REQUEST}/body", api.download_body),
    _route("GET", f"{_REQUEST}/files/(?P<number>[0-9]{{1,4}})", api.download_file),
    _route("POST", f"{_REQUEST}/response", api.keep_forwarded),
    _route("GET", f"{_REQUEST}/response/body", api.download_response_body),
)


async def handle(mount: MirrorMount, request: Request, response: Response, target: str) -> None:
    """Answers a request to a page or to the API. `target` is the path and the query below the mount."""
    path = target.partition("?")[0]
    full = request.path
    base = full.removesuffix(path).rstrip("/") if full.endswith(path) else ""
    call = CallContext(mount, request, response, mount.access.caller(request), base, path, {})
    try:
        await _handle(call)
    except HTTPError as error:
        _refuse(call, error.status, error.reason, error.headers)
    except Unavailable as error:
        request.state["outcome"] = error.outcome
        _refuse(call, error.status, str(error), {"retry-after": str(error.retry_after)})


async def _handle(call: CallContext) -> None:
    if not call.path:  # the mount itself, without the slash that relative links need
        _send_to_slash(call)
        return
    origin = _allowed_origin(call)
    if origin is not None and cross_origin.is_preflight(call):
        call.mount.access.check(call.request, call.caller, guarded=False)
        cross_origin.allow_preflight(call)
        return
    route = _find(call)
    if not route.open:
        call.mount.access.check(call.request, call.caller, route.guarded and origin is None)
        if not _is_admitted(call, origin is None):
            return
        if origin is not None and route.handle is api.resend_request:
            raise HTTPError(403, "No page but the mirror's own sends requests again, whatever allowed-origins says")
    if route.parameters is not None:
        _check_parameters(call, route.parameters)
    if route.changes and not call.key.may_change:
        await call.state()
        raise HTTPError(403, "This link is for looking only: who has the mirror's own can change it")
    await route.handle(call)


def _allowed_origin(call: CallContext) -> str | None:
    """The origin of the other page that sends the call, if it's one that may use the API."""
    access = call.mount.access
    if not (access.allows_origins and call.path.startswith(_API)):
        return None
    origin = access.allowed_origin(call.request, call.caller)
    cross_origin.allow_origin(call, origin)
    return origin


def _find(call: CallContext) -> Route:
    """The route of a call. Raises `HTTPError` 404 and 405."""
    method = "GET" if call.request.method == "HEAD" else call.request.method
    allowed: list[str] = []
    for route in ROUTES:
        match = route.path.fullmatch(call.path)
        if match is not None:
            if route.method == method:
                call.arguments = match.groupdict()
                return route
            allowed.append(route.method)
    if allowed:
        raise HTTPError(405, f"{call.request.method} is not allowed here", {"allow": ", ".join(allowed)})
    named = _OF_A_MIRROR.match(call.path)
    if named is not None and not is_code(named["code"]):
        raise HTTPError(404, why_no_code(named["code"]))
    raise HTTPError(404, "There is nothing here")


def _check_parameters(call: CallContext, known: tuple[str, ...]) -> None:
    """Raises `HTTPError` 400 for a parameter that would be ignored."""
    query = call.request.query
    beginnings = tuple(each for each in known if each.endswith("."))
    for name in query:
        if name == TOKEN or (name.startswith(beginnings) and name not in beginnings):
            continue
        if name not in known or name in beginnings:
            allowed = ", ".join(f"{each}NAME" if each.endswith(".") else each for each in known)
            raise HTTPError(400, f"There is no parameter {name!r} here: {allowed or 'there are none'}")
        if len(query.getall(name)) > 1:
            raise HTTPError(400, f"The parameter {name!r} is given more than once")


def _is_admitted(call: CallContext, by_cookie: bool) -> bool:
    """Whether the call has the token. If not, its response is sent: the cookie, for a right `?token=`."""
    access = call.mount.access
    if access.is_allowed(call.request, by_cookie):
        return True
    query = call.request.query
    if call.request.method != "GET" or not by_cookie or not access.matches_token(query.get(TOKEN, "")):
        raise HTTPError(
            401,
            "This mirror is protected by a token: open its page once with ?token=..., or send Authorization: Bearer,"
            " as commands do with --token",
            {"www-authenticate": 'Bearer realm="mirror"'},
        )
    rest = urlencode([(name, value) for name, value in query.items() if name != TOKEN])
    name = call.path.rpartition("/")[2] or "./"
    location = f"{name}?{rest}" if rest else name
    cookie = access.cookie(call.caller, call.base)
    call.response.send(b"", 303, (*SAFETY, ("location", location), ("set-cookie", cookie)))
    return False


def _send_to_slash(call: CallContext) -> None:
    raw, _, query = call.request.raw_target.partition("?")
    location = f"./{raw.rpartition('/')[2]}/" + (f"?{query}" if query else "")
    call.response.send(b"", 308, (*SAFETY, ("location", location)))


def _refuse(call: CallContext, status: int, reason: str, headers: dict[str, str]) -> None:
    if call.response.headers_sent:
        raise ResponseCut(reason)  # in the middle of a response
    pairs = tuple(headers.items())
    if call.path.startswith(_DATA):
        call.send(to_json({"error": reason}), "application/json", status, *pairs)
    else:
        pages.show_error(call, status, reason, *pairs)
