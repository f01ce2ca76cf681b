"""`reserve check`: whether configurations are right, and every mistake in them."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError, Problem
from .command_process import run
from .exit_codes import Mistakes
from .json_output import json_option, print_json
from .no_plugin_option import installed, no_plugin
from .parameter_types import no_option
from .serve_options import DEFAULT_FILES, default_file

if TYPE_CHECKING:
    from ..config import Configuration
    from ..plugins import Plugins

_Results = dict[Path, "Configuration | ConfigError"]


@click.command(short_help="Check configurations and name every mistake in them.")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@json_option(
    'Print JSON: {"ok", "files", "problems": [{"file", "line", "mapping", "message", "hint"}], "warnings": [the same]}.'
)
@no_option("-c", "--config", mend="reserve check {}")
@click.option("--strict", is_flag=True, help="Take warnings for mistakes.")
@no_plugin
@click.pass_context
def check(ctx: click.Context, files: tuple[Path, ...], as_json: bool, strict: bool) -> None:
    """Check configurations, by default reserve.json, and name every mistake in them.

    Without any, warnings name what is legal and can't do what it says. The exit code is 0 if there is no mistake and 2
    otherwise.
    """
    results = run(_check(files or (default_file() or Path(DEFAULT_FILES[0]),), installed(ctx), strict))
    if as_json:
        report = _report(results)
        print_json(report)
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
