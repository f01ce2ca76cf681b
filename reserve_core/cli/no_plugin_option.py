"""The option `--no-plugin` of each command, and the plugins that it leaves in use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..errors import PluginError
from .exit_codes import Unusable

if TYPE_CHECKING:
    from ..plugins import Plugins


def _block(ctx: click.Context, option: click.Parameter, names: tuple[str, ...]) -> None:
    ctx.ensure_object(set).update(names)


no_plugin: Callable[[Any], Any] = click.option(
    "--no-plugin",
    metavar="NAME",
    multiple=True,
    is_eager=True,  # before --help, which lists the commands of plugins
    expose_value=False,
    callback=_block,
    help="Leave the plugin of this name out; can be repeated.",
)


def installed(ctx: click.Context) -> Plugins:
    """The installed plugins but those left out with `--no-plugin`."""
    from ..plugins import load_plugins

    try:
        return load_plugins(ctx.ensure_object(set))
    except PluginError as error:
        raise Unusable(str(error)) from error
