"""The command `reserve resend`."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reserve_core.cli import CannotRun, Number, Unusable
from reserve_core.kit import printable

from ..command_options import signing_of, signing_options, token_option
from ..mirror_client import MIRROR_URL, ask

if TYPE_CHECKING:
    import re
    from urllib.parse import SplitResult

    from ..request_files import FiledRequest
    from ..sending.http_exchange import HTTPResponse
    from ..sending.outgoing_request import SentRequest

_MIRROR_TIMEOUT = 30.0  # seconds for its response
_ADDRESS = "http://HOST/v/CODE#ID, as Copy link on the mirror's page has it, or without #ID for the newest"


@click.command(short_help="Send a recorded request again.")
@click.argument("source", metavar="URL-OR-FILE")
@click.option(
    "--to",
    metavar="URL",
    required=True,
    help="Send it to this server, with its path below the mirror's URL behind that of URL.",
)
@click.option("--path", metavar="PATH", help="Send it to this path instead, with its query, behind that of --to.")
@signing_options
@click.option(
    "--timeout", metavar="SECONDS", type=Number(0.001, 3600), default=30, show_default=True, help="For a response."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each response.")
@token_option
def resend(source: str, to: str, token: str | None, timeout: float, as_json: bool, **changes: str | None) -> None:
    """Send a recorded request again, from this machine to any server, byte by byte as it came.

    URL is the address of a request on a mirror's page, which has its id at the end; without one the newest is sent.
    FILE is what the page saves, JSON or HAR, what reserve wait prints, or a request as it goes over the wire; all its
    requests are sent, in their order. Authorization and cookies go along. A redirect is a response, and isn't followed.

    The exit code is 0 when there is a response, whatever its status; 1 when there is none, or a request isn't whole; 2
    when what was given can't be used.
    """
    from ..sending.outgoing_request import target_url

    try:
        url = target_url(to)
        requests = _recorded(source, token)
        sent = [_changed(request, **changes) for request in requests]
    except ValueError as error:
        raise Unusable(str(error)) from error
    complete = True
    for request, outgoing in zip(requests, sent, strict=True):
        complete = _send(request, outgoing, url, timeout, as_json=as_json) and complete
    if not complete:
        raise CannotRun("Not all of it was sent again" if len(requests) > 1 else "It wasn't sent again")


def _recorded(source: str, token: str | None) -> list[FiledRequest]:
    """The requests that are meant. Raises ValueError and `Unusable`."""
    from ..request_files import requests_in

    match = MIRROR_URL.fullmatch(source)
    if match is not None:
        return requests_in(json.dumps(_details(source, match, token)).encode())
    if source.startswith(("http://", "https://")):
        raise Unusable(f"{source} is not the URL of a request: {_ADDRESS}")
    try:
        data = Path(source).read_bytes()
    except OSError as error:
        raise Unusable(f"{source} can't be read: {error.strerror}") from error
    try:
        return requests_in(data)
    except ValueError as error:
        raise Unusable(f"{source} {error}") from error


def _details(source: str, match: re.Match[str], token: str | None) -> object:
    """The request at a URL, by default the newest, as the API has it. Raises `Unusable`."""
    requests = f"{match['base']}/api/mirrors/{match['code']}/requests"
    path = (match["path"] or "").strip("/")
    in_api = match["kind"] == "api/mirrors" and path.startswith("requests/")
    if (path and not in_api) or match["query"]:
        raise Unusable(f"{source} is not the URL of a request: {_ADDRESS}")
    request_id = source.partition("#")[2] or path.removeprefix("requests/").partition("/")[0]
    if not request_id:
        newest = _asked(requests, [("order", "desc"), ("limit", "1")], token)["requests"]
        if not newest:
            raise Unusable(f"{source}: this mirror has no request yet")
        request_id = newest[0]["id"]
    return _asked(f"{requests}/{request_id}", [], token)


def _changed(request: FiledRequest, path: str | None, **signing: str | None) -> SentRequest:
    """What is sent of a request besides its body. Raises ValueError and `Unusable`."""
    from .changes import changed

    sent, body = changed(request.sent, request.request.body, {} if path is None else {"path": path})
    sign = signing_of(**signing)
    return sent if sign is None else sign(sent, body)


def _send(request: FiledRequest, sent: SentRequest, url: SplitResult, timeout: float, *, as_json: bool) -> bool:
    """Sends a request, and tells what came of it. Returns whether there is a response."""
    import asyncio

    from ..sending.http_exchange import NoResponse, exchange
    from ..sending.outgoing_request import request_bytes, request_target

    named = f"{sent['method']} {url.scheme}://{url.netloc}{request_target(sent, url)}"
    if request.request.incomplete:
        click.echo(printable(f"{named} isn't sent: {request.request.incomplete}"), err=True)
        return False
    data = request_bytes(sent, request.request.body, url)
    try:
        response = asyncio.run(exchange(url, data, timeout=timeout, is_head=sent["method"] == "HEAD"))
    except NoResponse as error:
        click.echo(printable(f"{named}: {error}"), err=True)
        return False
    _tell(named, response, as_json=as_json)
    return True


def _tell(named: str, response: HTTPResponse, *, as_json: bool) -> None:
    from ..request_details import body_as_text

    text, encoding = body_as_text(response.body)
    if as_json:
        told = {
            "status": response.status,
            "headers": response.headers,
            "body": text,
            "body_encoding": encoding,
            "duration_ms": round(response.duration, 1),
        }
        click.echo(json.dumps(told))
        return
    reason = next((f" {each.phrase}" for each in HTTPStatus if each == response.status), "")
    click.echo(printable(f"{named} → {response.status}{reason}, {response.duration:.0f} ms"))
    if text:
        shown = [printable(line) for line in text.splitlines()] if encoding == "utf-8" else [f"{response.size} bytes"]
        click.echo("\n".join(shown))


def _asked(url: str, query: list[tuple[str, str]], token: str | None) -> dict[str, list[dict[str, str]]]:
    """The JSON of a mirror's response. Raises `Unusable` when it has none, or an error."""
    try:
        status, found = ask(url, query, token, _MIRROR_TIMEOUT)
    except OSError as error:
        raise Unusable(str(error)) from error
    if status != 200:
        raise Unusable(f"{url}: {found.get('error', f'it responds with {status}')}")
    return found
