"""The group of all commands: `serve` is the one when none is named, and plugins add theirs."""

from __future__ import annotations

import click

from .common import Unusable, installed


class Reserve(click.Group):
    """A group whose command is `serve` when none is named, and that plugins add commands to."""

    _complete = False  # whether the plugins' commands are there

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        return super().resolve_command(ctx, ["serve", *args] if args[0].startswith("-") else args)

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
        records = [record for param in self.commands["serve"].get_params(ctx) if (record := param.get_help_record(ctx))]
        version = [
            record for param in self.params if param.name == "version" and (record := param.get_help_record(ctx))
        ]
        with formatter.section("Options"):
            formatter.write_dl([*records[:-1], *version, records[-1]])
        self.format_commands(ctx, formatter)

    def _add_plugin_commands(self, ctx: click.Context) -> None:
        if self._complete:
            return
        self._complete = True
        for add in installed(ctx).commands:
            before = dict(self.commands)
            try:
                add(self)
            except Exception as error:
                raise Unusable(
                    f"{add.__module__} fails to add its commands: {type(error).__name__}: {error}"
                ) from error
            for name, command in before.items():
                if self.commands.get(name) is not command:
                    raise Unusable(f"{add.__module__} replaces the command {name}: a plugin may only add commands")
