"""`reserve serve`: what it is told by options."""

from __future__ import annotations

import os
from typing import Any

import click

from .common import DEFAULT, installed, no_plugin, run
from .job import Job, watched_files
from .running import Reloader, run_until_signal

MAX_WORKERS = 256


def _workers(ctx: click.Context, option: click.Parameter, value: str) -> int:
    """A number of processes; with "auto" one for each processor that this process may use."""
    if value == "auto":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not value.isdecimal() or not 1 <= int(value) <= MAX_WORKERS:
        raise click.BadParameter(f"{value!r} is neither auto nor a number from 1 to {MAX_WORKERS}", ctx, option)
    return int(value)


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
@click.option(
    "--watch", is_flag=True, help="Read the configuration and the code beside it again when one of the files changes."
)
@click.option(
    "--workers",
    metavar="N",
    default="1",
    callback=_workers,
    help="Serve with N processes, or auto: one for each processor.",
)
@click.option("--verbose", is_flag=True, help="Log every step of every request.")
@click.option("--silent", is_flag=True, help="Log nothing; the line that says where the server runs stays.")
@no_plugin
@click.pass_context
def serve(
    ctx: click.Context,
    names: tuple[str, ...],
    host: str | None,
    port: int | None,
    watch: bool,
    workers: int,
    verbose: bool,
    silent: bool,
) -> None:
    """Serve one or several configurations until SIGINT or SIGTERM.

    Requests at work may finish then; a second signal cuts them. SIGHUP reads the configurations again.
    """
    if verbose and silent:
        raise click.UsageError("--verbose and --silent exclude each other: leave one out", ctx)
    files: list[str | dict[str, Any]] = [name for value in names for name in value.split(",") if name]
    if not files and not DEFAULT.exists():
        click.echo("There is no reserve.json here: serving the files of this folder", err=True)
        files = [{}]
    settings = {name: value for name, value in (("hostname", host), ("port", port)) if value is not None}
    job = Job(files or [str(DEFAULT)], settings, workers, verbose, silent)
    plugins = installed(ctx)
    if workers > 1:
        from .workers import supervise

        ctx.exit(run(supervise(job, plugins, ctx.ensure_object(set), watch)))

    async def work() -> None:
        servers = job.servers(await job.configurations(plugins))
        watched = (lambda: watched_files([server.configuration for server in servers])) if watch else None
        await run_until_signal(servers, verbose, Reloader(lambda: job.reload(servers), watched))

    run(work())
