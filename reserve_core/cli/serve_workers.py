"""`reserve serve --workers N`: the process that keeps the workers at work, and what a worker does."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from .command_process import command_process, run, say
from .exit_codes import CannotRun, Mistakes
from .reloader import Reloader
from .running_servers import RunningServers, not_listening
from .serve_job import Job, tell_former, watched_files
from .signals import signals

if TYPE_CHECKING:
    from ..plugins import Plugins


async def supervise(job: Job, plugins: Plugins, blocked: Iterable[str], watch: bool) -> int:
    """Serves with the job's workers until a signal stops them; returns the exit code."""
    from ..events import Emitter
    from ..listening import bind
    from ..log import log, reload_line
    from ..server import tell_warnings
    from ..workers import StartError, Supervisor

    configurations = await job.configurations(plugins)
    try:
        sockets = [bind(configuration) for configuration in configurations]
    except OSError as error:
        raise not_listening(error, alone=len(configurations) == 1) from error
    numbers = [[each.fileno() for each in group] for group in sockets]

    def command(worker: int, descriptor: int) -> list[str]:
        folders = [] if folder is None else [str(folder / str(index) / str(worker)) for index in range(len(sockets))]
        task = {
            "job": asdict(job),
            "blocked": sorted(blocked),
            "sockets": numbers,
            "folders": folders,
            "parent": descriptor,
        }
        return [sys.executable, "-P", "-m", __name__, json.dumps(task)]

    supervisor = Supervisor(job.workers, command, [number for group in numbers for number in group])

    present = configurations

    async def reload() -> None:
        nonlocal present
        try:
            present = await job.configurations(plugins, anew=True)
        except Mistakes as mistakes:
            tell_former(mistakes.problems)
            return
        for new in present:
            tell_warnings(new)
        await supervisor.reload()
        if not job.silent:
            for new in present:
                say(reload_line(len(new.mappings)))

    reloader = Reloader(reload, (lambda: watched_files(present)) if watch else None)
    if not job.silent:
        log(Emitter(), job.verbose)  # what the supervisor tells
    for configuration in configurations:
        tell_warnings(configuration)
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(workers_folder())
        await stack.enter_async_context(job.explaining(lambda: present))
        for group in sockets:
            for each in group:
                stack.enter_context(each)
        stack.enter_context(signals(supervisor.stop, reloader))
        try:
            await supervisor.start()
        except StartError as error:
            return error.exit_code if error.exit_code > 0 else CannotRun.exit_code
        for index, (configuration, group) in enumerate(zip(configurations, sockets, strict=True)):
            url = configuration.url(group[0].getsockname()[1])
            say(f"Server running at {url}")
            job.announce(url, index == 0)
        await supervisor.wait()
    return 0


@contextmanager
def workers_folder() -> Iterator[Path | None]:
    """A folder for what the workers keep; None where the system has no room for one: few have anything to keep."""
    try:
        folder = TemporaryDirectory(prefix="reserve-")
    except OSError:
        yield None
    else:
        with folder as name:
            yield Path(name)


def work(text: str) -> int:
    """Runs a worker, whose task is given in JSON; returns the exit code."""
    with command_process():
        return _worked(json.loads(text))


def _worked(task: dict[str, Any]) -> int:
    sockets = [[socket.socket(fileno=number) for number in group] for group in task["sockets"]]
    try:
        folders = [Path(folder) for folder in task["folders"]]
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        run(_work(Job.from_json(task["job"]), task["blocked"], sockets, folders, task["parent"]))
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return 0


async def _work(
    job: Job,
    blocked: Sequence[str],
    sockets: Sequence[Sequence[socket.socket]],
    folders: Sequence[Path],
    descriptor: int,
) -> None:
    from ..plugins import load_plugins
    from ..workers import Parent

    parent = await Parent.connect(descriptor)
    servers = job.servers(await job.configurations(load_plugins(blocked)), sockets, folders)
    running = RunningServers(servers, job.verbose, job.silent, started=lambda: parent.say("ready"))

    async def reload() -> None:
        await job.reload(servers)
        parent.say("reloaded")

    reloader = Reloader(reload)
    with signals(running.stop, reloader):
        listening = asyncio.create_task(parent.listen(running.stop, reloader.ask))
        try:
            await running.run()
        finally:
            if listening.done():  # the parent was killed, and removes nothing any more
                for folder in folders:
                    shutil.rmtree(folder.parents[1], ignore_errors=True)
            listening.cancel()
            await parent.close()


if __name__ == "__main__":
    sys.exit(work(sys.argv[1]))
