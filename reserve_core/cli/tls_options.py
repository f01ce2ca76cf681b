"""The options of https: `--tls`, `--cert` and `--key`, and what is wrong with those given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from .exit_codes import Unusable
from .help_sections import WHERE, option
from .parameter_types import complete_file

Command = TypeVar("Command", bound=Callable[..., Any])


def _file(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not Path(value).is_file():
        raise click.BadParameter(f"there is no file {value}", ctx, param)
    return value


_OPTIONS = (
    option(
        "--tls",
        is_flag=True,
        section=WHERE,
        help="Serve https with a certificate made for this machine, which browsers trust after reserve trust.",
    ),
    option(
        "--cert",
        metavar="FILE",
        callback=_file,
        shell_complete=complete_file,
        section=WHERE,
        help="Serve https with this certificate, PEM, with its chain.",
    ),
    option(
        "--key",
        metavar="FILE",
        callback=_file,
        shell_complete=complete_file,
        section=WHERE,
        help="The private key of --cert, PEM, not encrypted.",
    ),
)


def tls_options(command: Command) -> Command:
    """Adds `--tls`, `--cert` and `--key` to a command, for `tls_setting`."""
    for add in reversed(_OPTIONS):
        command = add(command)
    return command


def check_tls_options(tls: bool, cert: str | None, key: str | None) -> None:
    """Raises `UsageError` for options that don't go together, `Unusable` for files that no server can use."""
    if tls and (cert or key):
        raise click.UsageError("--tls makes a certificate, --cert and --key name one: give one or the other")
    if (cert is None) is not (key is None):
        given, other = ("--cert", "--key") if cert else ("--key", "--cert")
        raise click.UsageError(f"{given} needs {other}: give both files")
    if cert is not None and key is not None:
        from ..tls.served_certificate import ServedCertificate, UnusableCertificate

        try:
            ServedCertificate(Path(cert), Path(key))
        except UnusableCertificate as error:
            what = f"--{error.member}" if error.member else "--cert and --key:"
            raise Unusable(f"{what} {error.reason}. {error.hint}") from error


def tls_setting(hostname: str, *, tls: bool, cert: str | None, key: str | None) -> dict[str, Any]:
    """What the options of `tls_options` amount to for a server on `hostname`: the setting `ssl` of its configuration.

    Empty without any of them. Says what whoever gives `--tls` may not know. Raises `UsageError`, `Unusable` and
    `CannotRun` when there can be no such server.
    """
    check_tls_options(tls, cert, key)
    if cert is not None and key is not None:
        return {"ssl": {"cert": str(Path(cert).absolute()), "key": str(Path(key).absolute())}}
    if not tls:
        return {}
    from .tls_certificate import certificate, notice

    if said := notice():
        click.echo(said, err=True)
    return {"ssl": certificate(hostname)}
