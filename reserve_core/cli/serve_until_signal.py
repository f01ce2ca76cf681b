"""For the commands of plugins: a server from its start to its end, as `reserve serve` runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .command_process import run
from .exit_codes import Mistakes, Unusable
from .no_plugin_option import installed

if TYPE_CHECKING:
    import click

    from ..server import Server


def serve_until_signal(
    ctx: click.Context,
    configuration: dict[str, Any],
    *,
    verbose: bool = False,
    silent: bool = False,
    ready: Callable[[Server], Awaitable[None]] | None = None,
) -> None:
    """Serves `configuration` until SIGINT or SIGTERM: the first lets the requests at work finish, the second cuts them.

    `verbose` and `silent` are the options of `reserve serve`, `ctx` is the command's. `ready` is called once the server
    listens, behind the line that says where. Raises `Unusable` for mistakes in the configuration, named without their
    mapping, as the user hasn't written any, and `CannotRun` when it can't be served here.
    """
    import asyncio

    from .running_servers import run_until_signal
    from .serve_job import Job

    async def work() -> None:
        job = Job([configuration], verbose=verbose, silent=silent)
        try:
            (server,) = job.servers(await job.configurations(installed(ctx)))
        except Mistakes as mistakes:
            lines = (str(replace(problem, mapping=None)) for problem in mistakes.problems)
            raise Unusable("\n".join(lines)) from mistakes
        telling: list[asyncio.Future[None]] = []
        if ready is not None:
            server.on("ready", lambda event: telling.append(asyncio.ensure_future(ready(server))))
        await run_until_signal([server], verbose, silent=silent)

    run(work())
