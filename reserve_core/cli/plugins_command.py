"""`reserve plugins`: what is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .json_output import json_option, print_json
from .no_plugin_option import installed, no_plugin

if TYPE_CHECKING:
    from ..plugins import PluginInfo


@click.command(short_help="List the installed plugins and what they are for.")
@json_option('Print JSON: [{"name", "prefix", "methods", "distribution", "version", "summary"}].')
@no_plugin
@click.pass_context
def plugins(ctx: click.Context, as_json: bool) -> None:
    """List the installed plugins: prefix, methods, origin and summary."""
    infos = installed(ctx).infos
    if as_json:
        print_json([_members(info) for info in infos])
    else:
        _print_table([("PLUGIN", "METHODS", "FROM", "SUMMARY"), *map(_row, infos)])


def _members(info: PluginInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "prefix": info.prefix,
        "methods": None if info.methods is None else sorted(info.methods),
        "distribution": info.distribution,
        "version": info.version,
        "summary": info.summary,
    }


def _row(info: PluginInfo) -> tuple[str, ...]:
    methods = "-" if info.prefix is None else ", ".join(sorted(info.methods)) if info.methods else "all"
    return info.name, methods, f"{info.distribution} {info.version}".rstrip(), info.summary


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(map(str.ljust, row, widths)).rstrip())
