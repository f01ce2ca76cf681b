"""`reserve explain`: which mapping responds to a request, and why the others don't."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import click

from ..errors import ConfigError, HTTPError
from ..tokens import is_token
from .command_process import run
from .exit_codes import Mistakes, Unusable, printable_lines
from .json_output import json_option, print_json
from .no_plugin_option import installed, no_plugin
from .parameter_types import complete_file
from .serve_options import DEFAULT_FILES, default_file

if TYPE_CHECKING:
    from ..config import Configuration
    from ..explanation.steps import Explanation
    from ..plugins import Plugins

_NOTHING = 1  # the exit code when no mapping responds


def _header(ctx: click.Context, param: click.Parameter, lines: tuple[str, ...]) -> list[tuple[str, str]]:
    found = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not is_token(name) or "\n" in value:
            raise click.BadParameter(f"{line!r} is no header: write 'Accept: text/html'", ctx, param)
        found.append((name, value.lstrip(" \t")))
    return found


def _body(ctx: click.Context, param: click.Parameter, text: str | None) -> bytes | None:
    if text is None or not text.startswith("@"):
        return None if text is None else os.fsencode(text)
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise click.BadParameter(f"{text[1:]} can't be read: {error.strerror}", ctx, param) from error


def _asked(ctx: click.Context, param: click.Parameter, words: tuple[str, ...]) -> tuple[str | None, str] | None:
    """The method, if it's given, and the URL."""
    if not words:
        return None
    if len(words) > 2:
        raise click.BadParameter(f"{words[2]!r} is one too many: write GET /path", ctx, param)
    method, url = words if len(words) == 2 else (None, words[0])
    if method is not None and not is_token(method):
        raise click.BadParameter(f"{method!r} is no method: write GET {url}", ctx, param)
    if not url.startswith(("/", "http://", "https://")):
        raise click.BadParameter(f"{url!r} is no URL: write /{url} or http://localhost/{url}", ctx, param)
    return method, url


@click.command(short_help="Explain which mapping responds to a request, and why the others don't.")
@click.argument("asked", metavar="[METHOD] URL", nargs=-1, callback=_asked)
@click.option(
    *("-c", "--config", "file"),
    metavar="FILE",
    shell_complete=complete_file,
    help="Explain this configuration.  [default: reserve.json, .yaml or .toml]",
)
@click.option(
    *("-H", "--header", "headers"),
    metavar="HEADER",
    multiple=True,
    callback=_header,
    help="A header of the request, 'Accept: text/html'; can be repeated.",
)
@click.option(
    *("-d", "--data", "body"),
    metavar="TEXT",
    callback=_body,
    help="The body of the request, or @FILE. Without a METHOD it is POST then.",
)
@click.option("--run", "really", is_flag=True, help="Really ask: run the code, and ask the servers, that decide.")
@click.option("--all", "whole", is_flag=True, help="Explain the list instead: what no request reaches, and why.")
@click.option("--server", metavar="SOCKET", help="Ask the server that was started with --explain SOCKET.")
@json_option(
    'Print JSON: {"method", "url", "outcome", "status", "steps": [{"url", "mapping", "file", "line", "prefix",'
    ' "outcome", "reason", "text", "value", "redirect", "status", "time_spent"}]}.'
)
@no_plugin
@click.pass_context
def explain(
    ctx: click.Context,
    asked: tuple[str | None, str] | None,
    file: str | None,
    headers: list[tuple[str, str]],
    body: bytes | None,
    really: bool,
    whole: bool,
    server: str | None,
    as_json: bool,
) -> None:
    """Explain which mapping responds to a request, and why the others don't.

    Nothing is sent, and no code of yours runs: where it would decide, both ways are shown, and --run really asks. The
    exit code is 0 if a mapping responds, or may, 1 if none does, and 2 if what was given can't be used.
    """
    if whole == (asked is not None):
        raise click.UsageError("Name a request, GET /path, or --all for the list as a whole", ctx)
    if server is not None and (whole or really):
        raise click.UsageError(f"A server only explains requests: leave {'--all' if whole else '--run'} out", ctx)
    if asked is None:
        _explain_all(run(_checked(file, installed(ctx))), as_json)
        return
    request = _Asked.of(*asked, headers, body)
    if server is None:
        explanation = run(_explain(file, installed(ctx), request, really))
    else:
        explanation = run(_explain_there(server, file, request))
    if as_json:
        print_json(explanation.as_json())
    else:
        from ..explanation.report import report

        click.echo(printable_lines(report(explanation)))
    ctx.exit(_NOTHING if explanation.outcome == "nothing" else 0)


class _Asked(NamedTuple):
    """The request that is asked about; `url` is its path and query."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes

    @classmethod
    def of(cls, method: str | None, url: str, headers: list[tuple[str, str]], body: bytes | None) -> _Asked:
        """The request, whose `url` may be absolute. Without `method` it is a GET, or a POST if it has a `body`."""
        parts = urlsplit(url)
        if parts.netloc:
            url = urlunsplit(("", "", parts.path or "/", parts.query, ""))
            if not any(name.lower() == "host" for name, _ in headers):
                headers = [*headers, ("host", parts.netloc.rpartition("@")[2])]
        return cls(method or ("GET" if body is None else "POST"), url, headers, body or b"")


async def _checked(file: str | None, plugins: Plugins) -> Configuration:
    from ..config import check, read

    try:
        return await check(read(file or default_file() or DEFAULT_FILES[0]), plugins)
    except ConfigError as error:
        raise Mistakes(error.problems) from error


async def _explain(file: str | None, plugins: Plugins, asked: _Asked, really: bool) -> Explanation:
    from ..explanation.walk import explain
    from ..mock import mock, request_of

    configuration = await _checked(file, plugins)
    try:
        if not really:
            return explain(configuration, request_of(*asked, configuration.limits.max_body))
        async with await mock(configuration) as site:
            response = await site.request(*asked)
    except HTTPError as error:
        raise Unusable(f"{asked.url!r} is no URL that a client could send: {error.reason}") from error
    assert response.trace is not None  # a mock's has one
    return response.trace.explanation()


async def _explain_there(server: str, file: str | None, asked: _Asked) -> Explanation:
    from ..explanation.steps import Explanation
    from .explain_socket import ask

    question = {"config": file, "method": asked.method, "url": asked.url, "headers": asked.headers}
    return Explanation.from_json(await ask(server, question))


def _explain_all(configuration: Configuration, as_json: bool) -> None:
    from ..explanation.overview import overview

    entries = overview(configuration)
    if as_json:
        print_json([entry.as_json() for entry in entries])
    else:
        click.echo(printable_lines("\n".join(map(str, entries))))
