"""Checks the mappings of a configuration and compiles them to a table."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence, Set as AbstractSet
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ..errors import ConfigError, Problem
from ..failures import describe, is_cancellation
from ..tokens import is_token
from . import lint, migration, positions
from .environment import as_written
from .handler import Handler
from .hosts import compile_hosts
from .interpolate import compile_template
from .mapping import IfMatch, Mapping
from .names import meant, suggestion
from .pattern import DEFAULT, compile_match
from .properties import MAPPING_PROPERTIES
from .reach import unreached
from .reader import DocumentPlace, PlacedValue
from .reference import load_reference
from .schema import mapping_schema, takes_others
from .schema_errors import Finding, shown
from .table import Table
from .validation import converted, findings

if TYPE_CHECKING:
    from .configuration import Configuration

T = TypeVar("T")


async def compile_table(
    entries: Iterable[PlacedValue], configuration: Configuration, broken: AbstractSet[str] = frozenset()
) -> Table:
    """The table of the mappings, each checked by the handler of the configuration it names, which is given that.

    `broken` are prefixes whose handlers could not be loaded, which has been reported: mappings with them are not.
    Raises `ConfigError` with every mistake in every mapping; only without any, there are warnings.
    """
    compiler = _Compiler(configuration, broken)
    entries = list(entries)
    places = [place for _, place in entries]
    compiled = [await compiler.compile(index, entry) for index, entry in enumerate(entries)]
    mappings = tuple(mapping for mapping in compiled if mapping is not None)
    if not compiler.problems:
        await compiler.check_together(mappings, places)
    if compiler.problems:
        raise ConfigError(compiler.problems)
    return Table(mappings, _warnings(mappings, places))


def _warnings(mappings: Sequence[Mapping], places: list[DocumentPlace]) -> list[Problem]:
    """What is legal in the mappings and can't do what it says, in their order."""
    ended = {mapping.index: by for mapping, by in unreached(mappings)}
    warnings: list[Problem] = []
    for mapping in mappings:
        place = places[mapping.index]
        report = _Report(place, mapping.label, warnings)
        for finding in (*lint.findings(mapping), *mapping.warnings):
            report.add(*finding)
        names = [_named(by, places[by.index], place) for by in ended.get(mapping.index, ())]
        if names:
            message = f"No request comes here: {' and '.join(names)} {'end' if names[1:] else 'ends'} them all"
            report.add((), message, "Put it before, or remove it")
    return warnings


# Of a mapping whose handler isn't known.
_COMMON = {"type": "object", "properties": MAPPING_PROPERTIES}


def _named(mapping: Mapping, place: DocumentPlace, seen_from: DocumentPlace) -> str:
    file = place.document.file
    return mapping.label if file == seen_from.document.file else f"{mapping.label} of {file}"


class _Compiler:
    def __init__(self, configuration: Configuration, broken: AbstractSet[str]) -> None:
        self.problems: list[Problem] = []
        self._configuration = configuration
        self._broken = broken
        self._handlers = handlers = configuration.handlers
        self._kind_of = cache(lambda prefix: _Kind(handlers[prefix]))  # only those that the mappings name

    async def compile(self, index: int, entry: PlacedValue) -> Mapping | None:
        """The mapping of an entry; None when it has a mistake, which is in `problems` then."""
        value, place = entry
        before = len(self.problems)
        report = _Report(place, _label(value, place), self.problems)
        if not isinstance(value, dict):
            report.add((), f"A mapping is an object, not {shown(value)}", 'Write {"match": ..., ...}')
            return None
        kind = self._kind(value, report)
        schema = kind.schema if kind else _COMMON
        if place.document.inserted:
            value = converted(schema, value)
        found = findings(schema, value)
        if kind is not None:
            found = migration.revised(found, migration.PROPERTIES.get(kind.handler.prefix, {}), value)
            found += kind.misspelt(value)
        for finding in found:
            report.add(*finding)
        faulty = {finding.path[0] for finding in found if finding.path}
        sound = {name: member for name, member in value.items() if name not in faulty}
        cwd = place.document.path(sound.get("cwd"), place.document.cwd)
        pattern = report.attempt("match", lambda: compile_match(sound.get("match", DEFAULT)))
        host = report.attempt("host", lambda: compile_hosts(sound.get("host"), report.label))
        if_match = report.attempt("if-match", lambda: _if_match(sound.get("if-match"), cwd))
        methods = report.attempt("method", lambda: _methods(sound, kind.handler if kind else None))
        if kind is None or pattern is None or len(self.problems) > before:
            return None
        mapping = Mapping(
            index=index,
            label=report.label,
            handler=kind.handler,
            pattern=pattern,
            methods=methods,
            invert=value.get("invert-match", False),
            if_match=if_match,
            value=value[kind.handler.prefix],
            template=compile_template(value[kind.handler.prefix]),
            properties={**copy.deepcopy(kind.defaults), **value},
            cwd=cwd,
            host=host,
            written=place,
        )
        await self._validate(mapping, value, report)
        return mapping

    def _kind(self, value: dict[str, Any], report: _Report) -> _Kind | None:
        """The handler that a mapping names by its prefix."""
        prefixes = [name for name in value if name in self._handlers]
        kinds = [self._kind_of(name) for name in prefixes]
        owners = [kind for kind in kinds if all(other is kind or kind.has_as_member(other, value) for other in kinds)]
        if len(owners) == 1:
            return owners[0]
        if prefixes:
            names = " and ".join(f'"{name}"' for name in prefixes)
            hint = 'Write a mapping for each: what passes requests on, such as "headers", in a mapping before it'
            report.add((prefixes[1],), f"Two handlers in one mapping: {names}", hint)
        elif self._broken.isdisjoint(value):
            self._report_unknown(value, report)
        return None

    def _report_unknown(self, value: dict[str, Any], report: _Report) -> None:
        """Reports the property that looks most like a prefix, or is the first that could be one."""
        names = [name for name in value if name not in MAPPING_PROPERTIES]
        hints = {name: suggestion(name, self._handlers, "The handlers are") for name in names}
        close = [name for name in names if hints[name].startswith("Did you mean")]
        path = tuple((close or names)[:1])
        hint = hints[path[0]] if path else suggestion("", self._handlers, "Name a handler by its prefix")
        report.add(path, f"Unknown handler for {shown(value)}", hint)

    async def _validate(self, mapping: Mapping, value: dict[str, Any], report: _Report) -> None:
        handler = mapping.handler

        async def work() -> None:
            mapping.options = handler.shape.make(value)
            if handler.validate is not None:
                await handler.validate(mapping, self._configuration)

        await self._attempt(handler, work(), lambda problem: report)

    async def check_together(self, mappings: tuple[Mapping, ...], places: Sequence[DocumentPlace]) -> None:
        """Has each handler check the mappings together."""
        reports = {each.label: _Report(places[each.index], each.label, self.problems) for each in mappings}
        for prefix in dict.fromkeys(each.handler.prefix for each in mappings):
            handler = self._handlers[prefix]
            if handler.validate_table is not None:
                first = next(each for each in mappings if each.handler is handler)
                named = lambda problem, first=first: reports[problem.mapping or first.label]  # noqa: E731
                await self._attempt(handler, handler.validate_table(mappings, self._configuration), named)

    async def _attempt(self, handler: Handler, work: Awaitable[None], report_of: Callable[[Problem], _Report]) -> None:
        """Awaits the work of a handler's hook; what it refuses, or fails with, is a problem."""
        try:
            await work
        except ConfigError as error:
            for problem in error.problems:
                if problem.file is None:
                    report_of(problem).add((), problem.message, problem.hint)
                else:
                    self.problems.append(problem)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) or is_cancellation(error):
                raise
            owner = (
                f"the plugin {handler.distribution} {handler.version}" if handler.distribution else "the handler's code"
            )
            hint = f"This is a mistake in {owner}: mend or report it"
            message = f'The handler "{handler.prefix}" fails to check the mapping: {describe(error)}'
            report_of(Problem(message)).add((), message, hint)


class _Kind:
    """What all mappings of one handler have in common."""

    def __init__(self, handler: Handler) -> None:
        properties = handler.schema["properties"]
        self.handler = handler
        self.schema = mapping_schema(handler)
        self.properties = frozenset(properties)
        self._known = self.properties | MAPPING_PROPERTIES.keys()
        self._own_ones = re.compile("|".join(["^x-", *handler.schema.get("patternProperties", ())]))
        self._takes_others = takes_others(handler)
        self.defaults = {
            name: schema["default"]
            for name, schema in properties.items()
            if isinstance(schema, dict) and "default" in schema and name != handler.prefix
        }

    def has_as_member(self, other: _Kind, value: dict[str, Any]) -> bool:
        """Whether what stands under the prefix of the `other` is a member of this one's mapping.

        Either it's one of its properties, {"status": 200, "headers": ...}; or the mapping may have any, and this one is
        nothing that the other takes. So a handler that is new leaves those of others alone.
        """
        prefix = other.handler.prefix
        if prefix in self.properties:
            return True
        return self._takes_others and any(
            finding.path[:1] == (prefix,) for finding in findings(other.schema, {prefix: value[prefix]})
        )

    def misspelt(self, value: dict[str, Any]) -> list[Finding]:
        """The properties that the schema lets pass as members of the mapping's own, but are meant to be known ones.

        A condition that nobody reads is no condition: the mapping would apply to all requests.
        """
        found = []
        for name in value if self._takes_others else ():
            known = None if name in self._known else meant(name, self._known - value.keys())
            if known is not None and self._own_ones.search(name) is None:
                hint = f'Did you mean "{known}"? What is your own begins with x-: "x-{name}"'
                found.append(Finding((name,), f'Unknown property "{name}"', hint))
        return found


class _Report:
    """Takes the problems of one mapping."""

    def __init__(self, place: DocumentPlace, label: str, problems: list[Problem]) -> None:
        self.label = label
        self._place = place
        self._problems = problems

    def add(self, path: positions.Path, message: str, hint: str | None) -> None:
        place = DocumentPlace(self._place.document, (*self._place.path, *path))
        self._problems.append(place.problem(message, hint, self.label))

    def attempt(self, name: str, action: Callable[[], T]) -> T | None:
        """What `action` returns; None when it refuses the property `name`."""
        try:
            return action()
        except ConfigError as error:
            for problem in error.problems:
                self.add((name,), problem.message, problem.hint)
            return None


def _label(value: Any, place: DocumentPlace) -> str:
    """How messages name a mapping: its number in its file and its match."""
    match = as_written(value.get("match")) if isinstance(value, dict) else None
    if isinstance(match, dict):
        match = match.get("re")
    if isinstance(match, re.Pattern):
        match = match.pattern
    number = int(place.path[-1]) + 1
    if not isinstance(match, str):
        return f"mapping {number}"
    return f"mapping {number} ({match if len(match) <= 60 else f'{match[:57]}...'})"


def _methods(properties: dict[str, Any], handler: Handler | None) -> frozenset[str] | None:
    """The methods a mapping applies to, None for all.

    `invert-match` inverts what the mapping selects, not what its handler can do: then they are the mapping's own ones,
    and whoever applies it must look at `handler.methods` too.
    """
    own = _own_methods(properties.get("method"))
    served = handler.methods if handler else None
    if handler is None or served is None or properties.get("invert-match"):
        return own
    if own is None:
        return served
    if own.isdisjoint(served):
        raise ConfigError(
            f'"{handler.prefix}" serves only {", ".join(sorted(served))}, not {", ".join(sorted(own))}',
            'Change "method" or leave it out',
        )
    return own & served


def _own_methods(value: str | list[str] | None) -> frozenset[str] | None:
    if value is None:
        return None
    names = [name.strip() for name in value.split(",")] if isinstance(value, str) else value
    wrong = next((name for name in names if not is_token(name)), None)
    if wrong is not None or not names:
        message = '"method" names no HTTP method' if not wrong else f'"method": {shown(wrong)} is not an HTTP method'
        raise ConfigError(message, 'Write "GET,POST" or ["GET", "POST"], or leave it out for all')
    return frozenset(name.upper() for name in names)


def _if_match(value: Any, cwd: Path) -> IfMatch | None:
    if value is None:
        return None
    function = load_reference(value, cwd, "if_match") if isinstance(value, str) else value
    try:
        inspect.signature(function).bind("request", "url", "match")
    except TypeError as error:
        raise ConfigError(
            f'"if-match" can\'t be called with request, url and match: {error}',
            "Write def if_match(request, url, match)",
        ) from error
    except ValueError:
        pass  # built in, without a signature to look at
    return cast("IfMatch", function)
