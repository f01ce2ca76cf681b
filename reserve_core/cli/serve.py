"""`reserve serve`: the servers, and the signals that stop them."""

from __future__ import annotations

import asyncio
import signal
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError, PluginError, Problem
from .common import DEFAULT, CannotRun, Mistakes, Unusable, installed, no_plugin, run

if TYPE_CHECKING:
    from ..config import Configuration
    from ..plugins import Plugins
    from ..server import Server

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@click.command()
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

    async def work() -> None:
        from ..log import log
        from ..server import Server

        configurations = await configurations_of(files or [DEFAULT], settings, installed(ctx))
        servers = [Server(configuration) for configuration in configurations]
        for server in servers:
            if silent:
                server.on("ready", lambda event: click.echo(f"Server running at {event.url}"))
            else:
                log(server, verbose)
        await run_until_signal(servers, verbose)

    run(work())


async def configurations_of(
    files: list[Path | dict[str, Any]], settings: dict[str, Any], plugins: Plugins
) -> list[Configuration]:
    """The checked configurations of `files`, the mistakes of all of them in one failure.

    `settings` override those of the files.
    """
    from ..config import check, read

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
        raise Mistakes(problems)
    return configurations


async def run_until_signal(servers: list[Server], verbose: bool) -> None:
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
        raise CannotRun(error.strerror or str(error)) from error
    except (ConfigError, PluginError) as error:
        raise Unusable(str(error)) from error
    except Exception as error:  # a plugin's startup hook: whose author wants to know where
        if verbose:
            traceback.print_exc()
        raise CannotRun(f"The server did not start: {type(error).__name__}: {error}") from error
