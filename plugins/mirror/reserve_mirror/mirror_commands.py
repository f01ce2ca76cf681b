"""The commands `reserve mirror` and `reserve wait`, and those of the mirror that have a module of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from reserve_core import ConfigError
from reserve_core.cli import (
    PORT,
    CannotRun,
    Number,
    Unusable,
    WholeNumber,
    check_host,
    check_qr,
    no_argument,
    open_browser,
    reachable_urls,
    serve_until_signal,
    show_qr,
    tls_options,
    tls_setting,
)

from .codes import CODE_RULE, is_code
from .command_options import TOKEN_VARIABLE, token_option, when_option, word_of
from .listen.listen_command import listen
from .mirror_client import MIRROR_URL, ask, rest_of_page
from .option_values import (
    EXPIRATION_TIME,
    LONGEST_TIME,
    MAX_REQUESTS,
    MOST_REQUESTS,
    can_be_host,
    can_be_token,
    redis_url,
)
from .resend.resend_command import resend
from .verify_command import verify

if TYPE_CHECKING:
    from reserve_core import Server

    from .mirror_mount import MirrorMount


def add_commands(cli: click.Group) -> None:
    """Adds the commands of the mirror to `reserve`."""
    cli.add_command(listen)
    cli.add_command(mirror)
    cli.add_command(resend)
    cli.add_command(verify)
    cli.add_command(wait)


def _checked(is_right: Callable[[str], bool], rule: str) -> Callable[..., Any]:
    """A callback that holds the value of an option, or each of its values, to a rule."""

    def check(ctx: click.Context, option: click.Parameter, value: str | tuple[str, ...] | None) -> Any:
        for each in (value,) if isinstance(value, str) else value or ():
            if not is_right(each):
                # A secret that is almost right stays one.
                shown = "it" if option.name == "token" else repr(each)
                raise click.BadParameter(f"{shown} is not {rule}", ctx, option)
        return value

    return check


def _usable(ctx: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """The URL of a Redis, checked; it may hold a password and isn't shown."""
    if value is not None:
        try:
            redis_url(value)
        except ConfigError as error:
            (problem,) = error.problems
            said = problem.message.replace('"redis-url"', "it")
            raise click.BadParameter(f"{said}. {problem.hint}", ctx, option) from error
    return value


@click.command()
@click.option(
    "--host",
    metavar="HOST",
    default="127.0.0.1",
    envvar="RESERVE_HOST",
    callback=check_host,
    show_default=True,
    show_envvar=True,
    help="Listen here.",
)
@click.option(
    *("-p", "--port"),
    metavar="PORT",
    type=PORT,
    default=5000,
    envvar="PORT",
    show_default=True,
    show_envvar=True,
    help="Listen here; 0 takes a free one.",
)
@tls_options
@click.option(
    "--code",
    "codes",
    metavar="NAME",
    multiple=True,
    callback=_checked(is_code, CODE_RULE),
    help="A mirror that never expires; can be repeated.  [default: one with a random name, which expires]",
)
@click.option(
    "--redis-url",
    metavar="URL",
    callback=_usable,
    help="Keep requests in this Redis.  [default: $REDIS_URL, or in memory]",
)
@click.option(
    "--redis-wait",
    metavar="N",
    type=WholeNumber(1, 100),
    help="Replicas of the Redis that must have a request before its sender gets the response.  [default: none]",
)
@click.option(
    "--max-requests",
    metavar="N",
    type=WholeNumber(1, MOST_REQUESTS),
    help=f"Requests a mirror keeps.  [default: $MAX_REQUESTS, or {MAX_REQUESTS}]",
)
@click.option(
    "--expiration-time",
    metavar="SECONDS",
    type=WholeNumber(1, LONGEST_TIME),
    help=f"How long a mirror lives after its last request or visit.  [default: $EXPIRATION_TIME, or {EXPIRATION_TIME}]",
)
@click.option(
    "--resend-to",
    metavar="ORIGIN",
    multiple=True,
    help="Where the page may send requests again, such as http://localhost:3000; can be repeated.  [default: nowhere]",
)
@click.option(
    "--allowed-hosts",
    metavar="NAME",
    multiple=True,
    envvar="RESERVE_MIRROR_ALLOWED_HOSTS",
    callback=_checked(can_be_host, "a host name without a port, or .example.com for all that end so"),
    show_envvar=True,
    help="A name by which browsers may reach the pages, besides localhost and IP addresses; can be repeated.",
)
@click.option(
    "--token",
    metavar="TOKEN",
    envvar=TOKEN_VARIABLE,
    callback=_checked(can_be_token, "8 to 256 visible ASCII characters"),
    show_envvar=True,
    help="A secret that pages and API ask for; requests are recorded without.",
)
@click.option(
    "--public",
    is_flag=True,
    help="For strangers: strict limits, random codes, and other codes for who looks than for who sends.",
)
@click.option("-o", "--open", "open_page", is_flag=True, help="Open the page of the first mirror in the browser.")
@click.option(
    "--qr",
    is_flag=True,
    callback=check_qr,
    help="Show the URL of that page as a QR code, for a phone on the same network; goes with --host 0.0.0.0.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log every step of every request.")
@click.option("-q", "--silent", is_flag=True, help="Log nothing; the lines that say where the mirrors are stay.")
@no_argument("reserve mirror --code {}")
@click.pass_context
def mirror(
    ctx: click.Context,
    /,
    host: str,
    port: int,
    codes: tuple[str, ...],
    open_page: bool,
    qr: bool,
    verbose: bool,
    silent: bool,
    tls: bool,
    cert: str | None,
    key: str | None,
    **options: Any,
) -> None:
    """Show on a live page the requests that are sent to it."""
    codes = tuple(dict.fromkeys(codes))  # one that is repeated is one mirror, and told once
    if verbose and silent:
        raise click.UsageError("--verbose and --silent exclude each other: leave one out", ctx)
    if options["public"] and codes:
        raise click.UsageError("With --public codes are random, so that nobody can guess them: leave --code out", ctx)
    given = {
        name.replace("_", "-"): list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if value not in (None, (), False)
    }
    mapping = {"match": "^(/.*)$", "mirror": "$1", "codes": list(codes), **given}

    async def announce(server: Server) -> None:
        page = await _announce(server, codes)
        if page is not None and qr:
            show_qr(server.url, page)
        if page is not None and open_page:
            open_browser(reachable_urls(server.url)[0] + page)

    secure = tls_setting(host, tls=tls, cert=cert, key=key)
    configuration = {"hostname": host, "port": port, **secure, "mappings": [mapping]}
    try:
        serve_until_signal(ctx, configuration, verbose=verbose, silent=silent, ready=announce)
    except Unusable as error:
        raise Unusable(_in_options(error.message, ctx.command), error.problems) from error


def _in_options(message: str, command: click.Command) -> str:
    """A message about properties of a mapping, in terms of the command's options: --redis-wait for "redis-wait"."""
    options = {name for param in command.params for name in param.opts}
    return re.sub(
        r'"([a-z-]+)(?:\[\d+\])?"',  # without the place in a list, as of "resend-to[0]"
        lambda name: option if (option := f"--{name[1]}") in options else name[0],
        message,
    )


async def _announce(server: Server, codes: tuple[str, ...]) -> str | None:
    """Says where the pages are and how to try them. Returns the path of the first; None if there is none yet."""
    from .mirror_key import key_of, new_key
    from .store import Unavailable

    url = reachable_urls(server.url)[0]
    keys = [key_of(code, public=False) for code in codes]
    if not codes:
        mount: MirrorMount = server.configuration.mappings[0].state
        keys = [new_key(mount.options.public)]
        try:
            await mount.store.create(keys[0].stored, mount.settings)
        except Unavailable:
            return None  # it has been logged; the home page creates one when the store is back
    with suppress(OSError):  # where nothing can be written, a server serves all the same
        for key in keys:
            click.echo(f"The requests to {key.code} are shown at {url}v/{key.name}")
            if key.share_code:
                click.echo(f"For those who may only look: {url}v/{key.share_code}")
            click.echo(f"    curl -d hello {url}r/{key.code}")
    return f"v/{keys[0].name}"


@click.command(short_help="Wait for requests to a mirror and print them as JSON.")
@click.argument("url")
@click.option("--method", metavar="METHOD", help="Only requests with this method.")
@click.option("--path", metavar="PATH", help="Only requests with this path below the mirror's URL, as URL/PATH does.")
@click.option(
    *("-H", "--header", "headers"),
    metavar="NAME[: VALUE]",
    multiple=True,
    help="Only requests with this header, and value if there is one; can be repeated.",
)
@click.option("--body-contains", metavar="TEXT", help="Only requests with this in their body.")
@when_option("body, json.PATH, signature")
@click.option("--never", is_flag=True, help="Fail as soon as there is one, instead of when there is none.")
@click.option("--count", metavar="N", type=WholeNumber(1, 100), help="So many of them.  [default: 1]")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=Number(0, 3600),
    default=30,
    show_default=True,
    help="How long to wait.",
)
@click.option(
    "--after",
    metavar="ID|now",
    help="Only requests that come after the one with this id, or from now on.  [default: all that are kept]",
)
@token_option
def wait(
    url: str, timeout: float, token: str | None, headers: tuple[str, ...], when: tuple[str, ...], **options: Any
) -> None:
    """Wait for requests to the mirror at URL, and print them as JSON.

    URL is where they are sent, http://HOST/r/CODE or with a path below it that they must have, or the address of the
    mirror's page. Requests that have come before count, too: to wait for the next ones, name the last one by --after.

    The exit code is 0 when they came; 1 when they didn't, and the nearest ones that did are told; 2 when the mirror
    can't be asked. With --never it is 0 when none came, and 1 when one did, which is printed.
    """
    match = MIRROR_URL.fullmatch(url)
    if match is None:
        raise Unusable(f"{url} is not the URL of a mirror: http://HOST/r/CODE, or the address of its page")
    options["path"] = _path(match, options["path"])
    if options["never"]:
        options["never"] = "true"
    query = {name.replace("_", "."): str(value) for name, value in options.items() if value not in (None, False)}
    pairs = [("timeout", f"{timeout:g}"), *query.items(), *map(_header, headers), *map(_condition, when)]
    status, outcome = _ask(f"{match['base']}/api/mirrors/{match['code']}/wait", pairs, token, timeout)
    if status not in (200, 408, 409):
        public = "; of a public mirror, give the address of its page" if status == 404 and match["kind"] == "r" else ""
        raise Unusable(f"{url}: {outcome.get('error', f'answered with {status}')}{public}")
    if status == 200 or outcome["requests"]:
        click.echo(json.dumps(outcome["requests"], indent=2))
    if status == 200:
        return
    from .wait import nearest_lines  # with the stores, only where nothing was found

    lines = nearest_lines(outcome.get("nearest", ()))
    instead = "\nThe nearest of those that came instead:\n  " + "\n  ".join(lines) if lines else ""
    raise CannotRun(f"{outcome['error']}{instead}")


def _path(match: re.Match[str], option: str | None) -> str | None:
    """The path that requests must have, by the URL or by the option; None: any."""
    path = match["path"] or "/"
    if rest := rest_of_page(match):
        raise Unusable(
            f"The address of a mirror's page ends with its code: leave {rest} out;"
            " --path /hook, or http://HOST/r/CODE/hook, has wait look for a path below the mirror"
        )
    if match["kind"] != "r" or (path == "/" and not match["query"]):
        return option
    if match["query"]:
        raise Unusable(f"The query isn't looked at: leave {match['query']} out of the URL")
    if option is not None and option.lstrip("/") != path.lstrip("/"):
        raise Unusable(f"The URL says the path {path}, --path says {option}: give one of them")
    return path


def _condition(text: str) -> tuple[str, str]:
    """The word of a condition and its value. Raises `Unusable` for what is none, which may be another parameter."""
    from .conditions import RequestConditions

    pair = word_of(text)
    try:
        RequestConditions.of_texts([pair])
    except ValueError as error:
        raise Unusable(f"--when {text}: {error}") from error
    return pair


def _header(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return f"header.{name.strip()}", value.strip()


def _ask(url: str, query: list[tuple[str, str]], token: str | None, timeout: float) -> tuple[int, dict[str, Any]]:
    """The status and the JSON of a mirror's response. Raises `Unusable` when there is none."""
    try:
        return ask(url, query, token, timeout)
    except OSError as error:
        raise Unusable(str(error)) from error
