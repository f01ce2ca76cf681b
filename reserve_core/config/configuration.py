"""The checked configuration: what the server runs on and what handlers get as `configuration`."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import ConfigError, Problem
from ..limits import Limits
from ..networks import NOWHERE, Networks
from .compiler import compile_table
from .mapping import Handler, Mapping
from .reader import read
from .table import Table

if TYPE_CHECKING:
    from ..http import Request, Response
    from ..plugins import Plugins

Dispatch = Callable[["Request", "Response"], Awaitable[None]]


# Where it listens, and in how many processes, stays.
_CHANGING = ("cwd", "max_redirect", "ssl", "limits", "trusted_proxies", "listeners", "handlers", "files", "table")


async def _not_serving(request: Request, response: Response) -> None:
    raise RuntimeError("The configuration isn't served: only a running server or a mock dispatches requests")


@dataclass(slots=True, eq=False)
class Configuration:
    """A configuration without mistakes, made by `check`.

    `cwd` is the absolute folder its paths are relative to, `ssl` is None for plain http, `listeners` are called with
    the server, `handlers` are the installed and the local ones by prefix. `workers` processes serve it, `files` are
    those that it was read from. `trusted_proxies` are believed what they say of a request's client. `table` is replaced
    as a whole and never changed: who works on one keeps it. A reload
    changes what there is in a configuration, never which one it is. `dispatch` runs a request through the mappings,
    `dispatch_rest` one that a handler has at hand through those behind its own; the server sets them.
    """

    hostname: str
    port: int
    cwd: Path
    max_redirect: int
    ssl: ssl.SSLContext | None
    limits: Limits
    listeners: tuple[Callable[..., Any], ...]
    handlers: dict[str, Handler]
    plugins: Plugins
    workers: int = 1
    files: frozenset[Path] = frozenset()
    trusted_proxies: Networks = NOWHERE
    table: Table = field(default_factory=Table)
    dispatch: Dispatch = _not_serving
    dispatch_rest: Dispatch = _not_serving

    @property
    def mappings(self) -> tuple[Mapping, ...]:
        return self.table.mappings

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What in the mappings is legal and can't do what it says."""
        return self.table.warnings

    @property
    def protocol(self) -> Literal["http", "https"]:
        return "http" if self.ssl is None else "https"

    def url(self, port: int) -> str:
        """Where a server with this configuration is reached that listens on `port`: `http://127.0.0.1:5000/`."""
        host = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        return f"{self.protocol}://{host}:{port}/"

    async def set_mappings(self, mappings: list[dict[str, Any]]) -> None:
        """Replaces the mappings, written as in a configuration. Requests under way finish on those they started with.

        Raises `ConfigError` with every mistake in them; then nothing has changed.
        """
        if not isinstance(mappings, list):
            raise ConfigError(f"The mappings must be a list, not {mappings!r}", 'Write [{"match": ..., ...}, ...]')
        source = read({"mappings": mappings}, self.cwd)
        self.table = await compile_table(
            source.mappings or [], self.handlers, self, trusted_proxies=self.trusted_proxies
        )

    def take_over(self, other: Configuration) -> None:
        """Makes the configuration what `other` is, as far as a running server can change."""
        for name in _CHANGING:
            setattr(self, name, getattr(other, name))
