"""The checked configuration: what a server is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import Problem
from ..limits import Limits
from ..networks import NOWHERE, Networks
from ..tls.served_certificate import ServedCertificate
from .handler import Handler
from .mapping import Mapping
from .table import Table

if TYPE_CHECKING:
    from ..plugins import Plugins


@dataclass(frozen=True, slots=True, eq=False)
class Configuration:
    """A configuration without mistakes, made by `check`. Nothing in it changes, any number of servers may serve it.

    `cwd` is the absolute folder its paths are relative to, `ssl` is None for plain http, `listeners` are called with
    the server, `handlers` are the installed and the local ones by prefix. `workers` processes serve it, `files` are
    those that it was read from. `trusted_proxies` are believed what they say of a request's client. `table` has its
    mappings.
    """

    hostname: str
    port: int
    cwd: Path
    max_redirect: int
    ssl: ServedCertificate | None
    limits: Limits
    listeners: tuple[Callable[..., Any], ...]
    handlers: dict[str, Handler]
    plugins: Plugins
    workers: int = 1
    files: frozenset[Path] = frozenset()
    trusted_proxies: Networks = NOWHERE
    table: Table = field(default_factory=Table)

    @property
    def mappings(self) -> tuple[Mapping, ...]:
        """Its mappings, in order."""
        return self.table.mappings

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What in the mappings is legal and can't do what it says."""
        return self.table.warnings

    @property
    def protocol(self) -> Literal["http", "https"]:
        """How its server is spoken to."""
        return "http" if self.ssl is None else "https"

    def url(self, port: int) -> str:
        """Where a server with this configuration is reached that listens on `port`: `http://127.0.0.1:5000/`."""
        host = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        return f"{self.protocol}://{host}:{port}/"
