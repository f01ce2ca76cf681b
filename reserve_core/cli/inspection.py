"""The commands that serve nothing: what a configuration may hold, whether one is right, what is installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError, Problem
from .common import DEFAULT, Mistakes, installed, no_plugin, run
from .parameters import no_option

if TYPE_CHECKING:
    from ..config import Configuration
    from ..plugins import PluginInfo, Plugins

_Results = dict[Path, "Configuration | ConfigError"]


def json_option(help: str) -> Callable[[Any], Any]:  # noqa: A002  (click's own name for it)
    return click.option("--json", "as_json", is_flag=True, help=help)


@click.command(short_help="Check configurations and name every mistake in them.")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@json_option(
    'Print JSON: {"ok", "files", "problems": [{"file", "line", "mapping", "message", "hint"}], "warnings": [the same]}.'
)
@no_option("--config", "reserve check {}")
@click.option("--strict", is_flag=True, help="Take warnings for mistakes.")
@no_plugin
@click.pass_context
def check(ctx: click.Context, files: tuple[Path, ...], as_json: bool, strict: bool) -> None:
    """Check configurations, by default reserve.json, and name every mistake in them.

    Without any, warnings name what is legal and can't do what it says. The exit code is 0 if there is no mistake and 2
    otherwise.
    """
    results = run(_check(files or (DEFAULT,), installed(ctx), strict))
    if as_json:
        report = _report(results)
        _print_json(report)
        ctx.exit(0 if report["ok"] else Mistakes.exit_code)
    problems: list[Problem] = []
    for file, result in results.items():
        if isinstance(result, ConfigError):
            problems.extend(result.problems)
        else:
            for warning in result.warnings:
                click.echo(f"{click.style('Warning:', fg='yellow')} {warning}", err=True)
            count, doubts = len(result.mappings), len(result.warnings)
            but = "" if not doubts else ", one warning" if doubts == 1 else f", {doubts} warnings"
            click.echo(f"{file}: ok, {count} mapping{'' if count == 1 else 's'}{but}")
    if problems:
        raise Mistakes(problems)


@click.command(short_help="List the installed plugins and what they are for.")
@json_option('Print JSON: [{"name", "prefix", "methods", "distribution", "version", "summary"}].')
@no_plugin
@click.pass_context
def plugins(ctx: click.Context, as_json: bool) -> None:
    """List the installed plugins: prefix, methods, origin and summary."""
    infos = installed(ctx).infos
    if as_json:
        _print_json([_members(info) for info in infos])
    else:
        _print_table([("PLUGIN", "METHODS", "FROM", "SUMMARY"), *map(_row, infos)])


@click.command()
@no_plugin
@click.pass_context
def schema(ctx: click.Context) -> None:
    """Print the JSON Schema of a configuration, for editors.

    It knows the installed plugins. Save it, and name its file in the configuration: "$schema": "./reserve.schema.json".
    """
    from ..config import compose_schema

    _print_json(compose_schema(installed(ctx).handlers))


async def _check(files: tuple[Path, ...], plugins: Plugins, strict: bool) -> _Results:
    from ..config import check, read

    results: _Results = {}
    for file in files:
        try:
            results[file] = configuration = await check(read(file), plugins)
            if strict and configuration.warnings:
                raise ConfigError(configuration.warnings)
        except ConfigError as error:
            results[file] = error
    return results


def _report(results: _Results) -> dict[str, Any]:
    problems = dict.fromkeys(
        replace(problem, file=problem.file or str(file))  # a file that can't be read has no lines to point to
        for file, result in results.items()
        if isinstance(result, ConfigError)
        for problem in result.problems
    )
    warnings = dict.fromkeys(
        warning for result in results.values() if not isinstance(result, ConfigError) for warning in result.warnings
    )
    return {
        "ok": not problems,
        "files": [str(file) for file in results],
        "problems": [asdict(problem) for problem in problems],
        "warnings": [asdict(warning) for warning in warnings],
    }


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


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))
