"""The `reserve` command.

Exit codes: 0 when all went well, a stop by SIGINT or SIGTERM included; 1 when the server can't run here (the address is
taken, a right is missing); 2 when what was given can't be used (the command line, a configuration, a plugin).
"""

from __future__ import annotations

import asyncio
import os
import signal
import traceback
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from . import __version__
from .errors import ConfigError, PluginError, Problem

if TYPE_CHECKING:
    from .config import Configuration
    from .plugins import Plugins
    from .server import Server

DEFAULT = Path("reserve.json")
SIGNALS = (signal.SIGINT, signal.SIGTERM)

Result = TypeVar("Result")


class _Reserve(click.Group):
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
        except _Unusable as error:  # the help is for those in trouble, too
            error.show()
        return super().list_commands(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Shows the options of `serve`: without a command they are the group's."""
        records = [record for param in serve.get_params(ctx) if (record := param.get_help_record(ctx))]
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
        for add in _plugins(ctx).commands:
            before = dict(self.commands)
            try:
                add(self)
            except Exception as error:
                raise _Unusable(
                    f"{add.__module__} fails to add its commands: {type(error).__name__}: {error}"
                ) from error
            for name, command in before.items():
                if self.commands.get(name) is not command:
                    raise _Unusable(f"{add.__module__} replaces the command {name}: a plugin may only add commands")


class _CannotRun(click.ClickException):
    """The server can't run here."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        click.echo(f"{click.style('Error:', fg='red')} {self.message}", file, err=True, color=self.show_color)


class _Unusable(_CannotRun):
    """What was given can't be used: the `problems`, and then the message."""

    exit_code = 2

    def __init__(self, message: str, problems: Iterable[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = problems

    def show(self, file: Any = None) -> None:
        for problem in self.problems:
            click.echo(str(problem), file, err=True)
        super().show(file)


def _block(ctx: click.Context, option: click.Parameter, names: tuple[str, ...]) -> None:
    ctx.ensure_object(set).update(names)


no_plugin = click.option(
    "--no-plugin",
    metavar="NAME",
    multiple=True,
    is_eager=True,  # before --help, which lists the commands of plugins
    expose_value=False,
    callback=_block,
    help="Leave the plugin of this name out; can be repeated.",
)


@click.group(
    cls=_Reserve,
    invoke_without_command=True,
    context_settings={
        "ignore_unknown_options": True,  # they are those of `serve`
        "help_option_names": ["-h", "--help"],
        "color": False if os.environ.get("NO_COLOR") else None,
    },
)
@click.version_option(__version__, prog_name="reserve", message="%(prog)s %(version)s")
@no_plugin
@click.pass_context
def main(ctx: click.Context) -> None:
    """A web server for developers: an ordered list of mappings says which handler answers which URL.

    Without a command, reserve serves the configuration reserve.json of the current folder.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(serve)


@main.command()
@click.option(
    "--config",
    "names",
    metavar="FILE[,FILE...]",
    multiple=True,
    help="Serve these, each on a server of its own; can be repeated.  [default: reserve.json]",
)
@click.option("--host", metavar="HOST", help="Listen here instead of the configuration's hostname.")
@click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(0, 65535),
    help="Listen here instead of the configuration's port; 0 takes a free one.",
)
@click.option("--verbose", is_flag=True, help="Log every step of every request.")
@click.option("--silent", is_flag=True, help="Log nothing; the line that says where the server runs stays.")
@no_plugin
@click.pass_context
def serve(
    ctx: click.Context, names: tuple[str, ...], host: str | None, port: int | None, verbose: bool, silent: bool
) -> None:
    """Serve one or several configurations until SIGINT or SIGTERM.

    Requests at work may finish then; a second signal cuts them.
    """
    if verbose and silent:
        raise click.UsageError("--verbose and --silent exclude each other: leave one out", ctx)
    files: list[Path | dict[str, Any]] = [Path(name) for value in names for name in value.split(",") if name]
    if not files and not DEFAULT.exists():
        click.echo("There is no reserve.json here: serving the files of this folder", err=True)
        files = [{}]
    settings = {name: value for name, value in (("hostname", host), ("port", port)) if value is not None}

    async def run() -> None:
        from .log import log
        from .server import Server

        servers = [Server(configuration) for configuration in await _configurations(ctx, files or [DEFAULT], settings)]
        for server in servers:
            if silent:
                server.on("ready", lambda event: click.echo(f"Server running at {event.url}"))
            else:
                log(server, verbose)
        await _run_until_signal(servers, verbose)

    _run(run())


@main.command(short_help="Check a configuration and name every mistake in it.")
@click.argument("file", type=click.Path(path_type=Path), default=DEFAULT)
@no_plugin
@click.pass_context
def check(ctx: click.Context, file: Path) -> None:
    """Check a configuration, by default reserve.json, and name every mistake in it."""
    (configuration,) = _run(_configurations(ctx, [file], {}))
    count = len(configuration.mappings)
    click.echo(f"{file}: ok, {count} mapping{'' if count == 1 else 's'}")


def _plugins(ctx: click.Context) -> Plugins:
    from .plugins import load_plugins

    try:
        return load_plugins(ctx.ensure_object(set))
    except PluginError as error:
        raise _Unusable(str(error)) from error


async def _configurations(
    ctx: click.Context, files: Iterable[Path | dict[str, Any]], settings: dict[str, Any]
) -> list[Configuration]:
    """The checked configurations of `files`, the mistakes of all of them in one failure.

    `settings` override those of the files.
    """
    from .config import check, read

    plugins = _plugins(ctx)
    configurations = []
    problems: list[Problem] = []
    for file in files:
        try:
            source = read(file)
            source.settings.update(settings)
            configurations.append(await check(source, plugins))
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        count = len(problems)
        raise _Unusable(f"{'one mistake' if count == 1 else f'{count} mistakes'} in the configuration", problems)
    return configurations


async def _run_until_signal(servers: list[Server], verbose: bool) -> None:
    """Starts the servers and says where each one is, until a signal stops them.

    The first signal lets the requests at work finish, the second cuts them, a third one ends the process as if nobody
    had listened to it.
    """
    loop = asyncio.get_running_loop()
    started: list[Server] = []
    closing: list[asyncio.Future[Any]] = []

    async def start() -> None:
        for server in servers:
            started.append(server)
            await _start(server, verbose)
        await asyncio.Event().wait()

    def stop() -> None:
        if not running.done() and not running.cancelling():
            running.cancel()
            return
        for number in SIGNALS:
            loop.remove_signal_handler(number)
        closing.append(asyncio.gather(*(server.close(force=True) for server in started)))

    running = asyncio.create_task(start())
    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    await asyncio.wait([running])
    closing.append(asyncio.gather(*(server.close() for server in started)))
    while closing:
        await closing.pop()
    if not running.cancelled():
        running.result()


async def _start(server: Server, verbose: bool) -> None:
    try:
        await server.start()
    except OSError as error:
        raise _CannotRun(error.strerror or str(error)) from error
    except (ConfigError, PluginError) as error:
        raise _Unusable(str(error)) from error
    except Exception as error:  # a plugin's startup hook: whose author wants to know where
        if verbose:
            traceback.print_exc()
        raise _CannotRun(f"The server did not start: {type(error).__name__}: {error}") from error


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        from uvloop import new_event_loop
    except ImportError:  # not for this platform
        return None
    return new_event_loop
