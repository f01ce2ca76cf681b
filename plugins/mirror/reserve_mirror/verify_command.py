"""The command `reserve verify`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reserve_core.cli import Unusable
from reserve_core.kit import printable

from .command_options import hmac_options, scheme_of
from .option_values import SIGNATURE_SCHEMES

if TYPE_CHECKING:
    from .request_files import FiledRequest
    from .signatures import Scheme


@click.command(short_help="Verify the signature of a recorded request, and say why it is wrong.")
@click.argument("file")
@click.option(
    "--scheme",
    type=click.Choice(SIGNATURE_SCHEMES),
    help="Who signs so.  [default: the one whose header is there]",
)
@click.option(
    "--secret-env",
    "variables",
    metavar="NAME",
    multiple=True,
    help="The variable of the environment with the secret; repeated, any of them may have signed.",
)
@click.option(
    "--secret-file",
    "files",
    metavar="FILE",
    multiple=True,
    help="A file with the secret, a line break at its end aside; can be repeated.",
)
@hmac_options
@click.pass_context
def verify(
    ctx: click.Context,
    /,
    file: str,
    scheme: str | None,
    variables: tuple[str, ...],
    files: tuple[str, ...],
    **details: str | None,
) -> None:
    """Verify the signature of the request in FILE, and say why it is wrong.

    FILE is what the mirror's page or API exports, JSON or HAR, what reserve wait prints, or a request as it goes over
    the wire; "-" is the standard input. Without --secret-env and --secret-file the secret is asked for.

    The exit code is 0 if all signatures are valid, 1 if one isn't, and 2 if FILE or the secret can't be used.
    """
    from .request_files import requests_in
    from .signatures import verify as verdict_of

    try:
        requests = requests_in(_content(file))
    except ValueError as error:
        raise Unusable(f"{_named(file)} {error}") from error
    chosen = _scheme(scheme, details, requests)
    secrets = [*map(_of_environment, variables), *map(_of_file, files)] or [_asked(file)]
    valid = True
    for name, request, _ in requests:
        verdict = verdict_of(chosen, secrets, request)
        valid = valid and verdict["valid"]
        said = click.style("valid", fg="green") if verdict["valid"] else click.style("invalid", fg="red")
        click.echo(f"{said}: {printable(verdict['reason'])}" + (f" ({printable(name)})" if len(requests) > 1 else ""))
    ctx.exit(0 if valid else 1)


def _content(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Unusable(f"{_named(file)} can't be read: {error.strerror}") from error


def _named(file: str) -> str:
    return "The standard input" if file == "-" else file


def _scheme(name: str | None, details: dict[str, str | None], requests: list[FiledRequest]) -> Scheme:
    from .signatures import guess_scheme

    if name is None and not any(value is not None for value in details.values()):
        for _, request, _ in requests:
            if guess := guess_scheme(request.headers):
                return guess
        raise Unusable(
            "There is no header of a known scheme: choose one by --scheme, or name the header by --signature-header"
        )
    return scheme_of(name, details)


def _of_environment(name: str) -> str:
    secret = os.environ.get(name, "")
    if not secret:
        raise Unusable(f"${name}, which should have the secret, isn't set")
    return secret


def _of_file(file: str) -> str:
    try:
        secret = _content(file).decode()
    except UnicodeDecodeError as error:
        raise Unusable(f"{_named(file)} has no secret: it isn't UTF-8") from error
    secret = secret.removesuffix("\n").removesuffix("\r")
    if not secret:
        raise Unusable(f"{_named(file)}, which should have the secret, is empty")
    return secret


def _asked(file: str) -> str:
    if file == "-" or not sys.stdin.isatty():
        raise Unusable("Name the secret: --secret-env NAME, or --secret-file FILE")
    secret: str = click.prompt("Secret", hide_input=True)
    return secret
