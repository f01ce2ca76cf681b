"""Adds the command `reserve import`: writes the configuration of another server as one of this one.

Nothing of what it reads is executed, and nothing is passed over in silence: what can't be taken over is named with its
file, line and reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reserve_core import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def commands(cli: click.Group) -> None:
    from .import_command import import_

    cli.add_command(import_)
