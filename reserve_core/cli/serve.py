"""`reserve serve`: what it is told by options."""

from __future__ import annotations

import os
from typing import Any

import click

from .common import DEFAULT, installed, no_plugin, run
from .options import SAID, SERVED, WHERE, a_folder, convenience_options
from .parameters import PORT, check_host
from .sections import SectionCommand, option

MAX_WORKERS = 256


def _workers(ctx: click.Context, option: click.Parameter, value: str) -> int:
    """A number of processes; with "auto" one for each processor that this process may use."""
    if value == "auto":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not value.isdecimal() or not 1 <= int(value) <= MAX_WORKERS:
        raise click.BadParameter(f"{value!r} is neither auto nor a number from 1 to {MAX_WORKERS}", ctx, option)
    return int(value)


@click.command(cls=SectionCommand, short_help="Serve a folder, or configurations, until SIGINT or SIGTERM.")
@click.argument("folder", metavar="[FOLDER]", required=False, callback=a_folder)
@option(
    "--config",
    "names",
    metavar="FILE[,FILE...]",
    multiple=True,
    section=SERVED,
    help="Serve these, each on a server of its own; can be repeated.  [default: reserve.json]",
)
@option(
    "--host",
    metavar="HOST",
    callback=check_host,
    section=WHERE,
    help="Listen here instead of the configuration's hostname.",
)
@option(
    "--port",
    metavar="PORT",
    type=PORT,
    section=WHERE,
    help="Listen here instead of the configuration's port; 0 takes a free one.",
)
@option(
    "--watch",
    is_flag=True,
    section=SERVED,
    help="Read the configuration and the code beside it again when one of the files changes.",
)
@option(
    "--workers",
    metavar="N",
    section=WHERE,
    default="1",
    callback=_workers,
    help="Serve with N processes, or auto: one for each processor.",
)
@option("--verbose", is_flag=True, section=SAID, help="Log every step of every request.")
@option("--silent", is_flag=True, section=SAID, help="Log nothing; the line that says where the server runs stays.")
@convenience_options
@no_plugin
@click.pass_context
def serve(
    ctx: click.Context,
    /,
    folder: str | None,
    names: tuple[str, ...],
    host: str | None,
    port: int | None,
    watch: bool,
    workers: int,
    verbose: bool,
    silent: bool,
    open_page: bool,
    show_config: bool,
    **flags: Any,
) -> None:
    """Serve the files of FOLDER, or one or several configurations, until SIGINT or SIGTERM.

    Requests at work may finish then; a second signal cuts them. SIGHUP reads the configurations again.
    """
    from .conveniences import Conveniences, notices, written
    from .job import Job, watched_files

    if verbose and silent:
        raise click.UsageError("--verbose and --silent exclude each other: leave one out", ctx)
    files: list[str | dict[str, Any]] = [name for value in names for name in value.split(",") if name]
    if show_config and len(files) > 1:
        raise click.UsageError("--show-config shows one configuration: name one", ctx)
    if folder is not None and files:
        raise click.UsageError("FOLDER and --config exclude each other: leave one out", ctx)
    if not files:
        files = [str(DEFAULT) if folder is None and DEFAULT.exists() else {}]
    settings = {name: value for name, value in (("hostname", host), ("port", port)) if value is not None}
    conveniences = Conveniences(folder, **flags)
    for notice in notices(conveniences, found={} not in files):
        click.echo(notice, err=True)
    job = Job(files, settings, workers, verbose, silent, open_page, conveniences)
    plugins = installed(ctx)
    if show_config:
        from ..config import read

        run(job.configurations(plugins))  # one with a mistake is none to show
        click.echo(written(read(files[0]), conveniences, settings))
        return
    if workers > 1:
        from .workers import supervise

        ctx.exit(run(supervise(job, plugins, ctx.ensure_object(set), watch)))

    from .running import Reloader, run_until_signal

    async def work() -> None:
        servers = job.servers(await job.configurations(plugins))
        watched = (lambda: watched_files([server.configuration.checked for server in servers])) if watch else None
        await run_until_signal(servers, verbose, Reloader(lambda: job.reload(servers), watched), silent)

    run(work())
