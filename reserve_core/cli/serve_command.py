"""`reserve serve`: serves what its options say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .command_process import run
from .help_sections import SectionCommand
from .no_plugin_option import installed, no_plugin
from .serve_options import default_file, serve_options
from .tls_options import check_tls_options

if TYPE_CHECKING:
    from ..config import Configuration


@click.command(cls=SectionCommand, short_help="Serve a folder, or configurations, until SIGINT or SIGTERM.")
@serve_options
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
    qr: bool,
    explain: str | None,
    show_config: bool,
    **flags: Any,
) -> None:
    """Serve the files of FOLDER, or one or several configurations, until SIGINT or SIGTERM.

    Requests at work may finish then; a second signal cuts them. SIGHUP reads the configurations again.
    """
    from .serve_job import Job, watched_files
    from .shorthands import Shorthands, notices, written

    if verbose and silent:
        raise click.UsageError("--verbose and --silent exclude each other: leave one out", ctx)
    files: list[str | dict[str, Any]] = [name for value in names for name in value.split(",") if name]
    if show_config and len(files) > 1:
        raise click.UsageError("--show-config shows one configuration: name one", ctx)
    if folder is not None and files:
        raise click.UsageError("FOLDER and --config exclude each other: leave one out", ctx)
    if not files:
        found = default_file() if folder is None else None
        files = [{} if found is None else str(found)]
    settings = {name: value for name, value in (("hostname", host), ("port", port)) if value is not None}
    shorthands = Shorthands(folder, **flags)
    check_tls_options(shorthands.tls, shorthands.cert, shorthands.key)
    for notice in notices(shorthands, found={} not in files):
        click.echo(notice, err=True)
    watch = watch or shorthands.live
    job = Job(files, settings, workers, verbose, silent, open_page, qr, explain, shorthands)
    plugins = installed(ctx)
    if show_config:
        from ..config import read

        run(job.configurations(plugins))  # one with a mistake is none to show
        click.echo(written(read(files[0]), shorthands, settings))
        return
    if workers > 1:
        from .serve_workers import supervise

        ctx.exit(run(supervise(job, plugins, ctx.ensure_object(set), watch)))

    from .reloader import Reloader
    from .running_servers import run_until_signal

    async def work() -> None:
        servers = job.servers(await job.configurations(plugins))

        def configurations() -> list[Configuration]:
            return [server.configuration.checked for server in servers]

        watched = (lambda: watched_files(configurations())) if watch else None
        async with job.explaining(configurations):
            await run_until_signal(servers, verbose, Reloader(lambda: job.reload(servers), watched), silent)

    run(work())
