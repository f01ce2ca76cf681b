"""What the commands of the benchmark share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from .peers import RESERVE, Missing, Peer


def prepare(peers: Iterable[Peer]) -> dict[Peer, str]:
    """The version of every peer, "" for those that aren't here. Raises `Missing` if `reserve` itself isn't."""
    versions = {}
    for peer in dict.fromkeys(peers):
        try:
            versions[peer] = peer.prepare()
        except Missing as error:
            if peer is RESERVE:
                raise
            versions[peer] = ""
            click.echo(f"{peer.name} is left out: {error}", err=True)
    return versions


def file_option(name: str, parameter: str, meaning: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option for a file to be written."""
    kind = click.Path(path_type=Path, dir_okay=False)
    return click.option(name, parameter, type=kind, callback=_check_folder, help=meaning)


def _check_folder(ctx: click.Context, option: click.Parameter, file: Path | None) -> Path | None:
    """Fails at once, not after the minutes of the run."""
    if file and not file.parent.is_dir():
        raise click.BadParameter(f"there is no folder {file.parent}: make it first", ctx, option)
    return file
