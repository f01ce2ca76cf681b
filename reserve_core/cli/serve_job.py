"""What the command line asks to be served: read, checked, and read again for a reload."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError, Problem
from ..events import Event
from .command_process import say
from .exit_codes import Mistakes
from .shorthands import Shorthands, with_shorthands

if TYPE_CHECKING:
    from ..config import Configuration, Source
    from ..plugins import Plugins
    from ..server import Server

logger: logging.Logger = logging.getLogger("reserve")


@dataclass(frozen=True, slots=True)
class Job:
    """The configurations, each the path of a file or a dict, with `settings` that win over those in them.

    `shorthands` add to each. It goes to workers as JSON.
    """

    files: Sequence[str | dict[str, Any]]
    settings: dict[str, Any] = field(default_factory=dict)
    workers: int = 1
    verbose: bool = False
    silent: bool = False
    open_page: bool = False
    qr: bool = False
    explain: str | None = None
    shorthands: Shorthands = field(default_factory=Shorthands)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Job:
        return cls(**{**data, "shorthands": Shorthands.from_json(data["shorthands"])})

    def explaining(self, configurations: Callable[[], Sequence[Configuration]]) -> AbstractAsyncContextManager[None]:
        """Explains requests meanwhile, if that is asked for; `configurations` gives those that are served now."""
        if self.explain is None:
            return nullcontext()
        from .explain_socket import explaining

        return explaining(self.explain, self.files, configurations)

    async def configurations(self, plugins: Plugins, *, anew: bool = False) -> list[Configuration]:
        """The checked configurations, the mistakes of all of them in one failure. For a reload `anew`, see `check`."""
        from ..config import check

        checked = []
        problems: list[Problem] = []
        for file in self.files:
            try:
                checked.append(await check(self.source(file), plugins, self.workers, anew=anew))
            except ConfigError as error:
                problems.extend(error.problems)
        if problems:
            raise Mistakes(problems)
        return checked

    def servers(
        self,
        configurations: Sequence[Configuration],
        sockets: Sequence[Sequence[Any]] = (),
        folders: Sequence[Path] = (),
    ) -> list[Server]:
        """The servers of the configurations, with the log as it is asked for; of a worker they have `sockets` and
        `folders`."""
        from ..log import log
        from ..server import Server

        servers = []
        for index, configuration in enumerate(configurations):
            server = Server(
                configuration,
                sockets[index] if sockets else (),
                worker_folder=folders[index] if folders else None,
            )
            servers.append(server)
            if not self.silent:
                log(server, self.verbose)
            elif self.workers == 1:
                server.on("ready", lambda event: say(f"Server running at {event.url}"))
            if self.workers == 1:
                server.on("ready", partial(self._ready, index == 0))
        return servers

    def announce(self, url: str, first: bool) -> None:
        """What follows the line that says where a server runs: its addresses, and what is for the first alone."""
        from .qr_code import show_qr
        from .server_urls import list_urls, open_browser, reachable_urls

        if not self.silent:
            list_urls(url)
        if self.qr and first:
            show_qr(url)
        if self.open_page and first:
            open_browser(reachable_urls(url)[0])

    def _ready(self, first: bool, event: Event) -> None:
        self.announce(event.url, first)

    async def reload(self, servers: Sequence[Server]) -> None:
        """Has each server take over its configuration as it is now. What can't be used is told, and changes nothing."""
        problems: list[Problem] = []
        for server, file in zip(servers, self.files, strict=True):
            try:
                await server.reload(self.source(file))
            except Exception as error:  # of a lifespan, too; the other servers are others'
                if isinstance(error, ConfigError):
                    problems.extend(error.problems)
                elif server.configuration.draining:  # a stop ends a reload that is at work
                    continue
                else:
                    logger.exception("The reload failed")
                server.events.emit(Event("reload_failed", server, reason=error))
        if problems:
            tell_former(problems)

    def source(self, file: str | dict[str, Any]) -> Source:
        """The configuration as it is now, not checked yet. Raises `ConfigError`."""
        from ..config import read

        source = read(file)
        # Several servers can't all listen where the environment says.
        given = {} if len(self.files) > 1 else from_environment(source, self.settings)
        return with_shorthands(source, self.shorthands, {**given, **self.settings})


def from_environment(source: Source, settings: dict[str, Any]) -> dict[str, Any]:
    """Where to listen by $PORT and $RESERVE_HOST, as far as neither `source` nor `settings` say it.

    Raises `ConfigError` for a value that would count and can't be.
    """
    from ..config.checker import is_host

    found: dict[str, Any] = {}
    port, host = os.environ.get("PORT"), os.environ.get("RESERVE_HOST")
    if port and "port" not in settings and source.setting("port") is None:
        if not (port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 65535):
            raise ConfigError(f"$PORT is {port!r}, which is no port", "Set it to a number from 0 to 65535, or unset it")
        found["port"] = int(port)
    if host and "hostname" not in settings and source.setting("hostname") is None:
        if not is_host(host):
            raise ConfigError(
                f"$RESERVE_HOST is {host!r}, which is no host name or address", "Set it to the host alone, or unset it"
            )
        found["hostname"] = host
    return found


def tell_former(problems: Sequence[Problem]) -> None:
    """Prints why there was no reload."""
    Mistakes(problems).show()
    click.echo("The former configuration stays in use", err=True)


def watched_files(configurations: Sequence[Configuration]) -> set[Path]:
    """The files that a reload would read: the configurations, and the code beside them."""
    from ..config.local_modules import loaded_files

    return {file for configuration in configurations for file in configuration.files} | loaded_files()
