"""Checks a whole configuration and makes what the server runs on."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ..errors import ConfigError, Problem
from ..limits import LIMITS
from ..networks import NOWHERE, Networks
from ..tls.served_certificate import ServedCertificate, UnusableCertificate
from . import local_modules, migration
from .compiler import compile_table
from .configuration import Configuration
from .contract import local_handler
from .handler import Handler
from .properties import COMMENTS
from .reader import Document, DocumentPlace, PlacedValue, Source, read
from .reference import load_reference
from .schema import SETTINGS, core_schema
from .schema_errors import shown
from .validation import converted, findings

if TYPE_CHECKING:
    from ..plugins import Plugins

T = TypeVar("T")

# What describes a configuration: a dict, the path of a file, what `read` or `check` makes of them.
Settings = str | os.PathLike[str] | dict[str, Any] | Source | Configuration

# The files of the current folder, for a configuration without mappings.
_DEFAULT_MAPPINGS = [{"match": "(.*)", "file": "./$1"}, {"status": 404}]


async def check(
    source: Settings, plugins: Plugins | None = None, workers: int = 1, *, anew: bool = False
) -> Configuration:
    """The configuration that `source` describes, with its own handlers beside those of the plugins.

    `source` is a dict, the path of a file, or what `read` makes of them; a configuration that is checked already comes
    back as it is. `plugins` are those that are installed by default. `workers` is the number of processes that will
    serve it. With `anew`, as for a reload, local code that has changed is imported again.

    Nothing is opened and nothing is registered: it's refused if and only if a server would refuse it, but for what its
    mappings open and where it listens. Raises `ConfigError` with every mistake in every file, in the order of the files
    and of their lines, and `PluginError`.
    """
    if isinstance(source, Configuration):
        return source
    if plugins is None:
        from ..plugins import load_plugins  # those who give some have imported it

        plugins = load_plugins()
    with local_modules.anew() if anew else nullcontext():
        checker = _Checker(read(source), plugins)
        configuration = checker.configuration(workers)
        try:
            table = await compile_table(checker.mappings(configuration.handlers), configuration, checker.broken)
        except ConfigError as error:
            checker.problems += error.problems
        if checker.problems:
            raise ConfigError(sorted(checker.problems, key=checker.order))
    return replace(configuration, table=table)


def _list_of_mappings(file: str | None) -> str:
    """How mappings are written in a file of this name."""
    suffix = Path(file or "").suffix.lower()
    if suffix == ".toml":
        from .tomltext import MAPPINGS_MEND

        return MAPPINGS_MEND
    return (
        "Begin each mapping with a dash: - match: ..." if suffix in (".yaml", ".yml") else 'Write [{"match": ...}, ...]'
    )


async def with_mappings(configuration: Configuration, mappings: list[dict[str, Any]]) -> Configuration:
    """The same configuration with other mappings, written as in a file. Raises `ConfigError` with every mistake."""
    if not isinstance(mappings, list):
        raise ConfigError(f"The mappings must be a list, not {mappings!r}", 'Write [{"match": ..., ...}, ...]')
    source = read({"mappings": mappings}, configuration.cwd)
    return replace(configuration, table=await compile_table(source.mappings or [], configuration))


class _Checker:
    """Checks the settings, all but the mappings. One that is faulty is reported and counts as absent."""

    def __init__(self, source: Source, plugins: Plugins) -> None:
        self.problems: list[Problem] = []
        self.broken: set[str] = set()  # the prefixes of local handlers that can't be loaded
        self._source = source
        self._plugins = plugins
        self._files = {document.file: index for index, document in enumerate(source.documents)}
        self._faulty = {place for document in source.documents for place in self._check_schema(document)}

    def order(self, problem: Problem) -> tuple[int, int]:
        return self._files.get(problem.file, -1), problem.line or 0

    def configuration(self, workers: int) -> Configuration:
        return Configuration(
            hostname=self._hostname(),
            port=self._port(),
            cwd=self._cwd(),
            max_redirect=int(self._value("max-redirect")),
            ssl=self._ssl(),
            limits=LIMITS.make({name: entry.value for name, entry in self._members("limits").items()}),
            listeners=self._listeners(),
            handlers={**self._plugins.handlers, **self._local_handlers()},
            plugins=self._plugins,
            workers=workers,
            trusted_proxies=self._trusted_proxies(),
            files=frozenset(self._source.files()) | frozenset(self._certificate().values()),
        )

    def mappings(self, handlers: dict[str, Handler]) -> list[PlacedValue]:
        """The mappings as written, the default ones when there are none."""
        written = self._source.mappings
        if written is not None:
            return written
        document = Document({"mappings": _DEFAULT_MAPPINGS}, self._cwd())
        if not {"file", "status"} <= handlers.keys():
            message = 'There are no "mappings", and the default ones need the plugins file and status'
            self.problems.append(DocumentPlace(self._source.documents[0]).problem(message, 'Write "mappings": [...]'))
            return []
        return [
            PlacedValue(mapping, DocumentPlace(document, ("mappings", index)))
            for index, mapping in enumerate(_DEFAULT_MAPPINGS)
        ]

    def _check_schema(self, document: Document) -> Iterator[DocumentPlace]:
        """Reports what is against the schema. Yields the settings, and their members, that are faulty."""
        if document.inserted:
            document.data = converted(core_schema(), document.data)
        found = findings(core_schema(), document.data)
        for finding in migration.revised(found, migration.SETTINGS, document.data):
            hint = _list_of_mappings(document.file) if finding.path == ("mappings",) else finding.hint
            self.problems.append(DocumentPlace(document, finding.path).problem(finding.message, hint))
            yield DocumentPlace(document, finding.path[:1])
            yield DocumentPlace(document, finding.path[:2])

    def _entry(self, name: str) -> PlacedValue | None:
        entry = self._source.setting(name)
        return entry if entry is not None and entry.place not in self._faulty else None

    def _value(self, name: str) -> Any:
        entry = self._entry(name)
        return SETTINGS[name]["default"] if entry is None else entry.value

    def _members(self, name: str) -> dict[str, PlacedValue]:
        members = self._source.members(name)
        return {member: entry for member, entry in members.items() if entry.place not in self._faulty}

    def _attempt(self, place: DocumentPlace, action: Callable[[], T]) -> T | None:
        """What `action` returns; None when it refuses the value at `place`."""
        try:
            return action()
        except ConfigError as error:
            self.problems += (place.problem(problem.message, problem.hint) for problem in error.problems)
            return None

    def _hostname(self) -> str:
        value = str(self._value("hostname"))
        entry = self._entry("hostname")
        if entry is not None and not is_host(value):
            hint = 'Write the host alone, "localhost" or "0.0.0.0" for all of IPv4, and the port as "port"'
            self.problems.append(entry.place.problem(f'"hostname": {shown(value)} is no host name or address', hint))
        return value

    def _port(self) -> int:
        value = self._value("port")
        return 0 if value == "auto" else int(value)

    def _cwd(self) -> Path:
        entry = self._entry("cwd")
        return self._source.documents[0].folder if entry is None else entry.place.document.cwd

    def _listeners(self) -> tuple[Callable[..., Any], ...]:
        entry = self._entry("listeners")
        if entry is None:
            return ()
        value, place = entry
        listeners = (
            self._attempt(place / index, partial(_listener, listener, place.document.folder))
            for index, listener in enumerate(value)
        )
        return tuple(listener for listener in listeners if listener is not None)

    def _trusted_proxies(self) -> Networks:
        entry = self._entry("trusted-proxies")
        if entry is None:
            return NOWHERE
        value, place = entry
        each = [self._attempt(place / index, partial(Networks, (text,))) for index, text in enumerate(value)]
        return NOWHERE if None in each else Networks(value)

    def _local_handlers(self) -> dict[str, Handler]:
        handlers: dict[str, Handler] = {}
        for prefix, (value, place) in self._source.members("handlers").items():
            if prefix in COMMENTS:
                continue
            handler = None
            if place not in self._faulty:
                handler = self._attempt(place, partial(local_handler, prefix, value, place.document.folder))
            if handler is None:
                self.broken.add(prefix)
            else:
                handlers[prefix] = handler
        return handlers

    def _ssl(self) -> ServedCertificate | None:
        entry = self._entry("ssl")
        if entry is None:
            return None
        files = self._certificate()
        missing = [name for name, file in files.items() if not file.is_file()]
        for name in missing:
            place = entry.place / name
            hint = f"Paths are relative to {place.document.folder}"
            self.problems.append(place.problem(f'"ssl.{name}": there is no file {files[name]}', hint))
        if missing:
            return None
        try:
            return ServedCertificate(**files)
        except UnusableCertificate as error:
            what = f'"ssl.{error.member}"' if error.member else '"ssl":'
            self.problems.append(entry.place.problem(f"{what} {error.reason}", error.hint))
            return None

    def _certificate(self) -> dict[str, Path]:
        """The files of the certificate, `cert` and `key`; empty without one."""
        entry = self._entry("ssl")
        if entry is None:
            return {}
        return {name: entry.place.document.path(entry.value[name]) for name in ("cert", "key")}


def is_host(text: str) -> bool:
    """Whether `text` can be the name of a host, or an address."""
    if re.fullmatch(r"[\w-]{1,63}(\.[\w-]{1,63})*\.?", text):  # RFC 1035 2.3.1; an address of IPv4 is one, too
        return True
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _listener(value: Any, cwd: Path) -> Callable[..., Any]:
    listener: Any = load_reference(value, cwd, "listener") if isinstance(value, str) else value
    if not callable(listener):
        raise ConfigError(f"The listener {value!r} is not a function", "Write def listener(server)")
    return cast("Callable[..., Any]", listener)
