"""The argument and the options of `reserve serve`: their names, values and help texts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from .help_sections import WHERE, option
from .parameter_types import PORT, check_host, complete_file, complete_folder
from .proxy_option import EXAMPLE, ProxyOption
from .qr_code import check_qr
from .tls_options import tls_options

# What is served when neither a configuration nor a folder is named: the one of these that there is.
DEFAULT_FILES = ("reserve.json", "reserve.jsonc", "reserve.yaml", "reserve.yml", "reserve.toml")

MAX_WORKERS = 256

_SERVED = "What is served"
_SAID = "What is said"


def default_file() -> Path | None:
    """The configuration of the current folder, None without one. Raises `UsageError` for two."""
    here = [name for name in DEFAULT_FILES if Path(name).exists()]
    if len(here) > 1:
        raise click.UsageError(f"{' and '.join(here)} are both here: name the one that is meant, or keep only one")
    return Path(here[0]) if here else None


def serve_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the argument and the options to a command."""
    for add in reversed(_PARAMETERS):
        command = add(command)
    return command


def _folder(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """The argument FOLDER, checked."""
    if value is None or Path(value).is_dir():
        return value
    if Path(value).exists():
        raise click.BadParameter(f"{value} is no folder; --config {value} serves a configuration", ctx, param)
    raise click.BadParameter(f"there is no folder {value}", ctx, param)


def _proxies(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[ProxyOption, ...]:
    proxies: dict[str, ProxyOption] = {}
    for value in values:
        try:
            proxy = ProxyOption.parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from error
        if proxy.path in proxies:
            raise click.BadParameter(f"{proxy.path or '/'} is given twice: keep one of them", ctx, param)
        proxies[proxy.path] = proxy
    return tuple(proxies.values())


def _workers(ctx: click.Context, option: click.Parameter, value: str) -> int:
    """A number of processes; with "auto" one for each processor that this process may use."""
    if value == "auto":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not value.isdecimal() or not 1 <= int(value) <= MAX_WORKERS:
        raise click.BadParameter(f"{value!r} is neither auto nor a number from 1 to {MAX_WORKERS}", ctx, option)
    return int(value)


_PARAMETERS = (
    click.argument("folder", metavar="[FOLDER]", required=False, callback=_folder, shell_complete=complete_folder),
    option(
        *("-c", "--config", "names"),
        metavar="FILE[,FILE...]",
        shell_complete=complete_file,
        multiple=True,
        section=_SERVED,
        help="Serve these, each on a server of its own; can be repeated.  [default: reserve.json, .yaml or .toml]",
    ),
    option(
        "--host",
        metavar="HOST",
        callback=check_host,
        section=WHERE,
        help="Listen here instead of the configuration's hostname.  [default: $RESERVE_HOST where neither says it]",
    ),
    option(
        *("-p", "--port"),
        metavar="PORT",
        type=PORT,
        section=WHERE,
        help="Listen here instead of the configuration's port; 0 takes a free one.  [default: $PORT where neither says"
        " it]",
    ),
    option(
        "--watch",
        is_flag=True,
        section=_SERVED,
        help="Read the configuration and the code beside it again when one of the files changes.",
    ),
    option(
        "--workers",
        metavar="N",
        section=WHERE,
        default="1",
        callback=_workers,
        help="Serve with N processes, or auto: one for each processor.",
    ),
    option("-v", "--verbose", is_flag=True, section=_SAID, help="Log every step of every request."),
    option(
        *("-q", "--silent"),
        is_flag=True,
        section=_SAID,
        help="Log nothing; the line that says where the server runs stays.",
    ),
    option(
        "--proxy",
        "proxies",
        metavar="PATH=URL",
        multiple=True,
        callback=_proxies,
        section=_SERVED,
        help=f"Ask the server at URL for PATH and what is below: {EXAMPLE}. A path in URL, even /, takes the place of"
        " PATH. Can be repeated.",
    ),
    option("--spa", is_flag=True, section=_SERVED, help="Answer paths that FOLDER doesn't have with its index.html."),
    option(
        "--live",
        is_flag=True,
        section=_SERVED,
        help="Reload pages in the browser when a file of FOLDER, or beside the configuration, changes; with --watch.",
    ),
    option("--cors", is_flag=True, section=_SERVED, help="Let pages of every origin read the responses."),
    tls_options,
    option("-o", "--open", "open_page", is_flag=True, section=WHERE, help="Open it in the browser."),
    option(
        "--qr",
        is_flag=True,
        section=WHERE,
        callback=check_qr,
        help="Show the URL for a phone on the same network as a QR code; goes with --host 0.0.0.0.",
    ),
    option(
        "--explain",
        metavar="SOCKET",
        section=_SAID,
        help="Let reserve explain --server SOCKET ask this server: a path, or a name in your runtime folder.",
    ),
    option(
        "--show-config",
        is_flag=True,
        section=_SAID,
        help="Print the configuration that these options amount to, and exit.",
    ),
)
