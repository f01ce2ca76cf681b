"""The group of all commands: `serve` is the one when none is named, and plugins add theirs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import PluginError
from ..failures import describe
from .command_process import command_process
from .exit_codes import INTERRUPTED, Unusable
from .help_sections import write_sections
from .no_plugin_option import installed, no_plugin

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Reserve(click.Group):
    """A group whose command is `serve` when none is named, and that plugins add commands to."""

    _complete = False  # whether the plugins' commands are there

    def main(self, *args: Any, **options: Any) -> Any:
        with command_process():
            return super().main(*args, **options)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Also those given to the command: it may be a plugin's, and found only when no plugin fails.
        ctx.ensure_object(set).update(_left_out(args))
        return super().parse_args(ctx, self._with_command(ctx, args))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        path = Path(args[0])
        if path.exists() and not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            mend = f"./{path} serves the folder" if path.is_dir() else f"--config {path} serves it"
            ctx.fail(f"No such command {args[0]!r}: reserve {mend}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PluginError as error:  # what its mappings may hold is looked at when there is one
            raise Unusable(str(error)) from error
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except click.Abort as error:  # of a prompt, at which the input may have ended, too
            if not isinstance(error.__context__, KeyboardInterrupt):
                raise
            ctx.exit(INTERRUPTED)

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

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands; and the options and the folder of `serve`: without a command they are the group's."""
        serve = self.commands["serve"]
        if _is_path(incomplete):
            folder = next(param for param in serve.params if isinstance(param, click.Argument))
            return folder.shell_complete(ctx, incomplete)
        items = [*super().shell_complete(ctx, incomplete), *serve.shell_complete(ctx, incomplete)]
        return list({item.value: item for item in items}.values())

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Shows the options of `serve`: without a command they are the group's."""
        own = [param for param in self.params if param.name == "version"]
        *params, help_option = self.commands["serve"].get_params(ctx)
        write_sections([*params, *own, help_option], ctx, formatter)
        self.format_commands(ctx, formatter)

    def _with_command(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`args` with the command `serve` where none is named: before its first option, or its folder."""
        own = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        flags = {name: param.is_flag for param in own for name in param.opts}
        place = 0
        while place < len(args) and (name := args[place].partition("=")[0]) in flags:
            place += 1 if flags[name] or name != args[place] else 2
        if place < len(args) and (args[place].startswith("-") or _is_path(args[place])):
            return [*args[:place], "serve", *args[place:]]
        return args

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
            for name, command in self.commands.items():
                if name not in before and all("--no-plugin" not in param.opts for param in command.params):
                    no_plugin(command)


def _left_out(args: list[str]) -> Iterator[str]:
    """The values of the options `--no-plugin`."""
    words = iter(args)
    for word in words:
        if word == "--":
            return
        name, equals, value = word.partition("=")
        if name == "--no-plugin" and (plugin := value if equals else next(words, None)) is not None:
            yield plugin


def _is_path(argument: str) -> bool:
    """Whether it names a folder to serve: `.`, `./dist`, `../site`."""
    return os.sep in argument or argument in (os.curdir, os.pardir)
