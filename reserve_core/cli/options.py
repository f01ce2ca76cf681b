"""The options of `reserve serve` that add to a configuration, and the sections of its help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from .proxies import EXAMPLE, Proxy
from .sections import option

SERVED = "What is served"
WHERE = "Where"
SAID = "What is said"


def a_folder(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """The argument FOLDER, checked."""
    if value is None or Path(value).is_dir():
        return value
    if Path(value).exists():
        raise click.BadParameter(f"{value} is no folder; --config {value} serves a configuration", ctx, param)
    raise click.BadParameter(f"there is no folder {value}", ctx, param)


def _parsed(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[Proxy, ...]:
    proxies: dict[str, Proxy] = {}
    for value in values:
        try:
            proxy = Proxy.parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from error
        if proxy.path in proxies:
            raise click.BadParameter(f"{proxy.path or '/'} is given twice: keep one of them", ctx, param)
        proxies[proxy.path] = proxy
    return tuple(proxies.values())


_OPTIONS = (
    option(
        "--proxy",
        "proxies",
        metavar="PATH=URL",
        multiple=True,
        callback=_parsed,
        section=SERVED,
        help=f"Ask the server at URL for PATH and what is below: {EXAMPLE}. A path in URL, even /, takes the place of"
        " PATH. Can be repeated.",
    ),
    option("--spa", is_flag=True, section=SERVED, help="Answer paths that FOLDER doesn't have with its index.html."),
    option("--cors", is_flag=True, section=SERVED, help="Let pages of every origin read the responses."),
    option("--tls", is_flag=True, section=WHERE, help="Serve https with a certificate made for this machine."),
    option("--open", "open_page", is_flag=True, section=WHERE, help="Open it in the browser."),
    option(
        "--show-config",
        is_flag=True,
        section=SAID,
        help="Print the configuration that these options amount to, and exit.",
    ),
)


def convenience_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options to a command: the fields of `Conveniences` by their names, `open_page` and `show_config`."""
    for add in reversed(_OPTIONS):
        command = add(command)
    return command
