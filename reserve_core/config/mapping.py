"""A mapping, compiled: what the dispatcher works with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .handler import Handler
from .hosts import Hosts
from .schema_errors import Finding
from .search import Search, searcher

if TYPE_CHECKING:
    from ..http import Request
    from .interpolate import Template
    from .reader import DocumentPlace

IfMatch = Callable[["Request", str, "re.Match[str]"], Any]

_NO_GROUPS = re.compile("")


@dataclass(slots=True)
class Mapping:
    """One mapping of the table.

    `properties` are the mapping's own as configured, with the schema's defaults filled in: `mapping["mime-types"]`,
    `"mime-types" in mapping`.
    `options` is the typed object of them where the handler's `schema` is a dataclass: `mapping.options.mime_types`.
    `label` names it in messages (`mapping 3 (^/api/)`), `cwd` is the absolute folder its paths are relative to. `state`
    is what the handler's `validate` prepared, which also sets `final` if it leaves no request to the next mapping, or
    what its `lifespan` has opened: then each server has a mapping of its own. Nothing else changes once it stands.
    `search` looks for the `pattern` in a URL, within a bound. It is all of `match` but the method for a `plain`
    mapping, which most are.
    """

    index: int
    label: str
    handler: Handler
    pattern: re.Pattern[str]
    methods: frozenset[str] | None  # None: all; with `invert` only what the mapping itself asks for
    invert: bool
    if_match: IfMatch | None
    value: Any  # the prefix's property, as configured
    template: Template | None  # how to interpolate it; None: nothing to interpolate
    properties: dict[str, Any]
    cwd: Path
    options: Any = None
    host: Hosts | None = None  # None: all
    state: Any = None
    final: bool = False
    written: DocumentPlace | None = field(default=None, repr=False, compare=False)
    warnings: list[Finding] = field(default_factory=list, repr=False)  # of `validate`; without its place in a file
    search: Search = field(init=False, repr=False)
    plain: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.search = searcher(self.pattern, self.label)
        self.plain = not self.invert and self.host is None

    def match(self, method: str, url: str, host: str) -> re.Match[str] | None:
        """The match of a request that the mapping selects by `method`, `host` and `match`; None if it doesn't.

        `url` is canonical, `host` is `request.hostname`. With `invert-match` it selects those of its handler's methods
        for which not all three hold, and the match has no groups. Raises `HTTPError` when a search takes too long.
        """
        methods = self.methods
        match = None
        if (methods is None or method in methods) and (self.host is None or self.host.holds(host)):
            match = self.search(url)
        if not self.invert:
            return match
        served = self.handler.methods
        return _NO_GROUPS.match("") if match is None and (served is None or method in served) else None

    @property
    def file(self) -> str | None:
        """The file it is written in, as messages name it; None for one that a program gave."""
        return None if self.written is None else self.written.document.file

    @property
    def line(self) -> int | None:
        """The line in its file, counted from 1."""
        return None if self.written is None else self.written.document.line(self.written.path)

    @property
    def place(self) -> str:
        """Where it stands, for messages: `reserve.json:14`; its label where no file has it."""
        return self.label if self.file is None else f"{self.file}:{self.line}"

    @property
    def base(self) -> str | None:
        """The beginning that is all a URL needs: "/api/" for `^/api/(.*)`, "" for any URL. None if it needs more."""
        from .reach import area  # no mapping, no need

        found = None if self.invert else area(self.pattern)
        return None if found is None else found.prefix

    def masked(self, text: str) -> str:
        """`text`, which is about the mapping, with `${NAME}` instead of what the environment has put into it."""
        return text if self.written is None else self.written.masked(text)

    def warn(self, message: str, hint: str | None = None, name: str | None = None) -> None:
        """Warns of what is legal and can't do what it says; to be called in `validate`.

        `hint` says how to mend it, `name` is the property that it is about. The core adds the file, the line and the
        mapping; `reserve check` shows it, and a start and a reload do.
        """
        self.warnings.append(Finding(() if name is None else (name,), message, hint))

    def warn_of_groups(self, value: Any, name: str) -> None:
        """Warns of groups ($2, $name) in `value`, of the property `name`, that the match doesn't have.

        To be called in `validate` for what a handler interpolates besides the prefix's value.
        """
        from .lint import of_groups

        self.warnings += of_groups(self, value, name)

    def __getitem__(self, name: str) -> Any:
        return self.properties[name]

    def __contains__(self, name: object) -> bool:
        """Whether the mapping has a property of its own: as configured, or by its schema's default."""
        return name in self.properties

    def __iter__(self) -> Iterator[str]:
        """The names of those properties."""
        return iter(self.properties)

    def get(self, name: str, default: Any = None) -> Any:
        """A property of the mapping's own, `default` without it."""
        return self.properties.get(name, default)


def internal_redirect(handler: Handler, cwd: Path) -> Mapping:
    """The mapping that `handler` has for the status that another one returns: it's in no table."""
    return Mapping(
        index=-1,
        label="internal redirect",
        handler=handler,
        pattern=_NO_GROUPS,
        methods=None,
        invert=False,
        if_match=None,
        value=None,
        template=None,
        properties={},
        cwd=cwd,
    )
