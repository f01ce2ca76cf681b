"""The group of all commands: `serve` is the one when none is named, and plugins add theirs."""

from __future__ import annotations

import os

import click

from ..failures import describe
from .common import Unusable, installed
from .sections import write_sections


class Reserve(click.Group):
    """A group whose command is `serve` when none is named, and that plugins add commands to."""

    _complete = False  # whether the plugins' commands are there

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        is_command = not args[0].startswith("-") and not _is_path(args[0])
        return super().resolve_command(ctx, args if is_command else ["serve", *args])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands:
            self._add_plugin_commands(ctx)
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        try:
            self._add_plugin_commands(ctx)
        except Unusable as error:  # the help is for those in trouble, too
            error.show()
        return super().list_commands(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Shows the options of `serve`: without a command they are the group's."""
        own = [param for param in self.params if param.name == "version"]
        *params, help_option = self.commands["serve"].get_params(ctx)
        write_sections([*params, *own, help_option], ctx, formatter)
        self.format_commands(ctx, formatter)

    def _add_plugin_commands(self, ctx: click.Context) -> None:
        if self._complete:
            return
        self._complete = True
        for add in installed(ctx).commands:
            before = dict(self.commands)
            try:
                add(self)
            except KeyboardInterrupt:  # Ctrl-C
                raise
            except BaseException as error:
                raise Unusable(f"{add.__module__} fails to add its commands: {describe(error)}") from error
            for name, command in before.items():
                if self.commands.get(name) is not command:
                    raise Unusable(f"{add.__module__} replaces the command {name}: a plugin may only add commands")


def _is_path(argument: str) -> bool:
    """Whether it names a folder to serve: `.`, `./dist`, `../site`."""
    return os.sep in argument or argument in (os.curdir, os.pardir)
